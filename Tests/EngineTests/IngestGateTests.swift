import Blocks
import Engine
import Platform
import TestSupport
import Testing

/// Goal: listeners together take what they may, and each of them reads now and then.
@Suite struct IngestGateTests {
  /// What two listeners take in ten seconds that read whenever they may.
  private func taken(_ rate: Double?, pieceByteCount: Int) -> Int {
    let clock = ManualClock()
    let gate = IngestGate()
    gate.limit(bytesPerSecond: rate)
    var taken = 0
    for _ in 0..<10_000 {
      for _ in 0..<2 where gate.restNanoseconds(now: clock.monotonic()) == 0 {
        gate.take(pieceByteCount) { clock.monotonic() }
        taken += pieceByteCount
      }
      clock.advance(nanoseconds: 1_000_000)
    }
    #expect(gate.receivedByteCount == UInt64(taken))
    return taken
  }

  @Test func aRateHolds() {
    #expect(taken(nil, pieceByteCount: 1_000) == 20_000_000)
    for rate in [1e5, 5e5] {
      let found = Double(taken(rate, pieceByteCount: 1_000))
      #expect(found > 9 * rate && found < 10.5 * rate, "\(found)")
    }
  }

  @Test func everyHalfSecondSomethingIsReadWhateverTheRate() {
    let found = taken(1, pieceByteCount: 1 << 20)
    #expect(found >= 20 << 20 && found <= 21 << 20)
  }

  @Test func whoReadsAFileRestsAsListenersDo() throws {
    // Whose looks would lift the limit.
    let harness = try EngineHarness { $0.compaction.mode = .none }
    let gate = try #require(harness.engine.ingestGate)
    gate.limit(bytesPerSecond: 100)
    let lines = (0..<100).map { "m,h=a f=\($0) \(1_795_373_000 + $0)\n" }.joined()
    #expect(try harness.send(lines + "#ack a\n") == "OK a 100 0\n")
    var rested: UInt64 = 0
    for piece in 0..<3 {
      _ = try harness.send("m,h=a f=1 \(1_795_373_200 + piece)\n")
      harness.receiver.rest { nanoseconds in
        let wait = min(nanoseconds, 5_000_000)
        harness.clock.advance(nanoseconds: Int64(wait))
        rested += wait
      }
      #expect(harness.receiver.restNanoseconds == 0)
    }
    #expect(rested > 300_000_000)
    gate.limit(bytesPerSecond: nil)
    _ = try harness.send(lines)
    harness.receiver.rest { _ in Issue.record("nothing holds it back") }
  }

  @Test func withoutARateThereIsNoRest() {
    let clock = ManualClock()
    let gate = IngestGate()
    gate.limit(bytesPerSecond: 10)
    gate.take(1_000) { clock.monotonic() }
    #expect(gate.restNanoseconds(now: clock.monotonic()) == IngestGate.restNanosecondsMax)
    gate.limit(bytesPerSecond: nil)
    #expect(gate.restNanoseconds(now: clock.monotonic()) == 0)
  }
}

/// Goal: a merge has its share of a processor, whatever else the machine does.
@Suite struct CompactionPaceTests {
  /// A clock that moves with every look, and of which the thread has had a part.
  private final class BusyClock: Clock {
    let clock = ManualClock()
    let percent: UInt64

    init(percent: UInt64) { self.percent = percent }

    func now() -> Int64 { clock.now() }
    func monotonic() -> UInt64 {
      clock.advance(nanoseconds: 1_000_000)
      return clock.monotonic()
    }
    func processorTime() -> UInt64 { clock.monotonic() * percent / 100 }
  }

  /// Whether a merge that has looked a hundred times at the clock has waited: as long as the clock
  /// says, in true time.
  private func waited(_ percent: UInt64, share: Int) throws -> Bool {
    let pace = CompactionPace(clock: BusyClock(percent: percent))
    let start = ContinuousClock.now
    pace.begin(percent: share)
    for _ in 0..<100 { try pace.pause(10) }
    #expect(pace.workedByteCount == 1_000)
    return ContinuousClock.now - start > .milliseconds(40)
  }

  @Test func whoHadLessThanItsShareDoesNotWait() throws {
    #expect(try waited(100, share: 50))
    #expect(try waited(50, share: 20))
    #expect(try !waited(40, share: 50))
    #expect(try !waited(100, share: 100))
  }

  @Test func whoIsStoppedMergesNoMore() throws {
    let pace = CompactionPace(clock: ManualClock())
    pace.begin(percent: 50)
    pace.stop()
    #expect(throws: CompactionError.stopped) { try pace.pause() }
  }
}
