import Model
import Platform
import Ring
import TestSupport
import Testing

@Suite struct RingRegionTests {
  private let minute: Int64 = 480_000 * 60 + 17

  private func region(_ disk: any Disk, _ directory: String) throws -> RingRegion {
    try disk.createDirectory(directory)
    return try RingRegion.open(
      disk: disk,
      directory: directory,
      partition: PartitionID(3),
      extentByteCount: 4096,
      committed: [],
      cut: 0
    ).region
  }

  private func bytes(_ lookup: RingLookup) -> [UInt8]? {
    if case .found(let record) = lookup { record.array } else { nil }
  }

  private func isAbsent(_ lookup: RingLookup) -> Bool {
    if case .absent = lookup { true } else { false }
  }

  private func isDamaged(_ lookup: RingLookup) -> Bool {
    if case .damaged = lookup { true } else { false }
  }

  @Test func readersSeeACutWhenItIsPublished() throws {
    let ring = try region(FaultyDisk(), "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1, 2, 3].span)
    #expect(!ring.snapshot.covers(hour: 480_000))
    #expect(bytes(ring.existing(series: SeriesID(7), minute: minute)) == [1, 2, 3])
    try ring.sync()
    #expect(ring.progress == [RingProgress(hour: 480_000, byteCount: 64 + 40)])
    let first = ring.publish()
    #expect(first.coveredHours == [480_000])
    #expect(bytes(first.record(series: SeriesID(7), minute: minute)) == [1, 2, 3])
    #expect(isAbsent(first.record(series: SeriesID(8), minute: minute)))
    #expect(isAbsent(first.record(series: SeriesID(7), minute: minute + 1)))
  }

  @Test func anOlderSnapshotKeepsTheOlderRecord() throws {
    let ring = try region(FaultyDisk(), "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1].span)
    let first = ring.publish()
    try ring.append(series: SeriesID(7), minute: minute, cut: 2, record: [2, 2].span)
    try ring.append(series: SeriesID(7), minute: minute, cut: 2, record: [3, 3, 3].span)
    let second = ring.publish()
    #expect(bytes(first.record(series: SeriesID(7), minute: minute)) == [1])
    #expect(bytes(second.record(series: SeriesID(7), minute: minute)) == [3, 3, 3])
    #expect(second.recordCount == 1)
    #expect(second.byteCount == 64 + 3 * 40)
  }

  @Test func aFailedCutLeavesNothing() throws {
    let ring = try region(FaultyDisk(), "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1].span)
    ring.publish()
    let progress = ring.progress
    try ring.beginHour(480_001, isComplete: true, cut: 2)
    try ring.append(series: SeriesID(7), minute: minute + 60, cut: 2, record: [2].span)
    try ring.append(series: SeriesID(7), minute: minute, cut: 2, record: [3].span)
    ring.rollBack()
    #expect(ring.progress == progress)
    #expect(ring.hours == [480_000])
    #expect(bytes(ring.existing(series: SeriesID(7), minute: minute)) == [1])
    try ring.append(series: SeriesID(8), minute: minute, cut: 2, record: [9].span)
    ring.rollBack()
    let empty: [UInt8] = []
    try ring.append(series: SeriesID(9), minute: minute, cut: 2, record: empty.span)
    let last = ring.publish()
    #expect(isAbsent(last.record(series: SeriesID(8), minute: minute)))
    #expect(bytes(last.record(series: SeriesID(9), minute: minute)) == [])
    #expect(last.recordCount == 2)
    // It began in a cut that failed: nothing of it was sealed.
    try ring.beginHour(480_001, isComplete: true, cut: 3)
    #expect(ring.publish().coveredHours == [480_000, 480_001])
  }

  @Test func anHourThatLeftCannotComeBackComplete() throws {
    let disk = FaultyDisk()
    let ring = try region(disk, "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1].span)
    let first = ring.publish()
    // The cut fails after it has let the hour go: rows that it sealed then are in no slot.
    ring.dropHours(before: 480_001)
    ring.rollBack()
    #expect(ring.hours == [])
    #expect(ring.progress == [])
    #expect(ring.snapshot.coveredHours == [480_000])
    try ring.beginHour(480_000, isComplete: true, cut: 2)
    try ring.append(series: SeriesID(8), minute: minute, cut: 2, record: [2].span)
    #expect(ring.publish().coveredHours == [])
    #expect(bytes(first.record(series: SeriesID(7), minute: minute)) == [1])
  }

  @Test func aFailedSyncTakesTheHourOutOfTheRing() throws {
    let disk = FaultyDisk()
    let ring = try region(disk, "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1].span)
    try ring.sync()
    ring.publish()
    let progress = ring.progress
    try ring.append(series: SeriesID(7), minute: minute, cut: 2, record: [2].span)
    disk.fail(.sync)
    #expect(throws: SystemError.self) { try ring.sync() }
    ring.rollBack()
    // The next attempt goes without it, or begins it anew; it never answers again.
    try ring.beginHour(480_000, isComplete: true, cut: 2)
    try ring.append(series: SeriesID(7), minute: minute, cut: 2, record: [2].span)
    try ring.sync()
    // Its first file is still there for the manifest that names it.
    #expect(try disk.list("/r") == ["39.slot", "39.spare.slot"])
    let copy = try RingRegion.open(
      disk: disk.copy(seed: 1),
      directory: "/r",
      partition: PartitionID(3),
      committed: progress,
      cut: 1
    ).region
    #expect(bytes(copy.snapshot.record(series: SeriesID(7), minute: minute)) == [1])
    #expect(ring.publish().coveredHours == [])
    #expect(try disk.list("/r") == ["39.spare.slot"])
    let again = try RingRegion.open(
      disk: disk.copy(seed: 1),
      directory: "/r",
      partition: PartitionID(3),
      committed: ring.progress,
      cut: 2
    ).region
    #expect(bytes(again.existing(series: SeriesID(7), minute: minute)) == [2])
  }

  @Test func anHourTakesASlotThatTheManifestStillGivesToAnother() throws {
    let disk = FaultyDisk()
    var model = try RingModel(disk)
    let keys = (0..<4).map { RingModel.Key(series: 1, minute: minute + $0 * 51 * 60) }
    var names: [[String]] = []
    for (index, key) in keys.enumerated() {
      let number = UInt64(index) + 1
      try model.region.beginHour(key.minute / 60, isComplete: true, cut: number)
      try model.append(key, cut: number)
      names.append(try disk.list(RingModel.directory))
      // Up to the manifest's rename the former hour is whole.
      let former = try RingModel(disk.copy(seed: 1), history: model.history)
      RingModel.expect(former.region.snapshot, former.committed, "hour \(index)")
      try model.commit(
        RingModel.State(records: [key: number], hours: [key.minute / 60: true])
      )
      RingModel.expect(model.region.snapshot, model.committed, "hour \(index)")
      let reopened = try RingModel(disk.copy(seed: 1), history: model.history)
      RingModel.expect(reopened.region.snapshot, reopened.committed, "hour \(index)")
    }
    #expect(names.map(\.count) == [1, 2, 2, 2])
  }

  @Test func anHourThatBeganLateNeverAnswers() throws {
    let disk = FaultyDisk()
    let ring = try region(disk, "/r")
    try ring.beginHour(480_000, isComplete: false, cut: 1)
    try ring.append(series: SeriesID(7), minute: minute, cut: 1, record: [1].span)
    try ring.sync()
    let snapshot = ring.publish()
    #expect(snapshot.coveredHours == [])
    #expect(isDamaged(snapshot.record(series: SeriesID(7), minute: minute)))
    #expect(bytes(ring.existing(series: SeriesID(7), minute: minute)) == [1])
    let (reopened, recovery) = try RingRegion.open(
      disk: disk,
      directory: "/r",
      partition: PartitionID(3),
      committed: ring.progress,
      cut: 1
    )
    #expect(recovery.damages == [])
    #expect(recovery.lostHours == [])
    #expect(reopened.hasHour(480_000))
    #expect(!reopened.snapshot.covers(hour: 480_000))
  }

  @Test func hoursThatAreNotThereAreAnsweredByBlocks() throws {
    let ring = try region(FaultyDisk(), "/r")
    #expect(isDamaged(ring.snapshot.record(series: SeriesID(7), minute: minute)))
    #expect(isDamaged(ring.snapshot.record(series: SeriesID(7), minute: -1)))
    #expect(isDamaged(ring.existing(series: SeriesID(7), minute: minute)))
  }

  @Test func seriesMayComeInAnyOrder() throws {
    let ring = try region(FaultyDisk(), "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    var random = SeededRandom(seed: 5)
    var newest: [UInt32: UInt8] = [:]
    for round in 0..<UInt8(40) {
      for _ in 0..<Int.random(in: 1...80, using: &random) {
        let series = UInt32.random(in: 0...200, using: &random)
        try ring.append(
          series: SeriesID(series),
          minute: minute,
          cut: 1,
          record: [round, UInt8(series)].span
        )
        newest[series] = round
        let probe = UInt32.random(in: 0...200, using: &random)
        let found = bytes(ring.existing(series: SeriesID(probe), minute: minute))
        #expect(found == newest[probe].map { [$0, UInt8(probe)] })
      }
      if random.oneIn(4) {
        let snapshot = ring.publish()
        #expect(snapshot.recordCount == newest.count)
        for (series, round) in newest {
          let found = bytes(snapshot.record(series: SeriesID(series), minute: minute))
          #expect(found == [round, UInt8(series)])
        }
      }
    }
  }

  @Test func aRecordMayBeLargerThanAnExtent() throws {
    let disk = FaultyDisk()
    let ring = try region(disk, "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    var random = SeededRandom(seed: 3)
    let bodies = [10, 700_000, 3, 4000, 4096, 5000].map { random.bytes($0) }
    for (series, body) in bodies.enumerated() {
      try ring.append(
        series: SeriesID(UInt32(series)),
        minute: minute,
        cut: 1,
        record: body.span
      )
    }
    try ring.sync()
    ring.publish()
    disk.crash(.powerLosingAll)
    let reopened = try RingRegion.open(
      disk: disk,
      directory: "/r",
      partition: PartitionID(3),
      committed: ring.progress,
      cut: 1
    ).region
    for (series, body) in bodies.enumerated() {
      let id = SeriesID(UInt32(series))
      #expect(bytes(reopened.snapshot.record(series: id, minute: minute)) == body)
    }
  }

  @Test func aFullDiskIsAnErrorAtTheAppend() throws {
    let disk = FaultyDisk()
    let ring = try region(disk, "/r")
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    disk.limitFreeSpace(to: 0)
    let large = [UInt8](repeating: 7, count: 9000)
    let failure = #expect(throws: SystemError.self) {
      try ring.append(series: SeriesID(2), minute: minute, cut: 1, record: large.span)
    }
    #expect(failure?.isDiskFull == true)
    #expect(throws: SystemError.self) {
      try ring.beginHour(480_001, isComplete: true, cut: 1)
    }
    #expect(ring.hours == [480_000])
    // What still fits goes in; the rest when there is room again.
    try ring.append(series: SeriesID(1), minute: minute, cut: 1, record: [1].span)
    disk.limitFreeSpace(to: nil)
    try ring.append(series: SeriesID(2), minute: minute, cut: 1, record: large.span)
    let snapshot = ring.publish()
    #expect(bytes(snapshot.record(series: SeriesID(1), minute: minute)) == [1])
    #expect(bytes(snapshot.record(series: SeriesID(2), minute: minute)) == large)
  }

  @Test func aWeekOfHoursReusesSlotsAndOldSnapshotsKeepTheirBytes() throws {
    let disk = FaultyDisk(seed: 5)
    var model = try RingModel(disk)
    var random = SeededRandom(seed: 5)
    var held: [(snapshot: RingSnapshot, state: RingModel.State)] = []
    for hour in Int64(480_000)..<480_168 {
      try model.runCut(&random, hour: hour)
      RingModel.expect(model.region.snapshot, model.committed, "hour \(hour)")
      if hour % 7 == 0 { held.append((model.region.snapshot, model.committed)) }
    }
    for (snapshot, state) in held { RingModel.expect(snapshot, state, "held") }
    model.region.dropHours(before: .max)
    #expect(model.region.publish().coveredHours == [])
    #expect(try disk.list(RingModel.directory) == [])
  }

  @Test func slotsAreNamedByHourAndLeftoversGo() throws {
    let disk = FaultyDisk()
    try disk.createDirectory("/r")
    _ = try disk.map("/r/50.slot")
    _ = try disk.map("/r/notes.txt")
    let ring = try region(disk, "/r")
    #expect(try disk.list("/r") == ["notes.txt"])
    for hour in Int64(0)...1 { try ring.beginHour(hour, isComplete: true, cut: 1) }
    try ring.beginHour(101, isComplete: true, cut: 1)
    #expect(try disk.list("/r") == ["00.slot", "01.slot", "50.slot", "notes.txt"])
  }

  @Test func aRealDiskDoesTheSame() throws {
    let folder = try TemporaryDirectory()
    let disk = RealDisk()
    let ring = try region(disk, folder.file("ring"))
    try ring.beginHour(480_000, isComplete: true, cut: 1)
    var random = SeededRandom(seed: 9)
    let bodies = (0..<300).map { _ in random.bytes(Int.random(in: 0...5000, using: &random)) }
    for (series, body) in bodies.enumerated() {
      try ring.append(
        series: SeriesID(UInt32(series)),
        minute: minute,
        cut: 1,
        record: body.span
      )
      if series % 100 == 99 { try ring.sync() }
    }
    try ring.sync()
    let written = ring.publish()
    let (reopened, recovery) = try RingRegion.open(
      disk: disk,
      directory: folder.file("ring"),
      partition: PartitionID(3),
      committed: ring.progress,
      cut: 1
    )
    #expect(recovery.damages == [])
    for snapshot in [written, reopened.snapshot] {
      for (series, body) in bodies.enumerated() {
        let id = SeriesID(UInt32(series))
        #expect(bytes(snapshot.record(series: id, minute: minute)) == body)
      }
    }
  }
}
