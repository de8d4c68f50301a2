import Model
import Platform
import Queue
import Synchronization
import TestSupport
import Testing

/// A committer with receivers and workers, stepped by hand.
struct CommitterBench {
  var log: LogBench
  var committer: Committer
  var receivers: [ReceiverPort]
  var workers: [WorkerPort]
  let settled = Counter()
  let prepared = Prepared()

  final class Counter: Sendable {
    let count = Atomic<Int>(0)
  }

  /// What the catalog was asked to make durable; fails when told to.
  final class Prepared: Sendable {
    let versions = Mutex<[UInt64]>([])
    let failure = Mutex<SystemError?>(nil)
    let deleteCount = Atomic<Int>(0)
  }

  init(
    _ bench: LogBench = LogBench(),
    receiverCount: Int = 2,
    capacity: Int = 64,
    inFlight: (capacity: Int, byteCountMax: Int) = (4_096, 64 << 20),
    options: CommitOptions = CommitOptions(),
    deletesPort: ReceiverPort? = nil
  ) throws {
    log = bench
    let partitionCount = bench.partitionCount
    workers = (0..<2).map { _ in
      WorkerPort(
        partitionCount: partitionCount,
        capacity: inFlight.capacity,
        byteCountMax: inFlight.byteCountMax
      )
    }
    let settled = settled
    let prepared = prepared
    receivers = (0..<receiverCount).map { _ in
      ReceiverPort(capacity: capacity) { settled.count.wrappingAdd(1, ordering: .relaxed) }
    }
    if let deletesPort { receivers.append(deletesPort) }
    committer = Committer(
      log: try bench.open().log,
      receivers: receivers,
      workers: workers,
      workerOfPartition: (0..<partitionCount).map { $0 % 2 },
      prepare: { version throws(SystemError) in
        if let failure = prepared.failure.withLock({ $0 }) { throw failure }
        prepared.versions.withLock { $0.append(version) }
      },
      prepareDeletes: { _ in prepared.deleteCount.wrappingAdd(1, ordering: .relaxed) },
      options: options,
      clock: bench.clock
    )
  }

  @discardableResult
  func step() -> UInt64 { committer.step(monotonic: log.clock.monotonic()) }

  /// Lets time pass until nothing is to be done.
  func run(milliseconds: Int = 30) {
    for _ in 0..<milliseconds {
      while step() == 0 {}
      log.clock.advance(nanoseconds: 1_000_000)
    }
  }

  func popAll(_ worker: Int) -> [Replayed] {
    var result: [Replayed] = []
    while let batch = workers[worker].pop() { result.append(Replayed(batch)) }
    return result
  }
}

/// Goal: a batch is handed on and settled when it is durable, in order, and never before.
@Suite struct CommitterTests {
  @Test func aSmallRoundIsCommittedTwoMillisecondsAfterItsFirstBatch() throws {
    let bench = try CommitterBench()
    #expect(bench.step() > 0)
    #expect(bench.receivers[0].submit(makeBatch([1], partition: 1, registryVersion: 7)))
    #expect(bench.receivers[1].submit(makeBatch([2], partition: 2, registryVersion: 9)))
    #expect(bench.step() == 2_000_000)
    #expect(bench.receivers[0].settledSequence == 0)
    #expect(bench.workers[1].durableOffset(of: PartitionID(1)) == .zero)
    bench.log.clock.advance(nanoseconds: 1_999_999)
    #expect(bench.step() == 1)
    bench.log.clock.advance(nanoseconds: 1)
    #expect(bench.step() == 0)
    #expect(bench.receivers.map(\.settledSequence) == [1, 1])
    #expect(bench.settled.count.load(ordering: .relaxed) == 2)
    #expect(bench.prepared.versions.withLock { $0 } == [9])
    #expect(bench.workers[1].durableOffset(of: PartitionID(1)) == Offset(1))
    #expect(bench.workers[0].durableOffset(of: PartitionID(2)) == Offset(1))
    #expect(bench.workers[0].durableOffset(of: PartitionID(0)) == .zero)
    #expect(bench.popAll(1).map(\.body) == [[1]])
    #expect(bench.popAll(0).map(\.body) == [[2]])
    #expect(bench.workers[0].signal.wait(timeoutNanoseconds: 0))
    // Durable indeed.
    bench.log.disk.crash(.powerLosingAll)
    #expect(try bench.log.replay().batches.map(\.body).sorted { $0[0] < $1[0] } == [[1], [2]])
  }

