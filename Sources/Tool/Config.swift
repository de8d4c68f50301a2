internal import ArgumentParser
internal import Platform

/// Looks at the server's options without starting it.
struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check and show the server's configuration.",
    discussion: """
      Options come from flags, VARVE_* variables, the --config file and defaults; the first of \
      these that gives one wins. All options are described in docs/configuration.md.
      """,
    subcommands: [Check.self, Show.self, Example.self, Page.self]
  )

  /// Everything that is wrong, without starting.
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check flags, variables and the config file.",
      discussion: """
        Prints a line for each fault: whatever varve serve would refuse with these options. Flags \
        may stand behind the file, as for serve. Exit status: 0 sound, 1 faults, 2 the file cannot \
        be read.
        """
    )

    @Argument(help: "The config file; the same as --config.")
    var file: String?

    @OptionGroup var flags: ConfigurationFlags

    func run() throws {
      var flags = flags
      if let file { flags.config = file }
      let loader = ConfigurationLoader(flags: flags)
      let resolution = try loader.load()
      for warning in loader.warnings { StandardOutput.writeError("warning: \(warning)\n") }
      let faults = resolution.startFaults(RealDisk())
      for fault in faults { StandardOutput.writeError("\(fault)\n") }
      guard faults.isEmpty else { throw ExitCode(1) }
      let given = resolution.settings.count { $0.source != .default }
      StandardOutput.write(
        "\(loader.path ?? "no config file"): sound; \(given) \(given == 1 ? "option" : "options") "
          + "given\n"
      )
    }
  }

  /// Every option with its value and where that comes from.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show every option, its value and where it comes from."
    )

    @Flag(help: "As one JSON object.")
    var json = false

    @Argument(help: "The config file; the same as --config.")
    var file: String?

    @OptionGroup var flags: ConfigurationFlags

    func run() throws {
      var flags = flags
      if let file { flags.config = file }
      let loader = ConfigurationLoader(flags: flags)
      let resolution = try loader.load()
      for warning in loader.warnings { StandardOutput.writeError("warning: \(warning)\n") }
      guard resolution.faults.isEmpty else { throw WrongUsage(resolution.faults.map(\.message)) }
      StandardOutput.write(
        json ? ConfigurationText.json(resolution) : ConfigurationText.table(resolution)
      )
    }
  }

  /// A file to begin with.
  struct Example: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print a config file with every option, its default and what it does.",
      discussion: "For example: varve config example > varve.yaml"
    )

    func run() { StandardOutput.write(ConfigurationPage.example) }
  }

  /// The page of the documentation that is made from the table.
  struct Page: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print docs/configuration.md, which is made from the table of options.",
      discussion: "After a change: varve config page > docs/configuration.md"
    )

    func run() { StandardOutput.write(ConfigurationPage.markdown) }
  }
}
