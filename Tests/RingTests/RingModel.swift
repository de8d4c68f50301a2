import Bytes
import Model
import Platform
import Ring
import TestSupport
import Testing

/// A partition's ring beside a dictionary that says what must be in it, and a manifest that commits
/// both: what Engine does with a ring, in small.
struct RingModel {
  struct Key: Hashable {
    var series: UInt32
    var minute: Int64
  }

  /// What one cut has committed.
  struct State {
    /// The cut that wrote the newest record.
    var records: [Key: UInt64] = [:]
    /// Whether each hour answers queries.
    var hours: [Int64: Bool] = [:]
  }

  static let directory = "/p/ring"
  static let partition = PartitionID(3)
  private static let manifest = "/p/manifest"

  let disk: FaultyDisk
  var region: RingRegion
  /// The manifest's cut.
  var cut: UInt64
  var committed: State
  /// By cut: what a reopened ring may be.
  var history: [UInt64: State]
  /// Hours that have left the ring of this process.
  private var departed: Set<Int64> = []

  init(_ disk: FaultyDisk, history: [UInt64: State] = [0: State()]) throws {
    self.disk = disk
    self.history = history
    try disk.createDirectory(Self.directory)
    let manifest = try Self.readManifest(disk)
    cut = manifest.cut
    committed = history[cut] ?? State()
    let (region, recovery) = try RingRegion.open(
      disk: disk,
      directory: Self.directory,
      partition: Self.partition,
      extentByteCount: 8192,
      committed: manifest.progress,
      cut: cut
    )
    self.region = region
    #expect(recovery.damages == [])
    #expect(recovery.damagedMinutes.isEmpty)
    #expect(recovery.lostHours.isEmpty)
  }

  // MARK: Records

  /// A body of 0 ... 900 bytes, now and then of 20,000, that nothing else has.
  static func body(_ key: Key, cut: UInt64) -> [UInt8] {
    var random = SeededRandom(
      seed: UInt64(key.series) << 40 ^ UInt64(key.minute) << 20 ^ cut
    )
    let count = random.oneIn(60) ? 20_000 : Int.random(in: 0...900, using: &random)
    return random.bytes(count)
  }

  mutating func append(_ key: Key, cut: UInt64) throws {
    try region.append(
      series: SeriesID(key.series),
      minute: key.minute,
      cut: cut,
      record: Self.body(key, cut: cut).span
    )
  }

  /// Whether a lookup is the record of `cut`; `nil` for none.
  static func holds(_ lookup: RingLookup, _ key: Key, cut: UInt64?) -> Bool {
    switch lookup {
    case .absent: cut == nil
    case .damaged: false
    case .found(let record):
      cut.map { body(key, cut: $0) == record.array } ?? false
    }
  }

  /// Compares a snapshot with a state: every record, and no other one.
  static func expect(_ snapshot: RingSnapshot, _ state: State, _ hint: String) {
    let covered = state.hours.filter(\.value).keys.sorted()
    #expect(snapshot.coveredHours == covered, "\(hint)")
    let series = Set(state.records.keys.map(\.series)).union([0, 1, 77, UInt32.max])
    for hour in covered {
      for minute in hour * 60..<hour * 60 + 60 {
        for id in series {
          let key = Key(series: id, minute: minute)
          let lookup = snapshot.record(series: SeriesID(id), minute: minute)
          guard holds(lookup, key, cut: state.records[key]) else {
            Issue.record("\(hint): \(key) is \(lookup)")
            return
          }
        }
      }
    }
    let count = state.records.keys.filter { state.hours[$0.minute / 60] != nil }.count
    #expect(snapshot.recordCount == count, "\(hint)")
  }

  // MARK: Cuts

  /// One cut from a seed: hours begin and leave, minutes are appended and restated, then sync,
  /// manifest, publish.
  mutating func runCut(_ random: inout SeededRandom, hour: Int64) throws {
    let number = cut + 1
    var next = committed
    // After a failed sync an hour leaves the ring with the next cut that succeeds.
    departed.formUnion(next.hours.keys.filter { !region.hasHour($0) })
    next.hours = next.hours.filter { region.hasHour($0.key) }
    if random.oneIn(2) {
      region.dropHours(before: hour)
      next.hours = next.hours.filter { $0.key >= hour }
    }
    for open in hour...hour + (random.oneIn(3) ? 1 : 0) where !region.hasHour(open) {
      let isComplete = !random.oneIn(5)
      try region.beginHour(open, isComplete: isComplete, cut: number)
      // An hour of the same slot leaves.
      next.hours = next.hours.filter { $0.key % 51 != open % 51 }
      next.hours[open] = isComplete && !departed.contains(open)
      // One that left and comes again comes empty.
      next.records = next.records.filter { $0.key.minute / 60 != open }
    }
    next.records = next.records.filter { next.hours[$0.key.minute / 60] != nil }
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let first = UInt32.random(in: 0...20, using: &random)
      for series in first..<first + UInt32.random(in: 1...12, using: &random) {
        for open in region.hours where open >= hour || random.oneIn(4) {
          let minute = open * 60 + Int64.random(in: 0...59, using: &random)
          let key = Key(series: series, minute: minute)
          let newest = next.records[key]
          #expect(
            Self.holds(
              region.existing(series: SeriesID(series), minute: minute),
              key,
              cut: newest
            )
          )
          try append(key, cut: number)
          next.records[key] = number
          #expect(
            Self.holds(
              region.existing(series: SeriesID(series), minute: minute),
              key,
              cut: number
            )
          )
        }
      }
    }
    try commit(next)
  }

  /// Syncs, commits the manifest and publishes.
  mutating func commit(_ next: State) throws {
    try region.sync()
    history[cut + 1] = next
    try disk.replace(Self.manifest, with: Self.manifestBytes(cut + 1, region.progress))
    cut += 1
    committed = next
    region.publish()
  }

  private static func manifestBytes(_ cut: UInt64, _ progress: [RingProgress]) -> [UInt8] {
    var writer = ByteWriter()
    writer.writeInteger(cut)
    for item in progress {
      writer.writeInteger(item.hour)
      writer.writeInteger(item.byteCount)
    }
    return writer.bytes
  }

  static func readManifest(
    _ disk: FaultyDisk
  ) throws -> (cut: UInt64, progress: [RingProgress]) {
    guard try disk.byteCount(of: manifest) != nil else { return (0, []) }
    let bytes = try disk.read(manifest, byteCountMax: 4096)
    var reader = ByteReader(bytes.span)
    let cut = reader.readInteger(UInt64.self) ?? 0
    var progress: [RingProgress] = []
    while let hour = reader.readInteger(Int64.self), let count = reader.readInteger(UInt64.self) {
      progress.append(RingProgress(hour: hour, byteCount: count))
    }
    return (cut, progress)
  }

  /// What a check of the committed slots finds.
  func check() throws -> [Damage] {
    let manifest = try Self.readManifest(disk)
    return RingCheck.check(
      disk: disk,
      directory: Self.directory,
      partition: Self.partition,
      committed: manifest.progress,
      cut: manifest.cut
    )
  }
}

extension RingRecord {
  var array: [UInt8] {
    let span = bytes
    var result: [UInt8] = []
    result.reserveCapacity(span.count)
    for index in span.indices { result.append(span[index]) }
    return result
  }
}
