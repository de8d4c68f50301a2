import Model
import Platform
import Ring
import TestSupport
import Testing

/// Goal: freezing an hour changes no answer, whatever comes for it meanwhile and whenever the power
/// goes; damage is noticed and costs no more than it must. Method: seeded cuts and freezes on a
/// disk that drops and tears, with the power off after every single operation.
@Suite struct FrozenRingTests {
  private static let hour: Int64 = 480_000
  private static let kinds: [FaultyDisk.Crash] = [.power, .powerLosingAll, .kill]

  private func records(
    _ random: inout SeededRandom,
    hours: Int64 = 2,
    count: Int = 12
  ) -> [FrozenModel.Key: [UInt8]] {
    var result: [FrozenModel.Key: [UInt8]] = [:]
    for _ in 0..<count {
      let key = FrozenModel.Key(
        series: UInt32.random(in: 0...5, using: &random),
        minute: Self.hour * 60 + Int64.random(in: 0..<60 * hours, using: &random)
      )
      result[key] = random.bytes(Int.random(in: 1...700, using: &random))
    }
    return result
  }

  /// Cuts, freezes, a cut while a freeze is under way, freezes again.
  private func live(_ model: inout FrozenModel, _ random: inout SeededRandom) throws {
    try model.write(records(&random))
    try model.write(records(&random))
    try model.freeze(Self.hour)
    try model.write(records(&random, hours: 1))
    // What comes while the file is being written is not in it.
    let freeze = try #require(model.region.beginFreeze(Self.hour, cut: model.cut))
    try model.write(records(&random))
    try model.makeFrozen(freeze)
    try model.write(records(&random))
    try model.freeze(Self.hour + 1)
  }

  @Test(arguments: UInt64(1)...20)
  func freezingChangesNoAnswer(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var model = try FrozenModel(FaultyDisk(seed: seed))
    try model.write(records(&random))
    let before = model.region.snapshot
    let old = model.bodies
    try live(&model, &random)
    #expect(FrozenModel.faults(before, old) == [], "an older snapshot, seed \(seed)")
    #expect(FrozenModel.faults(model.region.snapshot, model.bodies) == [])
    #expect(model.region.snapshot.statistics.frozenHourCount == 2)
    let reopened = try FrozenModel(model.disk)
    #expect(reopened.recovery.damages == [])
    #expect(reopened.region.snapshot.coveredHours == [Self.hour, Self.hour + 1])
    #expect(FrozenModel.faults(reopened.region.snapshot, model.bodies) == [])
  }

  @Test(arguments: UInt64(1)...3)
  func aCrashAtEveryOperationLosesNothing(seed: UInt64) throws {
    let rehearsal = FaultyDisk(seed: seed)
    try rehearsal.createDirectory("/p")
    let start = rehearsal.operationCount
    var random = SeededRandom(seed: seed)
    var model = try FrozenModel(rehearsal)
    try live(&model, &random)
    let operationCount = rehearsal.operationCount - start
    #expect(operationCount > 30)
    for point in 0...operationCount {
      let disk = FaultyDisk(seed: seed &* 1000 &+ UInt64(point))
      try disk.createDirectory("/p")
      disk.powerOff(afterOperations: point)
      random = SeededRandom(seed: seed)
      guard var model = try? FrozenModel(disk) else { continue }
      try? live(&model, &random)
      disk.crash(Self.kinds[point % 3])
      var reopened = try FrozenModel(disk)
      let hint = "seed \(seed), power off after \(point)"
      #expect(reopened.recovery.damages == [], "\(hint)")
      // A rename that reported an error may have happened.
      guard reopened.cut == model.cut else {
        #expect(reopened.cut == model.cut + 1, "\(hint)")
        continue
      }
      #expect(FrozenModel.faults(reopened.region.snapshot, model.bodies) == [], "\(hint)")
      // Life goes on from there.
      reopened.bodies = model.bodies
      try reopened.write(records(&random))
      for hour in reopened.region.hours { try reopened.freeze(hour) }
      #expect(FrozenModel.faults(reopened.region.snapshot, reopened.bodies) == [], "\(hint)")
    }
  }

