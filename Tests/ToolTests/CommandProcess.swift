import Platform
import TestSupport

/// The real binary as a child, as an operator's shell runs it.
///
/// Not Foundation's `Process`: on Linux it copies 256 bytes of every entry of `/proc/self/fd`,
/// also of those that are shorter and end with the buffer, and so dies of a bad address once in
/// many runs when the tests beside it hold a thousand descriptors.
final class CommandProcess {
  private let child: ChildProcess
  private let errors: String
  private let directory: TemporaryDirectory
  private var output = ""

  /// Where the package manager has put the binary: beside the tests.
  static let path: String? = {
    let folders = [
      CommandLine.arguments.first.map { Path.directory(of: $0) },
      Fixtures.repository + "/.build/" + mode,
    ]
    return folders.compactMap { $0.map { $0 + "/varve" } }.first {
      ((try? RealDisk().byteCount(of: $0)) ?? nil) != nil
    }
  }()

  private static var mode: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  struct Missing: Error {}

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    guard let path = Self.path else { throw Missing() }
    directory = try TemporaryDirectory()
    errors = directory.file("errors")
    // What the tester's shell sets for a server of his own is not for this one.
    let foreign = ProcessEnvironment.names(withPrefix: "VARVE_").flatMap { ["-u", $0] }
    let own = environment.map { "\($0.key)=\($0.value)" }
    child = try ChildProcess("/usr/bin/env", foreign + own + [path] + arguments, errors: errors)
  }

  func terminate() { child.terminate() }
  func interrupt() { child.interrupt() }
  func suspend() { child.suspend() }
  func kill() { child.kill() }

  /// Reads standard output until a line holds `text`: all of it so far; `nil` when it ended first.
  func read(until text: String) throws -> String? {
    while let line = try child.readLine() {
      output += line + "\n"
      if line.contains(text) { return output }
    }
    return nil
  }

  /// Waits for the end.
  ///
  /// - Returns: the rest of what it printed.
  func finish() throws -> Outcome {
    var rest = ""
    while let line = try child.readLine() { rest += line + "\n" }
    let status: Int32 = if case .exited(let status) = child.wait() { status } else { -1 }
    let errors = try RealDisk().read(errors, byteCountMax: 1 << 20)
    return Outcome(status: status, output: rest, errors: String(decoding: errors, as: UTF8.self))
  }

  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try CommandProcess(arguments, environment: environment).finish()
  }
}
