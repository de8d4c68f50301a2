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
      data directory, or in the folder above it, to measure the disk. Exit status: 0 no FAIL, 1 a \
      FAIL, 2 wrong usage.
      """
  )

  @Option(help: "The data directory; need not be there yet.")
  var data: String

  @Option(help: "Where line protocol is or will be taken.")
  var lineTcp = "127.0.0.1:9009"

  @Option(help: "Where HTTP is or will be answered.")
  var http = "127.0.0.1:8086"

  @Option(help: "The durability the server runs with: fsync, interval or os.")
  var durability = DurabilityMode.fsync.rawValue

  @Flag(help: "Check every checksum too, as varve verify does.")
  var verify = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try Check.address(lineTcp, option: "line-tcp")
    try Check.address(http, option: "http")
    guard DurabilityMode(rawValue: durability) != nil else {
      throw ValidationError("--durability is \"\(durability)\"; expected fsync, interval or os")
    }
  }

  func run() throws {
    var visit = DoctorVisit(disk: RealDisk(), clock: RealClock(), data: data)
    visit.checkMachine()
    visit.checkDirectory()
    if let mode = DurabilityMode(rawValue: durability) { visit.checkDurability(mode) }
    if let lines = Address(lineTcp), let http = Address(http) {
      visit.checkPorts(lines: lines, http: http)
    }
    if verify { visit.checkEverything() }
    StandardOutput.write(visit.rendered(asJSON: json))
    if visit.hasFailed { throw ExitCode(1) }
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
