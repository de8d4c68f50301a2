internal import Engine
internal import Platform

/// Reads the configuration of this process: its flags, its environment, its file.
struct ConfigurationLoader {
  let flags: ConfigurationFlags

  /// The file that was asked for, by flag or by `VARVE_CONFIG`.
  var path: String? {
    if let path = flags.config { return path }
    let path = ProcessEnvironment.value(of: Setting.variable(flag: ConfigurationFlags.fileFlag))
    return path?.isEmpty == false ? path : nil
  }

  /// - Throws: ``WrongUsage`` when there is a file and it cannot be read.
  func load() throws -> Resolution {
    var file: ConfigurationFile?
    if let path {
      switch ConfigurationFile.open(path) {
      case .success(let opened): file = opened
      case .failure(let fault): throw WrongUsage([fault.message])
      }
    }
    return ConfigurationResolver(
      flags: flags.texts,
      file: file,
      variable: ProcessEnvironment.value(of:)
    ).resolve(machine: MachineFacts.current(data:))
  }

  /// The same, where whatever keeps a server from starting counts.
  func loadForServing() throws -> Resolution {
    let resolution = try load()
    let faults = resolution.startFaults(RealDisk())
    guard faults.isEmpty else { throw WrongUsage(faults.map(\.message)) }
    return resolution
  }

  /// A line for each variable that looks like ours and is not.
  var warnings: [String] {
    UnknownVariables.warnings(names: ProcessEnvironment.names(withPrefix: "VARVE_"))
  }
}
