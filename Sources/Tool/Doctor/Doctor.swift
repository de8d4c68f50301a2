internal import ArgumentParser
internal import Engine
internal import Platform
internal import Server

/// Checks a machine and a data directory for what operators get wrong.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check this machine and a data directory before, or while, a server runs.",
    discussion: """
      Prints OK, WARN or FAIL a line, each with what to do. Writes and removes a small file in the \
      data directory, or in the folder above it, to measure the disk. With --config it checks that \
      file and takes the directory, ports, durability and budgets of it; flags win. Exit status: 0 \
      no FAIL, 1 a FAIL, 2 wrong usage.
      """
  )

  @Option(help: "The server's configuration file.")
  var config: String?

  @Option(help: "The data directory; need not be there yet.")
  var data: String?

  @Option(help: "Where line protocol is or will be taken. (default: 127.0.0.1:9009)")
  var lineTcp: String?

  @Option(help: "Where HTTP is or will be answered. (default: 127.0.0.1:8086)")
  var http: String?

  @Option(help: "The durability the server runs with: fsync, interval or os. (default: fsync)")
  var durability: String?

  @Flag(help: "Check every checksum too, as varve verify does.")
  var verify = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let lineTcp { try Check.address(lineTcp, option: "line-tcp") }
    if let http { try Check.address(http, option: "http") }
    if let durability, DurabilityMode(rawValue: durability) == nil {
      throw ValidationError("--durability is \"\(durability)\"; expected fsync, interval or os")
    }
    guard data != nil || config != nil else {
      throw ValidationError("give --data DIR or --config FILE")
    }
  }

  func run() throws {
    let flags = [
      "data": data, "line.tcp": lineTcp, "http.listen": http, "durability": durability,
    ].compactMapValues { $0 }
    let (resolution, unreadable) = Self.resolve(config, flags)
    let configuration = resolution.configuration
    let folder = configuration.engine.dataDirectory
    var visit = DoctorVisit(disk: RealDisk(), clock: RealClock(), data: folder)
    if let config {
      visit.checkConfiguration(
        config,
        faults: unreadable.map { [$0] }
          ?? (resolution.faults + resolution.portClash + resolution.shortAge).map(\.message),
        warnings: UnknownVariables.warnings(names: ProcessEnvironment.names(withPrefix: "VARVE_"))
      )
    }
    visit.checkMachine(configuration.engine)
    if folder.isEmpty {
      visit.missDirectory()
    } else {
      visit.checkDirectory()
    }
    visit.checkDurability(configuration.engine.durability)
    visit.checkPorts(lines: configuration.server.lines, http: configuration.server.http)
    if verify, !folder.isEmpty { visit.checkEverything() }
    StandardOutput.write(visit.rendered(asJSON: json))
    if visit.hasFailed { throw ExitCode(1) }
  }

  /// What the server would run with, and why the file cannot be read at all.
  private static func resolve(
    _ path: String?,
    _ flags: [String: String]
  ) -> (Resolution, unreadable: String?) {
    var file: ConfigurationFile?
    var unreadable: String?
    if let path {
      switch ConfigurationFile.open(path) {
      case .success(let opened): file = opened
      case .failure(let fault): unreadable = fault.message
      }
    }
    let hasFile = path != nil
    let resolver = ConfigurationResolver(
      flags: flags,
      file: file,
      variable: { hasFile ? ProcessEnvironment.value(of: $0) : nil }
    )
    return (resolver.resolve(machine: MachineFacts.current(data:)), unreadable)
  }
}

/// One thing that was looked at.
package struct DoctorFinding: Sendable, Equatable {
  package enum State: String, Sendable {
    case ok = "OK"
    case warn = "WARN"
    case fail = "FAIL"
  }

  package var state: State
  /// One or two words.
  package var topic: String
  package var text: String
  /// What to do; empty when there is nothing to do.
  package var remedy: String
}
