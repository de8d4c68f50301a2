import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: errors of the disk are reported, burn offsets instead of reusing them, and pass.
@Suite struct LogFailureTests {
  @Test(arguments: [FaultyDisk.Operation.write, .sync])
  func aFailedRoundBurnsItsOffsetsAndIsNoLoss(operation: FaultyDisk.Operation) throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1]), makeBatch([2], partition: 1)])
    try log.sync()
    bench.disk.fail(operation)
    #expect(throws: SystemError.self) {
      try log.append([makeBatch([3]), makeBatch([4])])
      try log.sync()
    }
    #expect(!log.isUsable)
    #expect(log.failure?.code == SystemError.Code.inputOutput)
    try log.abandonUnsynced()
    #expect(log.isUsable)
    #expect(log.nextOffsets == [Offset(3), Offset(1), .zero])
    try log.append([makeBatch([5])])
    try log.sync()
    for crash in [FaultyDisk.Crash.kill, .powerLosingAll] {
      bench.disk.crash(crash)
      let (batches, damages) = try bench.replay()
      #expect(batches.map(\.body) == [[1], [2], [5]])
      #expect(batches.map(\.offset) == [0, 0, 3])
      #expect(damages.serious.isEmpty, "\(damages)")
    }
  }

  @Test func burntOffsetsAreNotIssuedAgainByTheNextStart() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1])])
    try log.sync()
    bench.disk.fail(.sync)
    #expect(throws: SystemError.self) {
      try log.append([makeBatch([2])])
      try log.sync()
    }
    try log.abandonUnsynced()
    bench.disk.crash(.powerLosingAll)
    let (again, recovery) = try bench.open()
    #expect(again.nextOffsets[0] == Offset(2))
    #expect(recovery.damages.serious.isEmpty)
    try again.append([makeBatch([3])])
    try again.sync()
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.offset) == [0, 2])
    #expect(damages.isEmpty)
  }

  @Test func aFailedBatchThatSurvivedMayBeReplayedButIsNeverReplaced() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1])])
    try log.sync()
    // The append works, the sync fails, and so does taking the bytes away again.
    bench.disk.fail(.sync)
    try log.append([makeBatch([2])])
    #expect(throws: SystemError.self) { try log.sync() }
    bench.disk.fail(.write)
    try log.abandonUnsynced()
    try log.append([makeBatch([3])])
    try log.sync()
    bench.disk.crash(.kill)
    let (_, recovery) = try bench.open()
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == [[1], [2], [3]])
    #expect(batches.map(\.offset) == [0, 1, 2])
    #expect((recovery.damages + damages).serious.isEmpty)
  }

  @Test func aFullDiskRefusesAndRecoversWithoutLeavingSegmentsBehind() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1])])
    try log.sync()
    bench.disk.limitFreeSpace(to: 300)
    let large = [UInt8](repeating: 1, count: 1_000)
    for _ in 0..<20 {
      if !log.isUsable { guard (try? log.abandonUnsynced()) != nil else { continue } }
      #expect(
        throws: SystemError(
          code: SystemError.Code.noSpace,
          operation: "write",
          path: bench.segments.last ?? ""
        )
      ) {
        try log.append([makeBatch(large)])
      }
    }
    #expect(bench.segments.count <= 3)
    bench.disk.limitFreeSpace(to: nil)
    try log.abandonUnsynced()
    try log.append([makeBatch(large)])
    try log.sync()
    bench.disk.crash(.powerLosingAll)
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == [[1], large])
    #expect(damages.serious.isEmpty)
    #expect(bench.reader.check().serious.isEmpty)
  }

  @Test func aLogOpensOnAFullDiskAndRefusesUntilThereIsSpace() throws {
    let bench = LogBench()
    let (first, _) = try bench.open()
    try first.append([makeBatch([1])])
    try first.sync()
    first.close()
    bench.disk.limitFreeSpace(to: 0)
    let (log, recovery) = try bench.open()
    #expect(recovery.failure?.isDiskFull == true)
    #expect(!log.isUsable)
    #expect(try bench.replay().batches.map(\.body) == [[1]])
    #expect(throws: SystemError.self) { try log.abandonUnsynced() }
    bench.disk.limitFreeSpace(to: 10_000)
    try log.abandonUnsynced()
    try log.append([makeBatch([2])])
    try log.sync()
    #expect(try bench.replay().batches.map(\.body) == [[1], [2]])
  }

  @Test(arguments: [FaultyDisk.Operation.read, .write, .sync, .name])
  func everyOperationMayFailOnce(operation: FaultyDisk.Operation) throws {
    for code in [SystemError.Code.inputOutput, SystemError.Code.noSpace] {
      for skipped in 0..<40 {
        let bench = LogBench(FaultyDisk(seed: UInt64(skipped)), segmentByteCountMax: 600)
        var acknowledged: [[UInt8]] = []
        bench.disk.fail(operation, after: skipped, code: code)
        for run in 0..<2 {
          // A start that fails is tried again, as an operator would.
          guard let log = ((try? bench.open()) ?? (try? bench.open()))?.log else {
            Issue.record("no second start: \(operation) \(skipped)")
            return
          }
          for round in 0..<8 {
            if !log.isUsable { guard (try? log.abandonUnsynced()) != nil else { continue } }
            let body = [UInt8](repeating: UInt8(16 * run + round), count: 50)
            let isDone = (try? log.append([makeBatch(body)])) != nil && (try? log.sync()) != nil
            if isDone { acknowledged.append(body) }
          }
          #expect(log.isUsable || acknowledged.count >= 7)
          bench.disk.crash(.powerLosingAll)
        }
        let (_, recovery) = try bench.open()
        let (batches, damages) = try bench.replay()
        let context = "\(operation) \(code) after \(skipped)"
        #expect(batches.map(\.body).filter(acknowledged.contains) == acknowledged, "\(context)")
        #expect((recovery.damages + damages).serious.isEmpty, "\(context): \(damages)")
        #expect(acknowledged.count >= 14, "\(context)")
      }
    }
  }

  @Test func aMarkThatFailsCostsNothing() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1])])
    try log.sync()
    bench.disk.fail(.write)
    try log.mark()
    #expect(log.isUsable)
    #expect(!log.needsMark)
    try log.append([makeBatch([2])])
    try log.sync()
    try log.mark()
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == [[1], [2]])
    #expect(damages.isEmpty)
  }

  @Test func withoutSyncTheSettledStaysWhenTheRestIsGivenUp() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1])])
    log.settle()
    bench.disk.fail(.write)
    #expect(throws: SystemError.self) { try log.append([makeBatch([2])]) }
    try log.abandonUnsynced()
    try log.append([makeBatch([3])])
    log.settle()
    bench.disk.crash(.kill)
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == [[1], [3]])
    #expect(damages.serious.isEmpty)
  }
}
