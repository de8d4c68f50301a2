import Model
import Platform
import Queue
import Synchronization
import TestSupport
import Testing

/// Goal: what cannot be made durable is told to its sender, and the committer goes on by itself.
@Suite struct CommitterFailureTests {
  private func submit(_ bench: CommitterBench, _ value: UInt8, _ receiver: Int = 0) {
    #expect(bench.receivers[receiver].submit(makeBatch([value])))
  }

  @Test(arguments: [FaultyDisk.Operation.write, .sync])
  func aFailedRoundIsSettledAsFailedAndTheNextOneWorks(operation: FaultyDisk.Operation) throws {
    let bench = try CommitterBench()
    submit(bench, 1)
    bench.run()
    bench.log.disk.fail(operation)
    submit(bench, 2)
    submit(bench, 3, 1)
    bench.run()
    let port = bench.receivers[0]
    #expect(port.settledSequence == 2)
    #expect(port.failure(after: 0, upTo: 1) == nil)
    let reason = try #require(port.failure(after: 1, upTo: 2))
    #expect(reason.contains("Input/output error"))
    #expect(!reason.contains("\n"))
    #expect(bench.receivers[1].failure(after: 0, upTo: 1) == reason)
    #expect(bench.committer.isRefusing)
    #expect(bench.committer.statistics.refusal == reason)
    // While it refuses, batches fail at once.
    submit(bench, 4)
    #expect(bench.step() > 0)
    #expect(port.settledSequence == 3)
    #expect(port.failure(after: 2, upTo: 3) == reason)
    bench.log.clock.advance(seconds: 1)
    submit(bench, 5)
    bench.step()
    bench.run()
    #expect(!bench.committer.isRefusing)
    submit(bench, 6)
    bench.run()
    #expect(port.failure(after: 4, upTo: port.settledSequence) == nil)
    #expect(port.failure(after: 0, upTo: port.settledSequence) == reason)
    let popped = bench.popAll(0)
    #expect(popped.first?.body == [1])
    #expect(popped.last?.body == [6])
    #expect(!popped.contains { $0.body == [2] || $0.body == [3] || $0.body == [4] })
    #expect(bench.committer.statistics.failedBatches >= 3)
    bench.log.disk.crash(.powerLosingAll)
    let (batches, damages) = try bench.log.replay()
    #expect(batches.map(\.body) == popped.map(\.body))
    #expect(batches.map(\.offset) == popped.map(\.offset))
    #expect(damages.serious.isEmpty)
  }

  @Test func aFullDiskIsNamedWithItsFreeBytesAndEndsWhenThereIsSpace() throws {
    let bench = try CommitterBench()
    submit(bench, 1)
    bench.run()
    bench.log.disk.limitFreeSpace(to: 50)
    submit(bench, 2)
    bench.run()
    let port = bench.receivers[0]
    let reason = try #require(port.failure(after: 1, upTo: 2))
    #expect(reason.contains("the disk is full"))
    #expect(reason.contains(LogBench.directory))
    #expect(reason.contains("bytes free"))
    for _ in 0..<30 {
      submit(bench, 3)
      bench.run(milliseconds: 100)
    }
    #expect(bench.committer.isRefusing)
    #expect(bench.log.segments.count <= 2)
    bench.log.disk.limitFreeSpace(to: nil)
    bench.run(milliseconds: 1_100)
    #expect(!bench.committer.isRefusing)
    let before = port.settledSequence
    submit(bench, 4)
    bench.run()
    #expect(port.failure(after: before, upTo: port.settledSequence) == nil)
    #expect(try bench.log.replay().batches.map(\.body) == [[1], [4]])
  }

  @Test func aFullDiskGivesUpWhatIsOnlyRetained() throws {
    let source = LogBench(segmentByteCountMax: 700)
    let bench = try CommitterBench(source)
    for value in 0..<9 {
      #expect(bench.receivers[0].submit(makeBatch([UInt8](repeating: UInt8(value), count: 100))))
      bench.run(milliseconds: 3)
    }
    let count = bench.committer.statistics.segmentCount
    bench.committer.release(PartitionID(0), below: Offset(8))
    bench.log.disk.limitFreeSpace(to: 0)
    submit(bench, 42)
    bench.run(milliseconds: 5)
    #expect(bench.committer.statistics.segmentCount < count)
    // Space was found, so there is no pause.
    #expect(!bench.committer.isRefusing)
    let before = bench.receivers[0].settledSequence
    submit(bench, 43)
    bench.run()
    #expect(bench.receivers[0].failure(after: before, upTo: before + 1) == nil)
  }