  @Test func aLargeRoundWaitsForMoreUntilTenMilliseconds() throws {
    var options = CommitOptions()
    options.smallByteCount = 1_000
    let bench = try CommitterBench(options: options)
    #expect(bench.receivers[0].submit(makeBatch([UInt8](repeating: 1, count: 2_000))))
    #expect(bench.step() == 2_000_000)
    bench.log.clock.advance(nanoseconds: 2_000_000)
    #expect(bench.step() == 8_000_000)
    #expect(bench.receivers[0].submit(makeBatch([2])))
    bench.log.clock.advance(nanoseconds: 8_000_000)
    #expect(bench.step() == 0)
    #expect(bench.receivers[0].settledSequence == 2)
    #expect(bench.committer.statistics.rounds == 1)
  }

  @Test func aFullRoundIsCommittedAtOnce() throws {
    var options = CommitOptions()
    options.byteCountMax = 3_000
    let bench = try CommitterBench(options: options)
    for _ in 0..<5 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8](repeating: 1, count: 1_000))))
    }
    #expect(bench.step() == 0)
    #expect(bench.receivers[0].settledSequence == 3)
    #expect(bench.step() > 0)
    #expect(bench.receivers[0].settledSequence == 3)
  }

  @Test func receiversTakeTurns() throws {
    var options = CommitOptions()
    options.byteCountMax = 500
    let bench = try CommitterBench(options: options)
    for value in 0..<40 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8(value)])))
      if value < 10 { #expect(bench.receivers[1].submit(makeBatch([UInt8(100 + value)]))) }
    }
    for _ in 0..<3 { #expect(bench.step() == 0) }
    #expect(bench.receivers[1].settledSequence >= 9)
    bench.run()
    #expect(bench.receivers.map(\.settledSequence) == [40, 10])
    let bodies = bench.popAll(0).map { $0.body[0] }
    #expect(bodies.filter { $0 < 100 } == (0..<40).map { UInt8($0) })
    #expect(bodies.filter { $0 >= 100 } == (100..<110).map { UInt8($0) })
  }

  @Test func aFullWorkerStopsTheTakingAndWakesTheCommitterWhenItHasRoom() throws {
    let bench = try CommitterBench(inFlight: (4_096, 3_000))
    for _ in 0..<10 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8](repeating: 1, count: 936))))
    }
    bench.run()
    // Three of a thousand bytes fill the port.
    #expect(bench.receivers[0].settledSequence == 3)
    #expect(bench.workers[0].inFlightByteCount == 3_000)
    while bench.committer.signal.wait(timeoutNanoseconds: 0) {}
    #expect(bench.workers[0].pop() != nil)
    #expect(bench.committer.signal.wait(timeoutNanoseconds: 0))
    bench.run()
    #expect(bench.receivers[0].settledSequence == 4)
    while bench.receivers[0].settledSequence < 10 {
      _ = bench.popAll(0)
      bench.run()
    }
    #expect(bench.workers[1].inFlightCount == 0)
  }

  @Test func aFullRingOfAReceiverIsToldAndNothingIsLost() throws {
    let bench = try CommitterBench(capacity: 4)
    let port = bench.receivers[0]
    for value in 0..<4 { #expect(port.submit(makeBatch([UInt8(value)]))) }
    #expect(!port.submit(makeBatch([4])))
    #expect(port.submittedSequence == 4)
    bench.run()
    #expect(port.settledSequence == 4)
    #expect(port.submit(makeBatch([4])))
    bench.run()
    #expect(bench.popAll(0).map(\.body) == [[0], [1], [2], [3], [4]])
  }

  @Test func receiversComeAndGo() throws {
    let bench = try CommitterBench(receiverCount: 0)
    let first = ReceiverPort(onSettled: {})
    let second = ReceiverPort(onSettled: {})
    bench.committer.register(first)
    #expect(first.submit(makeBatch([1])))
    bench.run()
    bench.committer.register(second)
    #expect(second.submit(makeBatch([2])))
    #expect(first.submit(makeBatch([3])))
    first.close()
    bench.run()
    #expect(first.settledSequence == 2)
    #expect(second.settledSequence == 1)
    #expect(second.submit(makeBatch([4])))
    bench.run()
    #expect(second.settledSequence == 2)
    #expect(bench.popAll(0).count == 4)
  }

  @Test func statisticsCountWhatWasDone() throws {
    let bench = try CommitterBench()
    for value in 0..<3 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8(value)], rowCount: 5)))
    }
    bench.run()
    let statistics = bench.committer.statistics
    #expect(statistics.batches == 3)
    #expect(statistics.rows == 15)
    #expect(statistics.points == 30)
    #expect(statistics.byteCount == 3 * 65)
    #expect(bench.committer.syncDurations.counts.total == 1)
    #expect(statistics.failedBatches == 0)
    #expect(statistics.segmentCount == 1)
    #expect(statistics.logByteCount == bench.log.disk.files.values.reduce(0) { $0 + $1.count })
    #expect(statistics.refusal == nil)
  }

  @Test func aQuietLogIsMarkedOnce() throws {
    let bench = try CommitterBench()
    #expect(bench.receivers[0].submit(makeBatch([1])))
    bench.run(milliseconds: 100)
    let before = bench.log.disk.files[bench.log.path(1)]?.count ?? 0
    bench.run(milliseconds: 300)
    let after = bench.log.disk.files[bench.log.path(1)]?.count ?? 0
    #expect(after > before)
    bench.run(milliseconds: 600)
    #expect(bench.log.disk.files[bench.log.path(1)]?.count == after)
    #expect(bench.log.disk.durableFiles[bench.log.path(1)]?.count == after)
  }

  @Test func segmentsGoWhenTheWorkersHaveCutThem() throws {
    var source = LogBench(segmentByteCountMax: 700)
    source.options.retainNanoseconds = 0
    let bench = try CommitterBench(source)
    for value in 0..<9 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8](repeating: UInt8(value), count: 100))))
      bench.run(milliseconds: 3)
    }
    let count = bench.committer.statistics.segmentCount
    #expect(count > 2)
    bench.committer.release(PartitionID(0), below: Offset(9))
    bench.committer.release(PartitionID(0), below: Offset(2))
    bench.log.clock.advance(seconds: 11)
    bench.run(milliseconds: 200)
    #expect(bench.committer.statistics.segmentCount == 1)
    #expect(bench.committer.statistics.removedSegments == UInt64(count - 1))
  }

  @Test func finishingCommitsWhatWaitsAndMarksTheLog() throws {
    let bench = try CommitterBench()
    #expect(bench.receivers[0].submit(makeBatch([1])))
    #expect(bench.receivers[1].submit(makeBatch([2])))
    #expect(bench.committer.finish(monotonic: 0))
    #expect(bench.committer.finish(monotonic: 0))
    #expect(bench.receivers.map(\.settledSequence) == [1, 1])
    bench.log.disk.crash(.powerLosingAll)
    #expect(try bench.log.replay().batches.count == 2)
    // The mark stands behind the last record.
    let count = bench.log.disk.files[bench.log.path(1)]?.count ?? 0
    bench.log.disk.flip(bit: 8 * (count - 60 - 1), of: bench.log.path(1))
    #expect(bench.log.reader.check().map(\.severity) == [.damage])
  }

  @Test func finishingWaitsForTheWorkers() throws {
    let bench = try CommitterBench(inFlight: (4_096, 100))
    for value in 0..<3 { #expect(bench.receivers[0].submit(makeBatch([UInt8(value)]))) }
    var rounds = 0
    while !bench.committer.finish(monotonic: 0) {
      _ = bench.popAll(0)
      rounds += 1
    }
    #expect(rounds >= 1)
    #expect(bench.receivers[0].settledSequence == 3)
    #expect(try bench.log.replay().batches.count == 3)
  }
}
