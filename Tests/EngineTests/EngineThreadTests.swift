import Engine
import Logging
import Platform
import Query
import Synchronization
import TestSupport
import Testing

/// Goal: with real threads, a query sees one state and all that was acknowledged before it began,
/// whatever cut commits meanwhile. Method: rows with a running number and value 1, so that count,
/// sum and the newest number must agree in every answer.
@Suite struct EngineThreadTests {
  /// Seconds, two hours ago: a quick machine sends rows of half an hour meanwhile.
  private static let base = RealClock().now() / 1_000_000_000 - 7_200
  private static let milliseconds = 1_500
  /// A row a millisecond: what lies in the hour that is asked for, however slow the machine is.
  private static let rowCountMax = 3_000_000

  /// Sends rows and waits for their acknowledgement, again and again.
  private final class Sender: Sendable {
    let acknowledged = Atomic<Int>(0)
    let sent = Atomic<Int>(0)
    let isStopped = Atomic(false)
    let faults = Mutex<[String]>([])

    func run(_ engine: Engine) {
      let settled = Signal()
      guard let receiver = try? engine.makeReceiver(onSettled: { settled.set() }) else { return }
      let connection = receiver.open(sender: "sender")
      var next = 0
      while !isStopped.load(ordering: .relaxed), next < EngineThreadTests.rowCountMax {
        var text = ""
        for row in next..<next + 200 {
          // Of two rows the newer one comes first, and each tenth is sent again.
          let number = row ^ 1
          let time = EngineThreadTests.base * 1_000 + Int64(number)
          text += "m,h=\(number / 2 % 5) v=1i,n=\(number)i \(time)\n"
          if row % 10 == 0 { text += text.split(separator: "\n").last.map { "\($0)\n" } ?? "" }
        }
        next += 200
        sent.store(next, ordering: .releasing)
        let bytes = Array((text + "#ack a\n").utf8)
        var taken = 0
        while taken < bytes.count {
          taken += unsafe bytes[taken...].withUnsafeBytes {
            unsafe receiver.receive($0, on: connection)
          }
          receiver.endOfRound()
        }
        while !connection.hasReplies, !isStopped.load(ordering: .relaxed) {
          settled.wait(timeoutNanoseconds: 5_000_000)
          receiver.tick()
          receiver.settle()
        }
        let reply = String(decoding: connection.takeReplies(), as: UTF8.self)
        guard reply.hasPrefix("OK a 220 0") else {
          if !reply.isEmpty { faults.withLock { $0.append(reply) } }
          return
        }
        acknowledged.store(next, ordering: .releasing)
      }
    }
  }

  private func number(_ answer: RangeAnswer, _ field: String, _ aggregate: Aggregate) -> Int {
    for series in answer.series where series.field == Array(field.utf8) {
      guard case .buckets(let present, let columns) = series.content else { continue }
      var total = 0
      for bucket in 0..<present.count where present.contains(bucket) {
        for (kind, values) in columns where kind == aggregate {
          switch values {
          case .integer(let cells), .unsigned(let cells):
            let value = Int(cells[bucket])
            total = aggregate == .max ? max(total, value) : total + value
          case .sum(let sums, _): total += Int(sums[bucket])
          case .float, .boolean, .string: break
          }
        }
      }
      return total
    }
    return 0
  }

  @Test func everyAnswerIsOneStateWhileCutsCommit() async throws {
    let directory = try TemporaryDirectory()
    var configuration = EngineConfiguration(dataDirectory: directory.file("data"))
    configuration.partitionCount = 4
    let engine = try Engine(
      configuration,
      disk: RealDisk(),
      clock: RealClock(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    _ = try engine.start()
    let sender = Sender()
    let thread = try WorkerThread(name: "sender") { sender.run(engine) }
    let flusher = try WorkerThread(name: "flusher") {
      while !sender.isStopped.load(ordering: .relaxed) {
        let done = Signal()
        Task {
          try? await engine.flush()
          done.set()
        }
        done.wait(timeoutNanoseconds: 5_000_000_000)
      }
    }
    let start = RealClock().monotonic()
    var answers = 0
    let end = start + UInt64(Self.milliseconds) * 1_000_000
    // A machine with much else to do answers fewer questions in that time.
    while RealClock().monotonic() < end || answers < 4 {
      let promised = sender.acknowledged.load(ordering: .acquiring)
      let answer = try await engine.range(
        [
          ("measurement", "m"), ("field", "v,n"), ("start", "\(Self.base)"),
          ("end", "\(Self.base + 3_600)"), ("step", ["60s", "7s"][answers % 2]),
          ("agg", "count,sum,max"), ("group_by", "none"),
        ],
        tenant: "default"
      )
      let sent = sender.sent.load(ordering: .acquiring)
      let count = number(answer, "v", .count)
      #expect(count >= promised)
      #expect(count <= sent)
      #expect(number(answer, "v", .sum) == count)
      #expect(number(answer, "n", .count) == count)
      #expect(number(answer, "n", .max) + 1 >= promised)
      answers += 1
    }
    sender.isStopped.store(true, ordering: .relaxed)
    thread.join()
    flusher.join()
    #expect(sender.faults.withLock { $0 } == [])
    let ledger = await engine.ledger()
    let isBalanced = ledger.allSatisfy(\.isBalanced)
    #expect(isBalanced)
    try engine.stop()
  }
}
