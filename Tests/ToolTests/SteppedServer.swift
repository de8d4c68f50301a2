import Engine
import Logging
import Model
import Platform
import TestSupport
import Testing

/// An engine that the test steps, on a disk in memory.
final class SteppedServer {
  let disk: FaultyDisk
  let clock: ManualClock
  private let engine: Engine

  init(
    on disk: FaultyDisk,
    now: Int64,
    _ configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws {
    self.disk = disk
    clock = ManualClock(now: now)
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = 2
    configuration.workerCount = 1
    // A block a day, so that retention removes whole ones.
    configuration.compaction.mode = .none
    configure(&configuration)
    engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      threading: .manual
    )
    _ = try engine.start()
  }

  func send(_ lines: String) throws {
    let receiver = try engine.makeReceiver(onSettled: {})
    let connection = receiver.open(sender: "test")
    let bytes = Array((lines + "#ack x\n").utf8)
    var start = 0
    var answer = ""
    for _ in 0..<10_000 where !answer.contains("OK x") {
      if start < bytes.count { start += receiver.receive(bytes, from: start, on: connection) }
      receiver.endOfRound()
      clock.advance(nanoseconds: 3_000_000)
      receiver.tick()
      try engine.step()
      receiver.settle()
      answer += String(decoding: connection.takeReplies(), as: UTF8.self)
    }
    #expect(answer.contains("OK x"))
  }

  func flush() async throws { try await engine.flush() }

  /// Lets some looks of retention pass.
  func look() throws {
    for _ in 0..<8 {
      clock.advance(nanoseconds: 61_000_000_000)
      for _ in 0..<60 {
        clock.advance(nanoseconds: 100_000_000)
        try engine.step()
      }
    }
  }

  func removed(_ cause: String) -> UInt64 {
    engine.metrics().retention.removed[cause]?.pointCount ?? 0
  }

  func deleteSeries(_ query: [(name: String, value: String)]) async throws {
    try await engine.deleteSeries(query, tenant: "default")
  }

  func kill() { disk.crash(.kill) }
}