  @Test(arguments: UInt64(1)...30)
  func failedCallsLoseNothing(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk(seed: seed)
    var model = try FrozenModel(disk)
    let operations: [FaultyDisk.Operation] = [.write, .sync, .name]
    for _ in 0..<20 {
      if random.oneIn(2), let operation = operations.randomElement(using: &random) {
        disk.fail(operation, after: Int.random(in: 0...9, using: &random))
      }
      if random.oneIn(6) { disk.limitFreeSpace(to: Int.random(in: 0...20_000, using: &random)) }
      if random.oneIn(2) {
        try? model.write(records(&random))
      } else {
        try? model.freeze(Self.hour + (random.oneIn(2) ? 1 : 0))
      }
      disk.limitFreeSpace(to: nil)
      #expect(FrozenModel.faults(model.region.snapshot, model.bodies) == [], "seed \(seed)")
    }
  }

  @Test func everyFlippedBitOfAFrozenFileIsNoticed() throws {
    var random = SeededRandom(seed: 9)
    var model = try FrozenModel(FaultyDisk(seed: 9))
    try model.write(records(&random, hours: 1))
    try model.freeze(Self.hour)
    let files = model.disk.files
    let path = try #require(files.keys.first { $0.hasSuffix(".frozen") })
    let bytes = try #require(files[path])
    for bit in stride(from: 0, to: bytes.count * 8, by: 7) {
      var damaged = files
      damaged[path] = bytes.flipping(bit: bit)
      let reopened = try FrozenModel(FaultyDisk(files: damaged))
      let check = RingCheck.check(
        disk: reopened.disk,
        directory: FrozenModel.directory,
        partition: FrozenModel.partition,
        committed: model.region.progress,
        cut: model.cut
      )
      #expect(check.count == 1, "bit \(bit)")
      if reopened.recovery.lostHours == [Self.hour] {
        #expect(reopened.recovery.lostFiles == [path])
        continue
      }
      // A section at most is damaged, none is wrong.
      let faults = FrozenModel.faults(reopened.region.snapshot, model.bodies)
      #expect(!faults.isEmpty, "bit \(bit)")
      #expect(faults.allSatisfy { $0.hasSuffix("damaged") }, "bit \(bit)")
      #expect(Set(faults).count <= 60)
      guard case .freeze = reopened.region.need(of: Self.hour) else {
        Issue.record("bit \(bit): nothing makes it anew")
        continue
      }
    }
  }

  @Test func anHourWhosePatchesGrowIsFrozenAgain() throws {
    var random = SeededRandom(seed: 3)
    var model = try FrozenModel(FaultyDisk(seed: 3))
    try model.write(records(&random, hours: 1))
    guard case .freeze = model.region.need(of: Self.hour) else {
      Issue.record("a closed hour is to be frozen")
      return
    }
    try model.freeze(Self.hour)
    for size in [1000, 1_100_000] {
      guard case .nothing = model.region.need(of: Self.hour) else {
        Issue.record("before \(size) bytes there is nothing to do")
        return
      }
      let key = FrozenModel.Key(series: 2, minute: Self.hour * 60 + 5)
      try model.write([key: random.bytes(size)])
    }
    guard case .freeze = model.region.need(of: Self.hour) else {
      Issue.record("the patch is long")
      return
    }
    try model.freeze(Self.hour)
    #expect(model.region.snapshot.statistics.patchByteCount == 0)
    #expect(FrozenModel.faults(model.region.snapshot, model.bodies) == [])
    #expect(model.disk.files.keys.filter { $0.hasPrefix(FrozenModel.directory) }.count == 1)
  }
}
