public import Model

/// The ring of one partition as of one manifest: immutable, readable on any thread, beside the
/// writer that goes on.
public struct RingSnapshot: Sendable {
  /// What the ring knows of one series' minute.
  public enum Record: Sendable {
    /// No sealed row of the series lies in the minute.
    case absent
    /// The record's bytes fail their check: blocks must answer.
    case damaged
    case found([UInt8])
  }

  var hours: [Int64: HourView] = [:]

  init() {}

  /// The hours whose every sealed row is in a record, ascending.
  public var coveredHours: [Int64] { hours.keys.sorted() }

  public func covers(hour: Int64) -> Bool { hours[hour] != nil }

  /// The newest record of a minute whose hour is covered.
  ///
  /// - Complexity: O(log series), and a copy of the record.
  public func record(series: SeriesID, minute: Int64) -> Record {
    guard let hour = hours[SlotNumber.hour(ofMinute: minute)] else { return .damaged }
    return hour.record(series: series, minute: minute)
  }

  /// Lends the newest record of a minute whose hour is covered, without a copy.
  ///
  /// - Parameter body: called at most once, with a sound record's bytes; `false` says that they make
  ///   no sense, so that they count as damaged.
  /// - Complexity: O(log series), and a checksum of the record.
  public func withRecord(
    series: SeriesID, minute: Int64, _ body: (Span<UInt8>) -> Bool
  ) -> Lookup {
    guard let hour = hours[SlotNumber.hour(ofMinute: minute)] else { return .damaged }
    return hour.withRecord(series: series, minute: minute, body)
  }

  /// What ``withRecord(series:minute:_:)`` found.
  public enum Lookup: Hashable, Sendable { case absent, damaged, found }

  /// Records of all covered hours, and the bytes that they and older versions take.
  public var recordCount: Int {
    hours.values.reduce(0) { $0 + $1.minutes.reduce(0) { $0 + $1.entries.count } }
  }
  public var byteCount: Int { hours.values.reduce(0) { $0 + $1.byteCount } }
}

/// How hours map to slots and minutes to hours.
enum SlotNumber {
  /// Two days, the open hour, ten minutes of future, one to spare.
  static let count: Int64 = 51

  static func hour(ofMinute minute: Int64) -> Int64 {
    minute >= 0 ? minute / 60 : (minute - 59) / 60
  }

  static func fileName(hour: Int64) -> String {
    let slot = ((hour % count) + count) % count
    return "\(slot < 10 ? "0" : "")\(slot).slot"
  }
}

/// Where the newest record of each series of one minute lies: sorted `series << 32 | offset / 8`.
struct MinuteIndex: Sendable {
  var entries: [UInt64] = []

  static func entry(_ series: SeriesID, offset: Int) -> UInt64 {
    UInt64(series.rawValue) << 32 | UInt64(offset / SlotLayout.alignment)
  }

  func offset(of series: SeriesID) -> Int? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle] >> 32 < UInt64(series.rawValue) { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low] >> 32 == UInt64(series.rawValue) else { return nil }
    return Int(entries[low] & 0xffff_ffff) * SlotLayout.alignment
  }

  /// Takes over `newer`: entries of the same series replace the old ones.
  ///
  /// - Complexity: O(old + new · log new).
  mutating func merge(_ newer: [UInt64]) {
    let sorted = newer.sorted()
    var result: [UInt64] = []
    result.reserveCapacity(entries.count + sorted.count)
    var index = 0
    for (position, entry) in sorted.enumerated() {
      // Of several new entries of a series the highest offset is the newest.
      if position + 1 < sorted.count, sorted[position + 1] >> 32 == entry >> 32 { continue }
      while index < entries.count, entries[index] >> 32 < entry >> 32 {
        result.append(entries[index])
        index += 1
      }
      if index < entries.count, entries[index] >> 32 == entry >> 32 { index += 1 }
      result.append(entry)
    }
    result.append(contentsOf: entries[index...])
    entries = result
  }
}

/// One hour of a snapshot.
struct HourView: Sendable {
  var hour: Int64
  /// Bytes that hold committed records.
  var byteCount: Int
  /// By minute of the hour.
  var minutes: [MinuteIndex]
  /// Ascending; keeps the memory mapped.
  var extents: [SlotFile.Extent]

  func record(series: SeriesID, minute: Int64) -> RingSnapshot.Record {
    var copy: [UInt8] = []
    let found = withRecord(series: series, minute: minute) { body in
      copy.reserveCapacity(body.count)
      for index in body.indices { copy.append(body[index]) }
      return true
    }
    return switch found {
    case .absent: .absent
    case .damaged: .damaged
    case .found: .found(copy)
    }
  }

  func withRecord(
    series: SeriesID, minute: Int64, _ body: (Span<UInt8>) -> Bool
  ) -> RingSnapshot.Lookup {
    guard let offset = minutes[Int(minute - hour * 60)].offset(of: series) else { return .absent }
    guard let extent = extents.last(where: { $0.start <= offset }) else { return .damaged }
    let head = SlotLayout.recordHeadByteCount
    let count = extent.withBytes(at: offset, count: head) { SlotLayout.bodyByteCount($0) }
    guard let count else { return .damaged }
    let isFound = extent.withBytes(at: offset, count: head + count) { bytes in
      guard let found = RecordHead(bytes), found.series == series, found.minute == minute else {
        return false
      }
      return body(bytes.extracting(head..<head + count))
    }
    return isFound ? .found : .damaged
  }
}
