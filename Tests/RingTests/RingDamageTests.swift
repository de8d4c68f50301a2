import Model
import Platform
import Ring
import TestSupport
import Testing

/// Goal: damaged bytes are always noticed, cost no more than they must, and never come back as a
/// record. Method: every flipped bit, every cut of the file, files that are missing or of others.
@Suite struct RingDamageTests {
  private static let hour: Int64 = 480_000
  private static let path = "\(RingModel.directory)/39.slot"
  private static let keys = [
    RingModel.Key(series: 1, minute: hour * 60), RingModel.Key(series: 2, minute: hour * 60),
    RingModel.Key(series: 1, minute: hour * 60 + 59),
  ]

  /// Two cuts; the first of three records was restated.
  private func sound() throws -> (files: [String: [UInt8]], progress: [RingProgress]) {
    let disk = FaultyDisk()
    var model = try RingModel(disk)
    var state = RingModel.State(records: [:], hours: [Self.hour: true])
    try model.region.beginHour(Self.hour, isComplete: true, cut: 1)
    for key in Self.keys {
      try model.append(key, cut: 1)
      state.records[key] = 1
    }
    try model.commit(state)
    try model.append(Self.keys[0], cut: 2)
    state.records[Self.keys[0]] = 2
    try model.commit(state)
    return (disk.files, model.region.progress)
  }

  private func open(
    _ files: [String: [UInt8]],
    _ progress: [RingProgress],
    partition: PartitionID = RingModel.partition,
    cut: UInt64 = 2
  ) throws -> (region: RingRegion, recovery: RingRecovery, check: [Damage]) {
    let disk = FaultyDisk(files: files)
    let check = RingCheck.check(
      disk: disk,
      directory: RingModel.directory,
      partition: partition,
      committed: progress,
      cut: cut
    )
    let (region, recovery) = try RingRegion.open(
      disk: disk,
      directory: RingModel.directory,
      partition: partition,
      extentByteCount: 4096,
      committed: progress,
      cut: cut
    )
    #expect(check == recovery.damages)
    return (region, recovery, check)
  }

  @Test func everyFlippedBitIsReportedAndNeverBelieved() throws {
    let (files, progress) = try sound()
    let bytes = try #require(files[Self.path])
    var recordLosses = 0
    // Each bit of headers, some of bodies.
    let heads = 0..<(64 + 32) * 8
    let bodies = stride(from: heads.upperBound, to: Int(progress[0].byteCount) * 8, by: 31)
    for bit in Array(heads) + bodies {
      var damaged = files
      damaged[Self.path] = bytes.flipping(bit: bit)
      let (region, recovery, _) = try open(damaged, progress)
      #expect(recovery.damages.count == 1, "bit \(bit)")
      #expect(recovery.damages.first?.severity == .damage)
      if recovery.lostHours == [Self.hour] {
        #expect(region.snapshot.coveredHours == [])
        continue
      }
      recordLosses += 1
      var bad = 0
      for key in Self.keys {
        let lookup = region.snapshot.record(series: SeriesID(key.series), minute: key.minute)
        if case .damaged = lookup {
          bad += 1
          let minute = RingRecovery.DamagedMinute(
            series: SeriesID(key.series),
            minute: key.minute
          )
          #expect(recovery.damagedMinutes == [minute])
        } else {
          let cut: UInt64 = key == Self.keys[0] ? 2 : 1
          #expect(RingModel.holds(lookup, key, cut: cut), "bit \(bit), \(key)")
        }
      }
      // A record that was replaced is missed by nobody.
      #expect(bad == recovery.damagedMinutes.count)
      #expect(bad <= 1)
    }
    #expect(recordLosses > 250)
  }

