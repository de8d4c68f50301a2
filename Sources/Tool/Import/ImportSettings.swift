package import Engine
internal import Platform

/// What the engine runs with while `varve import` fills a data directory: what a server would run
/// with there.
package enum ImportSettings {
  /// - Parameters:
  ///   - data: wins over variables and the file.
  ///   - file: a configuration file.
  /// - Throws: ``WrongUsage`` that names file, line and setting.
  package static func configuration(
    data: String?,
    file path: String?,
    variable: @escaping (String) -> String? = ProcessEnvironment.value(of:)
  ) throws -> EngineConfiguration {
    var file: ConfigurationFile?
    if let path {
      switch ConfigurationFile.open(path) {
      case .success(let opened): file = opened
      case .failure(let fault): throw WrongUsage([fault.message])
      }
    }
    let resolution = ConfigurationResolver(
      flags: data.map { ["data": $0] } ?? [:],
      file: file,
      variable: variable
    ).resolve(machine: MachineFacts.current(data:))
    guard resolution.faults.isEmpty else { throw WrongUsage(resolution.faults.map(\.message)) }
    var configuration = resolution.configuration.engine
    let directory = configuration.dataDirectory
    guard !directory.isEmpty else {
      throw WrongUsage([
        "no data directory; give --data DIR, or \"data: DIR\" in \(path ?? "a --config file")"
      ])
    }
    // Somebody may want to read the log again, and has said elsewhere for how long.
    let isTold = ["queue.retain.age", "queue.retain.bytes"].contains(where: resolution.isGiven)
    let segments = (try? RealDisk().list(DataDirectory(directory).queue)) ?? []
    if !isTold, !segments.isEmpty {
      configuration.queueRetainNanoseconds = .max
      configuration.queueRetainByteCount = .max
    }
    return configuration
  }
}
