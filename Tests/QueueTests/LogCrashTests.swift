import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: whatever was acknowledged survives every crash, nothing is invented, and a crash is never
/// reported as damage. Method: seeded runs against a model, on a disk that loses, tears and
/// reorders what was not synced, with errors thrown in.
@Suite struct LogCrashTests {
  /// What must hold of a log after any crash.
  private struct Model {
    /// Bodies that were acknowledged, or replayed by an earlier start, by partition and offset.
    var durable: [[UInt64: [UInt8]]]
    /// All bodies that were ever given the offset.
    var issued: [[UInt64: [[UInt8]]]]
    var nextBody: UInt64 = 0

    init(partitionCount: Int) {
      durable = Array(repeating: [:], count: partitionCount)
      issued = Array(repeating: [:], count: partitionCount)
    }

    /// A body that no other batch has, of a random length.
    mutating func body(_ random: inout SeededRandom) -> [UInt8] {
      nextBody += 1
      let length = random.oneIn(8) ? 2_000 : random.oneIn(2) ? 0 : 60
      let filler: [UInt8] =
        random.oneIn(3)
        ? Array(repeating: 0, count: length)
        : random.bytes(Int.random(in: 0...length, using: &random))
      return (0..<8).map { UInt8(truncatingIfNeeded: nextBody >> (8 * UInt64($0))) } + filler
    }

    mutating func issue(_ batch: RowBatch) {
      let partition = Int(batch.header.partition.rawValue)
      issued[partition][batch.header.offset.rawValue, default: []].append(bodyBytes(batch))
    }

    mutating func acknowledge(_ batch: RowBatch) {
      let partition = Int(batch.header.partition.rawValue)
      durable[partition][batch.header.offset.rawValue] = bodyBytes(batch)
    }

    mutating func compare(_ batches: [Replayed], _ context: String) {
      for partition in durable.indices {
        let found = batches.filter { $0.partition == partition }
        #expect(zip(found, found.dropFirst()).allSatisfy { $0.offset < $1.offset }, "\(context)")
        var byOffset: [UInt64: [UInt8]] = [:]
        for batch in found {
          byOffset[batch.offset] = batch.body
          #expect(issued[partition][batch.offset]?.contains(batch.body) ?? false, "\(context)")
        }
        for (offset, body) in durable[partition] {
          #expect(byOffset[offset] == body, "\(context): partition \(partition) offset \(offset)")
        }
        // What was replayed has been applied: it stays.
        durable[partition].merge(byOffset) { $1 }
      }
    }
  }

  @Test(arguments: UInt64(1)...300)
  func acknowledgedSurvivesAndNothingIsInvented(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let bench = LogBench(
      FaultyDisk(seed: seed),
      segmentByteCountMax: Int.random(in: 600...6_000, using: &random)
    )
    var model = Model(partitionCount: bench.partitionCount)
    for run in 0..<6 {
      if random.oneIn(2) {
        let count = Int.random(in: 0...40, using: &random)
        bench.disk.powerOff(afterOperations: count)
      }
      if let opened = try? bench.open() {
        #expect(opened.recovery.damages.serious.isEmpty, "seed \(seed) run \(run)")
        drive(opened.log, bench, &model, &random)
        if random.oneIn(4) { opened.log.close() }
      }
      let kinds: [FaultyDisk.Crash] = [.power, .power, .powerLosingAll, .kill]
      bench.disk.crash(kinds[Int(random.next() % 4)])
      let context = "seed \(seed) run \(run)"
      let survived = try bench.open()
      #expect(survived.recovery.damages.serious.isEmpty, "\(context)")
      let (batches, damages) = try bench.replay()
      #expect(damages.serious.isEmpty, "\(context): \(damages)")
      #expect(bench.reader.check().serious.isEmpty, "\(context)")
      model.compare(batches, context)
      for partition in 0..<bench.partitionCount {
        let last = batches.last { $0.partition == partition }?.offset
        let next = survived.log.nextOffsets[partition].rawValue
        #expect(next >= last.map { $0 + 1 } ?? 0, "\(context)")
      }
      #expect(batches.allSatisfy { $0.epoch < survived.log.epoch.rawValue })
    }
  }

  /// Appends and syncs as the committer does, with errors now and then, until the power is off.
  private func drive(
    _ log: Log,
    _ bench: LogBench,
    _ model: inout Model,
    _ random: inout SeededRandom
  ) {
    var offsetsOfRun: [Set<UInt64>] = Array(repeating: [], count: bench.partitionCount)
    for _ in 0..<Int.random(in: 1...25, using: &random) {
      guard !bench.disk.isOff else { return }
      if random.oneIn(6) {
        let operation: FaultyDisk.Operation = random.oneIn(2) ? .write : .sync
        let code = random.oneIn(2) ? SystemError.Code.noSpace : SystemError.Code.inputOutput
        bench.disk.fail(operation, after: Int(random.next() % 3), times: 1, code: code)
      }
      if !log.isUsable {
        guard (try? log.abandonUnsynced()) != nil else { continue }
      }
      let batches = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        makeBatch(model.body(&random), partition: Int(random.next() % 3))
      }
      let before = log.nextOffsets
      let result = Result { () throws(SystemError) in
        try log.append(batches)
        try log.sync()
      }
      // Whether or not it worked, an offset is given once.
      for batch in batches where batch.header.epoch == log.epoch {
        let partition = Int(batch.header.partition.rawValue)
        #expect(batch.header.offset >= before[partition])
        #expect(offsetsOfRun[partition].insert(batch.header.offset.rawValue).inserted)
        model.issue(batch)
      }
      if case .success = result { for batch in batches { model.acknowledge(batch) } }
      if random.oneIn(5), log.isUsable { try? log.mark() }
    }
  }

  @Test func everyCrashPointOfOneRunIsSafe() throws {
    // The number of changing operations of a run without faults.
    let plain = LogBench(segmentByteCountMax: 700)
    _ = try fixedRun(plain)
    let count = plain.disk.operationCount
    #expect(count > 30)
    for point in 0...count {
      for kind in [FaultyDisk.Crash.power, .powerLosingAll, .kill] {
        let bench = LogBench(FaultyDisk(seed: UInt64(point)), segmentByteCountMax: 700)
        bench.disk.powerOff(afterOperations: point)
        let acknowledged = (try? fixedRun(bench)) ?? []
        bench.disk.crash(kind)
        let (_, recovery) = try bench.open()
        let (batches, damages) = try bench.replay()
        #expect((recovery.damages + damages).serious.isEmpty, "point \(point): \(damages)")
        let bodies = batches.map(\.body)
        #expect(bodies.starts(with: acknowledged), "point \(point)")
      }
    }
  }

  /// Twelve rounds; returns the bodies that were acknowledged before the power went off.
  private func fixedRun(_ bench: LogBench) throws -> [[UInt8]] {
    let (log, _) = try bench.open()
    var acknowledged: [[UInt8]] = []
    for round in 0..<12 {
      guard log.isUsable else { return acknowledged }
      let bodies = (0..<3).map { [UInt8](repeating: UInt8(16 * round + $0), count: 30) }
      do throws(SystemError) {
        try log.append(bodies.map { makeBatch($0, partition: round % 3) })
        try log.sync()
        if round % 4 == 3 { try log.mark() }
      } catch {
        return acknowledged
      }
      acknowledged += bodies
    }
    log.close()
    return acknowledged
  }
}
