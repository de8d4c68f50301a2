package import ArgumentParser
internal import Server

/// The root of the command line: a list of subcommands, one file each.
struct Varve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "varve",
    abstract: "A time-series storage engine that carries a monitoring pipeline.",
    discussion: """
      Every option can also be given in the environment: --line-tcp as VARVE_LINE_TCP; the server \
      reads a --config file too. What stands on the command line wins. Sizes take units (512MiB, \
      1GB), times too (10s, 500ms, 1h30m). Exit status: 0 done, 1 failed, 2 wrong usage.
      """,
    version: BuildInformation.text,
    subcommands: VarveCommands.all
  )
}

/// The subcommands, in the order in which help lists them.
package enum VarveCommands {
  package static let all: [any ParsableCommand.Type] = [
    Serve.self, Demo.self, Load.self, Query.self, Export.self, Import.self, QueueCommand.self,
    Inspect.self, Verify.self, Doctor.self, Plan.self, Compact.self, Torture.self, Config.self,
  ]
}