  @Test func aCatalogThatCannotBeSyncedFailsTheRound() throws {
    let bench = try CommitterBench()
    let error = SystemError(
      code: SystemError.Code.inputOutput,
      operation: "fdatasync",
      path: "/data/catalog/a.log"
    )
    bench.prepared.failure.withLock { $0 = error }
    submit(bench, 1)
    bench.run()
    #expect(bench.receivers[0].failure(after: 0, upTo: 1) == "\(error)")
    #expect(bench.popAll(0).isEmpty)
    bench.prepared.failure.withLock { $0 = nil }
    bench.run(milliseconds: 1_100)
    submit(bench, 2)
    bench.run()
    #expect(bench.popAll(0).map(\.body) == [[2]])
    #expect(try bench.log.replay().batches.map(\.body) == [[2]])
  }

  @Test func aLogThatCouldNotBeginRefusesFromTheStart() throws {
    let source = LogBench()
    source.disk.limitFreeSpace(to: 0)
    let bench = try CommitterBench(source)
    #expect(bench.committer.isRefusing)
    submit(bench, 1)
    bench.step()
    #expect(bench.receivers[0].settledSequence == 1)
    #expect(bench.receivers[0].failure(after: 0, upTo: 1)?.contains("full") == true)
    #expect(bench.committer.finish(monotonic: bench.log.clock.monotonic()))
  }

  @Test func intervalModeAcknowledgesAtOnceAndSyncsEverySecond() throws {
    var options = CommitOptions()
    options.mode = .interval
    let bench = try CommitterBench(options: options)
    bench.log.clock.advance(seconds: 5)
    submit(bench, 1)
    bench.run(milliseconds: 4)
    #expect(bench.receivers[0].settledSequence == 1)
    let path = bench.log.path(1)
    bench.run(milliseconds: 2_000)
    let synced = bench.log.disk.durableFiles[path]
    #expect(synced == bench.log.disk.files[path])
    // A sync that fails costs no batch that was acknowledged, as long as the machine runs.
    submit(bench, 2)
    bench.run(milliseconds: 4)
    bench.log.disk.fail(.sync)
    bench.run(milliseconds: 1_100)
    #expect(bench.committer.isRefusing)
    bench.run(milliseconds: 1_100)
    submit(bench, 3)
    bench.run()
    bench.log.disk.crash(.kill)
    let (batches, damages) = try bench.log.replay()
    #expect(batches.map(\.body) == [[1], [2], [3]])
    #expect(damages.serious.isEmpty)
  }

  @Test func osModeNeverSyncsBetweenRolls() throws {
    var options = CommitOptions()
    options.mode = .os
    let bench = try CommitterBench(options: options)
    let path = bench.log.path(1)
    let before = bench.log.disk.durableFiles[path]
    for value in 0..<20 {
      submit(bench, UInt8(value))
      bench.run(milliseconds: 500)
    }
    #expect(bench.receivers[0].settledSequence == 20)
    #expect(bench.log.disk.durableFiles[path] == before)
    #expect(bench.committer.syncDurations.counts.total == 0)
    bench.log.disk.crash(.kill)
    #expect(try bench.log.replay().batches.count == 20)
  }

  @Test(arguments: UInt64(1)...100)
  func whatIsSettledWithoutFailureSurvives(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let source = LogBench(
      FaultyDisk(seed: seed),
      segmentByteCountMax: Int.random(in: 500...3_000, using: &random)
    )
    let bench = try CommitterBench(source)
    var bodies: [[[UInt8]]] = [[], []]
    for round in 0..<40 {
      for receiver in 0..<2 {
        for _ in 0..<Int.random(in: 0...4, using: &random) {
          let body = [UInt8(round), UInt8(receiver)] + random.bytes(Int(random.next() % 50))
          let batch = makeBatch(body, partition: Int(random.next() % 3))
          if bench.receivers[receiver].submit(batch) { bodies[receiver].append(body) }
        }
      }
      if random.oneIn(8) {
        bench.log.disk.fail(random.oneIn(2) ? .write : .sync, after: Int(random.next() % 4))
      }
      bench.run(milliseconds: random.oneIn(4) ? 1_100 : Int.random(in: 1...6, using: &random))
      _ = bench.popAll(0) + bench.popAll(1)
    }
    bench.log.disk.crash()
    let (_, recovery) = try bench.log.open()
    let (batches, damages) = try bench.log.replay()
    #expect((recovery.damages + damages).serious.isEmpty)
    let replayed = Set(batches.map(\.body))
    for receiver in 0..<2 {
      let port = bench.receivers[receiver]
      for (index, body) in bodies[receiver].prefix(Int(port.settledSequence)).enumerated() {
        let sequence = UInt64(index)
        if port.failure(after: sequence, upTo: sequence + 1) == nil {
          #expect(replayed.contains(body), "receiver \(receiver) sequence \(sequence + 1)")
        }
      }
    }
    #expect(replayed.isSubset(of: Set(bodies.joined())))
  }
}
