import Model
import Platform
import Queue
import Synchronization
import TestSupport
import Testing

@Suite struct PortTests {
  @Test func twoReceiversTwoWorkersAndACommitterOnFiveThreads() throws {
    let directory = try TemporaryDirectory()
    let clock = RealClock()
    let partitionCount = 4
    let (log, _) = try Log.open(
      disk: RealDisk(),
      directory: directory.file("queue"),
      partitionCount: partitionCount,
      floors: Array(repeating: .zero, count: partitionCount),
      clock: clock
    )
    let workers = (0..<2).map { _ in
      WorkerPort(partitionCount: partitionCount, capacity: 16, byteCountMax: 4_000)
    }
    let committer = Committer(
      log: log,
      workers: workers,
      workerOfPartition: [0, 1, 0, 1],
      prepare: { _ throws(SystemError) in },
      clock: clock
    )
    let batchCount: UInt64 = 2_000
    let stop = StopFlag()
    let results = Results()

    let committerThread = try WorkerThread(name: "committer") {
      while !stop.isSet.load(ordering: .acquiring) {
        let wait = committer.step(monotonic: clock.monotonic())
        if wait > 0 { committer.signal.wait(timeoutNanoseconds: wait) }
      }
    }
    let workerThreads = try workers.indices.map { index in
      try WorkerThread(name: "worker-\(index)") {
        var mine: [Replayed] = []
        while !stop.isSet.load(ordering: .acquiring) {
          while let batch = workers[index].pop() { mine.append(Replayed(batch)) }
          workers[index].signal.wait(timeoutNanoseconds: 1_000_000)
        }
        while let batch = workers[index].pop() { mine.append(Replayed(batch)) }
        results.applied.withLock { $0[index] = mine }
      }
    }
    let receiverThreads = try (0..<2).map { receiver in
      try WorkerThread(name: "receiver-\(receiver)") {
        let wake = Signal()
        let port = ReceiverPort(capacity: 8) { wake.set() }
        committer.register(port)
        for value in 0..<batchCount {
          let body =
            [UInt8(receiver)] + (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
          let batch = makeBatch(body, partition: Int(value % 4))
          while !port.submit(batch) { wake.wait(timeoutNanoseconds: 1_000_000) }
        }
        while port.settledSequence < batchCount { wake.wait(timeoutNanoseconds: 1_000_000) }
        if port.failure(after: 0, upTo: batchCount) != nil {
          results.failures.wrappingAdd(1, ordering: .relaxed)
        }
        port.close()
      }
    }
    for thread in receiverThreads { thread.join() }
    stop.isSet.store(true, ordering: .releasing)
    committer.signal.set()
    committerThread.join()
    for thread in workerThreads { thread.join() }
    #expect(committer.finish(monotonic: clock.monotonic()))

    #expect(results.failures.load(ordering: .relaxed) == 0)
    let found = results.applied.withLock { $0 }
    var replayed: [Replayed] = []
    let summary = try LogReader(
      disk: RealDisk(),
      directory: directory.file("queue"),
      partitionCount: partitionCount
    ).replay(from: Array(repeating: .zero, count: partitionCount)) { replayed.append(Replayed($0)) }
    #expect(summary.damages.isEmpty)
    #expect(replayed.count == Int(2 * batchCount))
    for partition in 0..<partitionCount {
      let live = found[partition % 2]?.filter { $0.partition == partition } ?? []
      #expect(live == replayed.filter { $0.partition == partition })
      #expect(live.map(\.offset) == (0..<batchCount / 2).map { $0 })
      for receiver in UInt8(0)...1 {
        let own = live.filter { $0.body[0] == receiver }.map {
          UInt64($0.body[1]) | UInt64($0.body[2]) << 8
        }
        #expect(own == own.sorted())
        #expect(own.count == Int(batchCount) / 4)
      }
    }
    #expect(workers.allSatisfy { $0.inFlightByteCount == 0 })
  }

  @Test func aReaderBesideTheLiveLogSeesNoDamage() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("queue")
    let floors: [Offset] = [.zero, .zero]
    var options = LogOptions()
    options.segmentByteCountMax = 20_000
    options.retainNanoseconds = 0
    let (log, _) = try Log.open(
      disk: RealDisk(),
      directory: path,
      partitionCount: 2,
      floors: floors,
      clock: RealClock(),
      options: options
    )
    let stop = StopFlag()
    let results = Results()
    let reader = try WorkerThread(name: "reader") {
      let reader = LogReader(disk: RealDisk(), directory: path, partitionCount: 2)
      while !stop.isSet.load(ordering: .acquiring) {
        let serious = reader.check().serious
        results.damages.withLock { $0 += serious }
        results.rounds.wrappingAdd(1, ordering: .relaxed)
      }
    }
    var value: UInt8 = 0
    var removed = 0
    while removed < 25 || results.rounds.load(ordering: .relaxed) < 20 {
      value &+= 1
      let body = [UInt8](repeating: value, count: 500)
      try log.append((0..<8).map { makeBatch(body, partition: $0 % 2) })
      try log.sync()
      let kept = log.nextOffsets.map { Offset($0.rawValue - min($0.rawValue, 100)) }
      removed += try log.removeSegments(below: kept, now: RealClock().now())
    }
    stop.isSet.store(true, ordering: .releasing)
    reader.join()
    #expect(results.damages.withLock { $0 }.isEmpty)
  }

  private final class StopFlag: Sendable {
    let isSet = Atomic<Bool>(false)
  }

  private final class Results: Sendable {
    let applied = Mutex<[Int: [Replayed]]>([:])
    let failures = Atomic<Int>(0)
    let rounds = Atomic<Int>(0)
    let damages = Mutex<[Damage]>([])
  }
}
