import Bytes
import Model
import Platform
import Ring
import TestSupport
import Testing

/// A partition's ring whose hours freeze, beside a dictionary that says what must be in it.
///
/// A section of a frozen hour holds its minutes in this test's own way: one run, each minute a byte
/// with its number, a length and a body.
struct FrozenModel {
  struct Key: Hashable {
    var series: UInt32
    var minute: Int64
  }

  static let directory = "/p/ring"
  static let partition = PartitionID(3)
  private static let manifestPath = "/p/manifest"

  let disk: FaultyDisk
  var region: RingRegion
  var cut: UInt64 = 0
  /// What is committed.
  var bodies: [Key: [UInt8]] = [:]
  private(set) var recovery = RingRecovery()

  init(_ disk: FaultyDisk) throws {
    self.disk = disk
    try disk.createDirectory(Self.directory)
    var progress: [RingProgress] = []
    if try disk.byteCount(of: Self.manifestPath) != nil {
      let bytes = try disk.read(Self.manifestPath, byteCountMax: 1 << 20)
      var reader = ByteReader(bytes.span)
      cut = reader.readInteger(UInt64.self) ?? 0
      while let hour = reader.readInteger(Int64.self), let word = reader.readInteger(UInt64.self) {
        progress.append(try #require(RingProgress(hour: hour, word: word)))
      }
    }
    let (region, recovery) = try RingRegion.open(
      disk: disk,
      directory: Self.directory,
      partition: Self.partition,
      extentByteCount: 4096,
      committed: progress,
      cut: cut
    )
    self.region = region
    self.recovery = recovery
  }

  private func commitManifest(_ cut: UInt64) throws {
    var writer = ByteWriter()
    writer.writeInteger(cut)
    for item in region.progress {
      writer.writeInteger(item.hour)
      writer.writeInteger(item.word)
    }
    try disk.replace(Self.manifestPath, with: writer.bytes)
  }

  /// One cut that writes `records`.
  mutating func write(_ records: [Key: [UInt8]]) throws {
    do {
      for (key, body) in records.sorted(by: { $0.key.minute < $1.key.minute }) {
        try region.beginHour(key.minute / 60, isComplete: true, cut: cut + 1)
        try region.append(
          series: SeriesID(key.series),
          minute: key.minute,
          cut: cut + 1,
          record: body.span
        )
      }
      try region.sync()
      try commitManifest(cut + 1)
    } catch {
      region.rollBack()
      throw error
    }
    cut += 1
    bodies.merge(records) { $1 }
    region.publish()
  }

  /// Writes the frozen file of an hour without committing it.
  func makeFrozen(_ freeze: RingFreeze) throws {
    let writer = try region.makeWriter(for: freeze)
    do {
      for series in freeze.series {
        var minutes: [Int64: [UInt8]] = [:]
        if case .found(let section) = freeze.frozen(series) {
          guard freeze.minutes(of: series) != 0 else {
            let isCopied = try writer.copy(section)
            #expect(isCopied)
            continue
          }
          minutes = try #require(Self.minutes(of: section))
        }
        for minute in freeze.hour * 60..<freeze.hour * 60 + 60 {
          if case .found(let record) = freeze.record(series: series, minute: minute) {
            minutes[minute % 60] = record.array
          }
        }
        let head: [UInt8] = [1, 2]
        let run = Self.run(minutes)
        try writer.append(series: series, head: head.span, runs: run.span, ends: [run.count])
      }
      let frozen = try writer.finish()
      #expect(region.install(frozen))
    } catch {
      writer.abandon()
      region.cancelFreeze(freeze.hour)
      throw error
    }
  }

  /// Freezes an hour and commits it.
  mutating func freeze(_ hour: Int64) throws {
    guard let freeze = region.beginFreeze(hour, cut: cut) else { return }
    try makeFrozen(freeze)
    try commitManifest(cut)
    region.publish()
  }

  private static func run(_ minutes: [Int64: [UInt8]]) -> [UInt8] {
    var writer = ByteWriter()
    for (minute, body) in minutes.sorted(by: { $0.key < $1.key }) {
      writer.writeByte(UInt8(minute))
      writer.writeInteger(UInt32(body.count))
      writer.writeBytes(body)
    }
    return writer.bytes
  }

  private static func minutes(of section: FrozenSection) -> [Int64: [UInt8]]? {
    var result: [Int64: [UInt8]] = [:]
    let isSound = section.withRuns([0]) { _, bytes in
      var reader = ByteReader(bytes)
      while let minute = reader.readByte() {
        guard let count = reader.readInteger(UInt32.self), let body = reader.readBytes(Int(count))
        else { return false }
        result[Int64(minute)] = body
      }
      return true
    }
    return isSound ? result : nil
  }

  /// What a snapshot says of a minute; `nil` for no row, `[]` never.
  static func look(_ snapshot: RingSnapshot, _ key: Key) -> [UInt8]?? {
    let hour = key.minute / 60
    let lookup = snapshot.frozen(series: SeriesID(key.series), hour: hour)
    let bit: UInt64 = 1 << UInt64(key.minute % 60)
    let patches = snapshot.patches(series: SeriesID(key.series), hour: hour)
    if patches & bit == 0 {
      switch lookup {
      case .open: break
      case .absent: return .some(nil)
      case .found(let section): return minutes(of: section).map { $0[key.minute % 60] }
      case .damaged: return nil
      }
    }
    switch snapshot.record(series: SeriesID(key.series), minute: key.minute) {
    case .absent: return .some(nil)
    case .found(let record): return .some(record.array)
    case .damaged: return nil
    }
  }

  /// Compares every minute of every covered hour with `bodies`.
  static func faults(_ snapshot: RingSnapshot, _ bodies: [Key: [UInt8]]) -> [String] {
    var faults: [String] = []
    for hour in snapshot.coveredHours {
      for series in Set(bodies.keys.map(\.series)).union([99]) {
        for minute in hour * 60..<hour * 60 + 60 {
          let key = Key(series: series, minute: minute)
          guard let found = look(snapshot, key) else {
            faults.append("\(key) is damaged")
            continue
          }
          if found != bodies[key] { faults.append("\(key) is wrong") }
        }
      }
    }
    return faults
  }
}
