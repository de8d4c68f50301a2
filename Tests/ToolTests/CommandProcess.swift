import Foundation
import TestSupport

/// The real binary as a child, as an operator's shell runs it.
final class CommandProcess {
  private let process = Process()
  private let output = Pipe()
  private let errors = Pipe()

  /// Where the package manager has put the binary: beside the tests.
  static let path: String? = {
    let folders = [
      CommandLine.arguments.first.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path },
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      Fixtures.repository + "/.build/" + mode,
    ]
    return folders.compactMap { $0.map { $0 + "/varve" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
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
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    var all = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("VARVE_") }
    all.merge(environment) { _, given in given }
    process.environment = all
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Reads standard output until `text` was there; `nil` when it ended first.
  func read(until text: String) -> String? {
    var all = ""
    while true {
      let piece = output.fileHandleForReading.availableData
      if piece.isEmpty { return nil }
      all += String(decoding: piece, as: UTF8.self)
      if all.contains(text) { return all }
    }
  }

  /// Waits for the end.
  func finish() -> Outcome {
    let out = output.fileHandleForReading.readDataToEndOfFile()
    let err = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -1,
      output: String(decoding: out, as: UTF8.self),
      errors: String(decoding: err, as: UTF8.self)
    )
  }

  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try CommandProcess(arguments, environment: environment).finish()
  }
}
