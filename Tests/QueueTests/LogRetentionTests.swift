import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: a segment goes when nobody needs it and it is old or too much, and not before.
@Suite struct LogRetentionTests {
  /// Nine records of partition 0, three a segment, a second apart.
  private func sample() throws -> (bench: LogBench, log: Log) {
    var bench = LogBench(segmentByteCountMax: 700)
    bench.options.retainNanoseconds = 60 * Nanoseconds.perSecond
    let (log, _) = try bench.open()
    for value in 0..<9 {
      try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 100))])
      try log.sync()
      bench.clock.advance(seconds: 1)
    }
    return (bench, log)
  }

  private func floors(_ offset: UInt64) -> [Offset] { [Offset(offset), .zero, .zero] }

  @Test func aSegmentStaysWhileRecoveryNeedsIt() throws {
    let (bench, log) = try sample()
    let count = bench.segments.count
    #expect(count >= 4)
    bench.clock.advance(seconds: 3_600)
    #expect(try log.removeSegments(below: floors(0), now: bench.clock.now()) == 0)
    // Offset 1 lies in the first segment.
    #expect(try log.removeSegments(below: floors(1), now: bench.clock.now()) == 0)
    let first = try bench.replay(from: floors(3)).batches.count
    #expect(try log.removeSegments(below: floors(3), now: bench.clock.now()) == 1)
    #expect(bench.segments.count == count - 1)
    #expect(try bench.replay(from: floors(3)).batches.count == first)
    #expect(bench.reader.check().isEmpty)
  }

  @Test func aSegmentStaysForConsumersUntilItIsOld() throws {
    let (bench, log) = try sample()
    #expect(try log.removeSegments(below: floors(9), now: bench.clock.now()) == 0)
    bench.clock.advance(seconds: 55)
    // The first was finished at about the third second.
    let count = try log.removeSegments(below: floors(9), now: bench.clock.now())
    #expect(count >= 1)
    #expect(count < 3)
    bench.clock.advance(seconds: 60)
    _ = try log.removeSegments(below: floors(9), now: bench.clock.now(), countMax: 1)
    _ = try log.removeSegments(below: floors(9), now: bench.clock.now())
    #expect(log.segmentCount == 1)
    #expect(bench.segments.count == 1)
  }

  @Test func theLogSaysHowFarBackItReaches() throws {
    let (bench, log) = try sample()
    let start = bench.clock.now() - 9 * Nanoseconds.perSecond
    #expect(log.beginning == start)
    bench.clock.advance(seconds: 55)
    let now = bench.clock.now()
    // What recovery needs stays, and so does what is young.
    #expect(log.retainedBeginning(below: floors(0), now: now) == start)
    let retained = try #require(log.retainedBeginning(below: floors(9), now: now))
    #expect(retained > start)
    #expect(log.beginning == start)
    _ = try log.removeSegments(below: floors(9), now: now)
    #expect(log.beginning == retained)
    // The next start knows it from the headers.
    log.close()
    bench.clock.advance(seconds: 1)
    let (next, _) = try bench.open()
    #expect(next.beginning == retained)
    #expect(next.retainedBeginning(below: floors(9), now: now + 120 * Nanoseconds.perSecond) != nil)
  }

  @Test func whatLiesBeforeAMissingSegmentDoesNotCount() throws {
    let (bench, log) = try sample()
    log.close()
    let second = bench.path(2)
    try bench.disk.remove(second)
    let (next, recovery) = try bench.open()
    #expect(recovery.damages.contains { $0.path == second })
    let begin = try #require(next.beginning)
    #expect(begin == bench.clock.now() - 5 * Nanoseconds.perSecond)
  }

  @Test func tooManyBytesEndTheRetentionEarly() throws {
    var bench = LogBench(segmentByteCountMax: 700)
    bench.options.retainByteCount = 1_500
    let (log, _) = try bench.open()
    for value in 0..<20 {
      try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 100))])
      try log.sync()
    }
    #expect(log.byteCount > 3_000)
    #expect(try log.removeSegments(below: floors(20), now: bench.clock.now()) > 0)
    #expect(log.byteCount <= 1_500)
    #expect(log.byteCount > 700)
    #expect(bench.disk.files.values.reduce(0) { $0 + $1.count } == log.byteCount)
  }

  @Test func aFullDiskEndsTheRetention() throws {
    let (bench, log) = try sample()
    let now = bench.clock.now()
    #expect(try log.removeSegments(below: floors(9), now: now, retains: false) > 0)
    #expect(log.segmentCount == 1)
  }

  @Test func aDamagedSegmentIsSetAsideAndNotDeleted() throws {
    let (bench, log) = try sample()
    bench.disk.flip(bit: 8_000 / 4, of: bench.path(1))
    let damages = try bench.replay().damages
    #expect(damages.serious.count == 1)
    log.protect(damages)
    bench.clock.advance(seconds: 3_600)
    let before = bench.disk.files[bench.path(1)]
    _ = try log.removeSegments(below: floors(9), now: bench.clock.now())
    #expect(bench.disk.files[bench.path(1)] == nil)
    #expect(bench.disk.files[bench.path(1) + ".damaged"] == before)
    #expect(bench.segments.count == 1)
  }

  @Test func aRestartKnowsTheOldSegments() throws {
    let (bench, first) = try sample()
    first.close()
    let (log, recovery) = try bench.open()
    #expect(recovery.segments.count == log.segmentCount - 1)
    #expect(recovery.segments.allSatisfy { $0.epoch == Epoch(1) })
    bench.clock.advance(seconds: 3_600)
    #expect(try log.removeSegments(below: floors(8), now: bench.clock.now()) >= 2)
    #expect(log.segmentCount >= 2)
    #expect(try log.removeSegments(below: floors(9), now: bench.clock.now()) >= 1)
    #expect(log.segmentCount == 1)
    try log.append([makeBatch([1])])
    #expect(try bench.replay().batches.map(\.offset) == [9])
  }

  @Test(arguments: UInt64(1)...20)
  func crashesBetweenRemovalsLookLikeNoLoss(seed: UInt64) throws {
    let (bench, log) = try sample()
    bench.clock.advance(seconds: 3_600)
    let copy = LogBench(bench.disk.copy(seed: seed))
    _ = log
    let (again, _) = try copy.open()
    copy.disk.powerOff(afterOperations: Int(seed % 8))
    _ = try? again.removeSegments(below: floors(9), now: .max)
    copy.disk.crash()
    #expect(copy.reader.check().serious.isEmpty)
    let (_, recovery) = try copy.open(floors: floors(9))
    #expect(recovery.damages.serious.isEmpty)
    #expect(recovery.nextOffsets[0] == Offset(9))
  }
}
