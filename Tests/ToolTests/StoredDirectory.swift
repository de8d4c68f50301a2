import Engine
import Logging
import Model
import Platform
import Query
import Synchronization
import TestSupport
import Tool

/// A data directory with an engine on it, fed by lines.
final class StoredDirectory {
  let temporary: TemporaryDirectory
  let path: String
  private let engine: Engine
  private let receiver: Receiver
  private let connection: LineConnection
  private var acknowledgements = 0
  /// Line feeds sent so far.
  private var lineCount = 0

  /// - Parameter partitionCount: the same rows lie otherwise with another number.
  init(partitionCount: Int = 4) throws {
    temporary = try TemporaryDirectory()
    path = temporary.file("data")
    engine = try Engine(
      Self.configuration(path, partitionCount: partitionCount),
      disk: RealDisk(),
      clock: RealClock(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      threading: .manual
    )
    _ = try engine.start()
    receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "test")
    // Verdicts come from the first acknowledgement on.
    try send("")
  }

  /// Sends lines and waits until they are durable.
  ///
  /// - Returns: what is answered.
  @discardableResult
  func send(_ text: String) throws -> [String] {
    acknowledgements += 1
    let bytes = Array("\(text)#ack a\(acknowledgements)\n".utf8)
    lineCount += bytes.count { $0 == UInt8(ascii: "\n") }
    var start = 0
    var answer = ""
    for _ in 0..<10_000 {
      if start < bytes.count { start += receiver.receive(bytes, from: start, on: connection) }
      receiver.endOfRound()
      try engine.step()
      receiver.tick()
      receiver.settle()
      answer += String(decoding: connection.takeReplies(), as: UTF8.self)
      if answer.contains("OK a\(acknowledgements) ") || answer.contains("FAIL ") { break }
      Signal().wait(timeoutNanoseconds: 200_000)
    }
    return answer.split(separator: "\n").map(String.init)
  }

  /// Imports a source as `varve import --data` does.
  func take(_ source: some ImportSource) throws -> ImportTally {
    var source = source
    var tally = ImportTally()
    tally.sendControl(lineCount: lineCount)
    // The tests' acknowledgements have other names; each line of answers is told to the tally.
    while let piece = try source.next() {
      let acknowledge = tally.send(piece)
      for line in try send(String(decoding: piece.bytes + acknowledge, as: UTF8.self)) {
        tally.take(Array(line.utf8))
      }
      tally.sendControl(lineCount: 1)
    }
    return tally
  }

  static func configuration(_ path: String, partitionCount: Int) -> EngineConfiguration {
    var configuration = EngineConfiguration.scaled(
      dataDirectory: path,
      machineMemory: 1 << 30,
      disk: 1 << 30,
      cores: 2
    )
    configuration.partitionCount = partitionCount
    return configuration
  }

  /// Lets go of the directory, for others to use.
  func stop() throws { try engine.stop() }

  /// Cuts everything.
  func cut() async throws { try await engine.flush() }

  func export(
    _ format: ExportFormat,
    matching selectors: [String] = [],
    in range: TimeRange = TimeRange(start: 0, end: .max)
  ) throws -> String {
    try Self.export(path, format, matching: selectors, in: range)
  }

  static func export(
    _ path: String,
    _ format: ExportFormat,
    matching selectors: [String] = [],
    in range: TimeRange = TimeRange(start: 0, end: .max)
  ) throws -> String {
    let snapshot = try DirectorySnapshot(disk: RealDisk(), path: path)
    var run = ExportRun(
      snapshot,
      tenant: .default,
      range: range,
      matches: try selectors.map { try SelectorMatch(Selector(parsing: $0)) },
      format: format
    )
    var target = MemoryTarget()
    try run.run(into: &target)
    return String(decoding: target.bytes, as: UTF8.self)
  }
}

/// Gathers an export in memory.
struct MemoryTarget: ExportTarget {
  private(set) var bytes: [UInt8] = []
  private(set) var measurements: [String] = []

  mutating func begin(_ measurement: [UInt8]) {
    if !measurements.isEmpty { bytes += "\n".utf8 }
    measurements.append(String(decoding: measurement, as: UTF8.self))
  }
  mutating func write(_ bytes: [UInt8]) { self.bytes += bytes }
  mutating func end() {}
}
