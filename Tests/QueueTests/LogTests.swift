import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: what was synced comes back in order, in every way of opening and rolling.
@Suite struct LogTests {
  @Test func aNewLogStartsAtEpochOneAndOffsetZero() throws {
    let bench = LogBench()
    let (log, recovery) = try bench.open()
    #expect(log.epoch == Epoch(1))
    #expect(log.nextOffsets == bench.zeros)
    #expect(recovery.damages.isEmpty)
    #expect(recovery.segments.isEmpty)
    #expect(log.isUsable)
    #expect(bench.segments == [bench.path(1)])
    #expect(try bench.replay().batches.isEmpty)
  }

  @Test func offsetsCountPerPartitionAndReplayKeepsTheOrder() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([
      makeBatch([1], partition: 0), makeBatch([2], partition: 2), makeBatch([3], partition: 0),
    ])
    try log.sync()
    try log.append([makeBatch([], partition: 1), makeBatch([4], partition: 2)])
    try log.sync()
    #expect(log.nextOffsets == [Offset(2), Offset(1), Offset(2)])
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.partition) == [0, 2, 0, 1, 2])
    #expect(batches.map(\.offset) == [0, 0, 1, 0, 1])
    #expect(batches.map(\.body) == [[1], [2], [3], [], [4]])
    #expect(batches.allSatisfy { $0.epoch == 1 })
    #expect(damages.isEmpty)
    #expect(bench.reader.check().isEmpty)
  }

  @Test func replayBeginsAtTheWantedOffsets() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    for value in 0..<6 { try log.append([makeBatch([UInt8(value)], partition: value % 2)]) }
    try log.sync()
    let (batches, damages) = try bench.replay(from: [Offset(2), Offset(1), Offset(7)])
    #expect(batches.map(\.body) == [[3], [4], [5]])
    #expect(damages.isEmpty)
  }

  @Test func eachOpeningIsANewEpochAndGoesOnWithTheOffsets() throws {
    let bench = LogBench()
    for run in UInt32(1)...4 {
      let (log, recovery) = try bench.open()
      #expect(log.epoch == Epoch(run))
      #expect(recovery.nextOffsets[1] == Offset(UInt64(run) - 1))
      #expect(recovery.damages.isEmpty)
      try log.append([makeBatch([UInt8(run)], partition: 1)])
      try log.sync()
      log.close()
      bench.disk.crash(.powerLosingAll)
    }
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.epoch) == [1, 2, 3, 4])
    #expect(batches.map(\.offset) == [0, 1, 2, 3])
    #expect(damages.isEmpty)
  }

  @Test func theManifestMayBeAheadOfTheLog() throws {
    let bench = LogBench()
    let (log, _) = try bench.open(floors: [Offset(10), .zero, Offset(3)])
    #expect(log.nextOffsets == [Offset(10), .zero, Offset(3)])
    try log.append([makeBatch([1]), makeBatch([2], partition: 2)])
    try log.sync()
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.offset) == [10, 3])
    #expect(damages.isEmpty)
    let (again, _) = try bench.open(floors: [Offset(4), .zero, .zero])
    #expect(again.nextOffsets == [Offset(11), .zero, Offset(4)])
  }

  /// A restored snapshot and its original, the offsets of which are the same.
  @Test func twoCopiesOfALogGoOnInEpochsOfTheirOwn() throws {
    let bench = LogBench()
    bench.clock.advance(seconds: 1_795_373_340)
    let (log, _) = try bench.open()
    #expect(log.epoch == Epoch(1_795_373_340))
    log.close()
    let copy = LogBench(FaultyDisk(files: bench.disk.files))
    copy.clock.advance(seconds: 1_795_373_341)
    // A clock that stands still, or is behind, counts starts.
    #expect(try bench.open().log.epoch == Epoch(1_795_373_341))
    #expect(try bench.open().log.epoch == Epoch(1_795_373_342))
    copy.clock.advance(seconds: 60)
    #expect(try copy.open().log.epoch == Epoch(1_795_373_401))
    bench.clock.advance(seconds: 100)
    #expect(try bench.open().log.epoch == Epoch(1_795_373_440))
    // Beyond what an epoch can say starts are counted.
    bench.clock.advance(seconds: 4_000_000_000)
    #expect(try bench.open().log.epoch == Epoch(4_000_000_000))
    #expect(try bench.open().log.epoch == Epoch(4_000_000_001))
  }

  @Test func anEpochSeenElsewhereIsNotUsedAgain() throws {
    let bench = LogBench()
    let (log, _) = try Log.open(
      disk: bench.disk,
      directory: LogBench.directory,
      partitionCount: 3,
      floors: bench.zeros,
      lastEpoch: Epoch(41),
      clock: bench.clock
    )
    #expect(log.epoch == Epoch(42))
  }

  @Test func segmentsRollAtTheLimitAndNothingIsLostBetweenThem() throws {
    let bench = LogBench(segmentByteCountMax: 1_000)
    let (log, _) = try bench.open()
    for round in 0..<20 {
      try log.append(
        (0..<5).map {
          makeBatch([UInt8](repeating: UInt8(round), count: 40 + $0), partition: $0 % 3)
        }
      )
      try log.sync()
    }
    #expect(bench.segments.count > 10)
    #expect(log.segmentCount == bench.segments.count)
    for path in bench.segments { #expect((bench.disk.files[path]?.count ?? 0) <= 1_000) }
    let (batches, damages) = try bench.replay()
    #expect(batches.count == 100)
    #expect(batches.map { $0.body[0] } == (0..<100).map { UInt8($0 / 5) })
    #expect(damages.isEmpty)
    #expect(bench.reader.check().isEmpty)
    // Only what is wanted is read.
    var total = 0
    let summary = try bench.reader.replay(
      from: log.nextOffsets.map { Offset($0.rawValue - 1) },
      progress: { done, all in total = all },
      body: { _ in }
    )
    #expect(summary.batchCount == 3)
    #expect(summary.byteCount == total)
    #expect(total <= 2_000)
  }

  @Test func aRecordBeyondTheLimitGetsASegmentOfItsOwn() throws {
    let bench = LogBench(segmentByteCountMax: 1_000)
    let (log, _) = try bench.open()
    let large = [UInt8](repeating: 7, count: 5_000)
    try log.append([makeBatch([1]), makeBatch(large), makeBatch([2])])
    try log.sync()
    #expect(bench.segments.count == 3)
    #expect(try bench.replay().batches.map(\.body) == [[1], large, [2]])
  }

  @Test func recordsLargerThanTheReadBufferComeBack() throws {
    let bench = LogBench(segmentByteCountMax: 64 << 20)
    let (log, _) = try bench.open()
    var random = SeededRandom(seed: 5)
    let bodies = (0..<12).map { _ in
      random.bytes(Int.random(in: 0...3, using: &random) == 0 ? 2_500_000 : 300_000)
    }
    try log.append(bodies.map { makeBatch($0) })
    try log.sync()
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == bodies)
    #expect(damages.isEmpty)
  }

  @Test func aLogOfAnotherDirectoryIsRefused() throws {
    let bench = LogBench()
    _ = try bench.open()
    let error = LogError.partitionCount(path: bench.path(1), found: 3, expected: 8)
    #expect(throws: error) {
      try Log.open(
        disk: bench.disk,
        directory: LogBench.directory,
        partitionCount: 8,
        floors: Array(repeating: .zero, count: 8),
        clock: bench.clock
      )
    }
    let reader = LogReader(disk: bench.disk, directory: LogBench.directory, partitionCount: 8)
    #expect(reader.check().map(\.severity) == [.unreadable])
  }

  @Test func filesThatAreNoSegmentsAreLeftAlone() throws {
    let names = [
      "0000000000000000.segment", "1.segment", "00000000000000zz.segment", "notes.txt",
      "0000000000000002.segment.damaged", "000000000000000A.segment", "ffffffffffffffff.segment",
    ]
    let files = Dictionary(
      uniqueKeysWithValues: names.map { (LogBench.directory + "/" + $0, [UInt8](text: $0)) }
    )
    let bench = LogBench(FaultyDisk(files: files))
    let (log, recovery) = try bench.open()
    #expect(recovery.segments.isEmpty)
    #expect(log.epoch == Epoch(1))
    for (path, bytes) in files { #expect(bench.disk.files[path] == bytes) }
  }

  @Test func closingMarksWhatIsDurable() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1, 2, 3])])
    try log.sync()
    #expect(log.needsMark)
    log.close()
    let path = bench.path(1)
    let count = try #require(bench.disk.durableFiles[path]?.count)
    // A flipped bit in the last record is rot now, not a torn tail.
    bench.disk.flip(bit: (count - 60 - 10) * 8, of: path)
    let damages = bench.reader.check()
    #expect(damages.map(\.severity) == [.damage])
    #expect(damages.map(\.range) == ["partition 0 offsets 0..<1"])
  }
}