  @Test func aDamagedMinuteIsMendedByAppendingIt() throws {
    var (files, progress) = try sound()
    let bytes = try #require(files[Self.path])
    files[Self.path] = bytes.flipping(bit: (64 + 32) * 8)
    // The damaged record is the replaced one.
    #expect(try open(files, progress).recovery.damagedMinutes.isEmpty)
    files[Self.path] = bytes.flipping(bit: Int(progress[0].byteCount - 1) * 8)
    let (region, recovery, _) = try open(files, progress)
    #expect(recovery.damagedMinutes.map(\.series) == [SeriesID(1)])
    let key = Self.keys[0]
    try region.append(
      series: SeriesID(key.series),
      minute: key.minute,
      cut: 3,
      record: RingModel.body(key, cut: 3).span
    )
    let snapshot = region.publish()
    #expect(
      RingModel.holds(
        snapshot.record(series: SeriesID(key.series), minute: key.minute),
        key,
        cut: 3
      )
    )
  }

  @Test func everyCutOfTheFileLosesTheHour() throws {
    var (files, progress) = try sound()
    let bytes = try #require(files[Self.path])
    for count in stride(from: 0, to: Int(progress[0].byteCount), by: 7) {
      files[Self.path] = Array(bytes[..<count])
      let (region, recovery, _) = try open(files, progress)
      #expect(recovery.damages.map(\.what) == ["slot file is too short"])
      #expect(recovery.lostHours == [Self.hour])
      #expect(region.hours == [])
    }
    files[Self.path] = nil
    let (region, recovery, _) = try open(files, progress)
    #expect(recovery.damages.map(\.what) == ["slot file is missing"])
    #expect(region.hours == [])
  }

  @Test func zerosAreNoRecord() throws {
    var (files, progress) = try sound()
    let bytes = try #require(files[Self.path])
    files[Self.path] = bytes.map { _ in 0 }
    #expect(try open(files, progress).recovery.damages.map(\.what) == ["bad slot header"])
    files[Self.path] = Array(bytes[..<64]) + bytes[64...].map { _ in 0 }
    let (_, recovery, _) = try open(files, progress)
    #expect(recovery.damages.map(\.what) == ["bad window record header"])
    #expect(recovery.damages.map(\.offset) == [64])
  }

  @Test func aSlotOfAnotherPartitionOrHourIsNotTaken() throws {
    let (files, progress) = try sound()
    let other = try open(files, progress, partition: PartitionID(4))
    #expect(other.recovery.damages.map(\.what) == ["slot of another hour"])
    for hour in [Self.hour - 51, Self.hour + 51] {
      let wrong = [RingProgress(hour: hour, byteCount: progress[0].byteCount)]
      let (_, recovery, _) = try open(files, wrong)
      #expect(recovery.damages.map(\.what) == ["slot of another hour"])
      #expect(recovery.lostHours == [hour])
    }
  }

  @Test func aProgressThatCannotBeIsReported() throws {
    let (files, _) = try sound()
    for byteCount in [0, 63, UInt64.max, 1 << 62] {
      let progress = [RingProgress(hour: Self.hour, byteCount: byteCount)]
      let (region, recovery, _) = try open(files, progress)
      #expect(recovery.lostHours == [Self.hour])
      #expect(recovery.damages.count == 1)
      #expect(region.hours == [])
    }
    // In the middle of a record.
    let progress = [RingProgress(hour: Self.hour, byteCount: 80)]
    #expect(try open(files, progress).recovery.lostHours == [Self.hour])
  }

  @Test func recordsOfALaterCutAreIgnored() throws {
    let (files, progress) = try sound()
    let (region, recovery, _) = try open(files, progress, cut: 1)
    #expect(recovery.damages == [])
    #expect(try open(files, progress, cut: 0).recovery.lostHours == [Self.hour])
    let key = Self.keys[0]
    let lookup = region.snapshot.record(series: SeriesID(key.series), minute: key.minute)
    #expect(RingModel.holds(lookup, key, cut: 1))
  }

  @Test func aSectorThatCannotBeReadLosesTheHour() throws {
    let (files, progress) = try sound()
    let disk = FaultyDisk(files: files)
    // The folder, the header, then the records.
    disk.fail(.read, after: 2)
    let (region, recovery) = try RingRegion.open(
      disk: disk,
      directory: RingModel.directory,
      partition: RingModel.partition,
      committed: progress,
      cut: 2
    )
    #expect(recovery.damages.map(\.severity) == [.unreadable])
    #expect(region.hours == [])
  }

  @Test func bytesDamagedUnderASnapshotAreNotHandedOut() throws {
    let folder = try TemporaryDirectory()
    let disk = RealDisk()
    let ring = try RingRegion.open(
      disk: disk,
      directory: folder.path,
      partition: RingModel.partition,
      committed: [],
      cut: 0
    ).region
    try ring.beginHour(Self.hour, isComplete: true, cut: 1)
    for key in Self.keys {
      try ring.append(
        series: SeriesID(key.series),
        minute: key.minute,
        cut: 1,
        record: RingModel.body(key, cut: 1).span
      )
    }
    try ring.sync()
    let snapshot = ring.publish()
    // Another mapping of the same pages stands for a disk that gives back other bytes.
    let region = try disk.map(folder.file("39.slot")).extent(at: 0, byteCount: 4096)
    unsafe region.bytes[64 + 32] ^= 1
    let first = snapshot.record(series: SeriesID(1), minute: Self.hour * 60)
    if case .damaged = first {} else { Issue.record("\(first)") }
    unsafe region.bytes[64 + 32] ^= 1
    let mended = snapshot.record(series: SeriesID(1), minute: Self.hour * 60)
    #expect(RingModel.holds(mended, Self.keys[0], cut: 1))
  }
}
