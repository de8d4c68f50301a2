import Model
import Platform
import Ring
import TestSupport
import Testing

/// Goal: whatever a manifest has committed is found again after every crash; what it has not
/// committed is never seen. Method: seeded cuts on a disk that drops and tears mapped pages and
/// names, with the power off after every single operation.
@Suite struct RingCrashTests {
  private static let kinds: [FaultyDisk.Crash] = [.power, .powerLosingAll, .kill]

  /// Cuts until the disk fails or `count` are done.
  private func run(
    _ model: inout RingModel,
    _ random: inout SeededRandom,
    count: Int,
    hour: inout Int64
  ) {
    for _ in 0..<count {
      if random.oneIn(3) { hour += Int64.random(in: 1...2, using: &random) }
      if random.oneIn(12) { hour += 51 }
      let before = model.region.snapshot
      let state = model.committed
      do {
        try model.runCut(&random, hour: hour)
      } catch {
        #expect(error is SystemError)
        model.region.rollBack()
        RingModel.expect(before, state, "an older snapshot beside a failed cut")
        return
      }
      RingModel.expect(before, state, "an older snapshot beside a newer cut")
    }
  }

  @Test(arguments: UInt64(1)...3)
  func everyCommittedRecordSurvivesACrashAtEveryOperation(seed: UInt64) throws {
    let rehearsal = FaultyDisk(seed: seed)
    var random = SeededRandom(seed: seed)
    var hour: Int64 = 480_000
    var model = try RingModel(rehearsal)
    run(&model, &random, count: 7, hour: &hour)
    let operationCount = rehearsal.operationCount
    #expect(operationCount > 40)

    for point in 0...operationCount {
      let disk = FaultyDisk(seed: seed &* 1000 &+ UInt64(point))
      try disk.createDirectory("/p")
      disk.powerOff(afterOperations: point)
      random = SeededRandom(seed: seed)
      hour = 480_000
      guard var model = try? RingModel(disk) else { continue }
      run(&model, &random, count: 7, hour: &hour)
      disk.crash(Self.kinds[point % 3])

      var reopened = try RingModel(disk, history: model.history)
      let hint = "seed \(seed), power off after \(point)"
      #expect(reopened.cut == model.cut || reopened.cut == model.cut + 1)
      RingModel.expect(reopened.region.snapshot, reopened.committed, hint)
      #expect(try reopened.check() == [])
      // Life goes on from there.
      run(&reopened, &random, count: 2, hour: &hour)
      RingModel.expect(reopened.region.snapshot, reopened.committed, hint)
    }
  }

  @Test(arguments: UInt64(1)...40)
  func manyCrashesInARow(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    var history: [UInt64: RingModel.State] = [0: RingModel.State()]
    var hour: Int64 = 480_000
    for _ in 0..<8 {
      var model = try RingModel(disk, history: history)
      RingModel.expect(model.region.snapshot, model.committed, "seed \(seed)")
      disk.powerOff(afterOperations: Int.random(in: 0...40, using: &random))
      run(&model, &random, count: 4, hour: &hour)
      history = model.history
      disk.crash(Self.kinds.randomElement(using: &random) ?? .kill)
    }
  }

  @Test(arguments: UInt64(1)...40)
  func failedCallsNeverLoseWhatWasCommitted(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    var model = try RingModel(disk)
    var hour: Int64 = 480_000
    let operations: [FaultyDisk.Operation] = [.read, .write, .sync, .name]
    for _ in 0..<20 {
      if random.oneIn(2), let operation = operations.randomElement(using: &random) {
        disk.fail(operation, after: Int.random(in: 0...9, using: &random))
      }
      if random.oneIn(5) { disk.limitFreeSpace(to: Int.random(in: 0...20_000, using: &random)) }
      run(&model, &random, count: 1, hour: &hour)
      disk.limitFreeSpace(to: nil)
      RingModel.expect(model.region.snapshot, model.committed, "seed \(seed)")
    }
    disk.crash(.powerLosingAll)
    let reopened = try RingModel(disk, history: model.history)
    RingModel.expect(reopened.region.snapshot, reopened.committed, "seed \(seed), reopened")
  }
}
