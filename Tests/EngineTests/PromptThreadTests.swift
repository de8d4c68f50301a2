import Engine
import Logging
import Platform
import Query
import TestSupport
import Testing

/// Goal: a query on the thread that asks answers all that was acknowledged before it began, as one
/// on a query thread does, while cuts and merges commit and memory of open rows goes from one
/// generation to the next.
@Suite struct PromptThreadTests {
  /// Seconds; the start of an hour, a day ago.
  private static let base = (RealClock().now() / 1_000_000_000 - 86_400) / 3_600 * 3_600
  private static let query =
    "measurement=m&field=v,n&start=\(base)&end=\(base + 3_600)&step=1m"
    + "&agg=count,sum,max,last&tag.h="

  /// A connection that waits for its acknowledgements.
  private struct Sender {
    let receiver: Receiver
    let connection: LineConnection
    let settled: Signal

    init(_ engine: Engine) throws {
      let settled = Signal()
      self.settled = settled
      receiver = try engine.makeReceiver(onSettled: { settled.set() })
      connection = receiver.open(sender: "sender")
    }

    func send(_ lines: String) -> String {
      let bytes = Array((lines + "#ack a\n").utf8)
      var taken = 0
      while taken < bytes.count {
        taken += unsafe bytes[taken...].withUnsafeBytes {
          unsafe receiver.receive($0, on: connection)
        }
        receiver.endOfRound()
      }
      while !connection.hasReplies {
        settled.wait(timeoutNanoseconds: 2_000_000)
        receiver.tick()
        receiver.settle()
      }
      return String(decoding: connection.takeReplies(), as: UTF8.self)
    }
  }

  private static func data(_ answer: RangeAnswer) -> String {
    let json = String(decoding: answer.json(), as: UTF8.self)
    return json.text(before: #","stats""#)
  }

  @Test func whatIsAcknowledgedIsAnsweredAtOnce() async throws {
    let directory = try TemporaryDirectory()
    var configuration = EngineConfiguration(dataDirectory: directory.file("data"))
    configuration.partitionCount = 2
    configuration.compaction.cutCount = 2
    let engine = try Engine(
      configuration,
      disk: RealDisk(),
      clock: RealClock(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    _ = try engine.start()
    let sender = try Sender(engine)
    var model: [[Int64: Int64]] = [[:], [:], [:]]
    var random = SeededRandom(seed: 5)
    var atOnce = 0
    for round in 0..<150 {
      var lines = ""
      for _ in 0..<40 {
        let (host, second) = (Int(random.next() % 3), Int64(random.next() % 3_600))
        let value = Int64(random.next() % 1_000)
        model[host][second] = value
        lines += "m,h=\(host) v=1i,n=\(value)i \(Self.base + second)\n"
      }
      #expect(sender.send(lines) == "OK a 40 0\n")
      if round % 9 == 8 { try await engine.flush() }
      let host = Int(random.next() % 3)
      let items = EngineHarness.items(Self.query + "\(host)")
      let found = engine.rangeAtOnce(items, tenant: "default") { Self.data($0) }
      let expected = Self.data(try await engine.range(items, tenant: "default"))
      if let found {
        atOnce += 1
        #expect(found == expected, "round \(round)")
      }
      var minutes: [Int64: Int] = [:]
      for second in model[host].keys { minutes[second / 60, default: 0] += 1 }
      let counts = (Int64(0)..<60).map { "\(minutes[$0] ?? 0)" }.joined(separator: ",")
      #expect(expected.contains("\"count\":[\(counts)]"), "round \(round): \(expected)")
    }
    // The worker may be awake now and then, and a query slow: then there is none.
    #expect(atOnce > 0)
    try engine.stop()
  }
}

extension String {
  fileprivate func text(before mark: String) -> String {
    firstRange(of: mark).map { String(self[..<$0.lowerBound]) } ?? self
  }
}
