internal import Blocks
internal import Bytes
internal import Catalog
public import Model

extension DirectorySnapshot {
  /// Where some rows of a series lie: as long as all of them are the same, so are the rows.
  public struct Source: Hashable, Sendable {
    /// The block's file, or `nil` for the log.
    public var block: String?
    /// The place of the group in the block; of the log the first offset that no block has.
    public var offset: UInt64
    public var rowCount: Int
    /// What tells these rows from others that lay or will lie at the same place: two directories
    /// that were one go on with the same names, but not with the same epochs.
    public var content: UInt64 = 0
    /// Whether it is a file of windows.
    public var isRollup = false
    /// Times of which rows or windows are deleted that still lie there.
    public var deleted: [TimeRange] = []
  }

  /// Where the rows of a series in `range` lie, in an order of their own.
  public func sources(of series: SeriesDefinition, in range: TimeRange) -> [Source] {
    guard let partition = catalog.partition(of: series.id).map({ partitions[Int($0.rawValue)] })
    else { return [] }
    var sources: [Source] = []
    for place in places(of: series, in: partition, range, 0) {
      if let (block, entry) = place.group {
        sources.append(
          Source(
            block: block.summary.fileName,
            offset: UInt64(entry.offset),
            rowCount: entry.rowCount,
            content: Self.content(of: block.summary.identity.epoch, entry),
            deleted: block.deletedRanges(of: entry)
          )
        )
      } else {
        sources.append(
          Source(
            block: nil,
            offset: partition.nextOffset.rawValue,
            rowCount: partition.openRowCount,
            content: partition.openContent
          )
        )
      }
    }
    return sources
  }

  private static func content(of epoch: Epoch, _ entry: ChunkGroupEntry) -> UInt64 {
    var content = Fingerprint()
    content.add(UInt64(epoch.rawValue))
    content.add(UInt64(bitPattern: entry.firstTimestamp))
    content.add(UInt64(bitPattern: entry.lastTimestamp))
    content.add(UInt64(entry.byteCount))
    return content.value
  }

  /// The days, counted from the epoch, on which a series may have rows in `range`.
  ///
  /// - Complexity: a look at the index of each block; timestamps of groups that span more than two
  ///   days are decoded.
  public func days(of series: SeriesDefinition, in range: TimeRange) -> Set<Int64> {
    guard let partition = catalog.partition(of: series.id).map({ partitions[Int($0.rawValue)] })
    else { return [] }
    let day = Self.dayNanoseconds
    var days: Set<Int64> = []
    for place in places(of: series, in: partition, range, 0) {
      let first = max(place.first, range.start) / day
      let last = min(place.last, range.end - 1) / day
      guard last - first > 1 else {
        days.formUnion(first...max(first, last))
        continue
      }
      // One row of long ago must not stand for every day since.
      if let (block, entry) = place.group {
        let rows = try? block.read(entry, fields: [], range: range)
        Self.add(rows?.timestamps ?? [], to: &days)
      } else {
        for batch in partition.openRows(of: series.id, fields: nil, in: range, decoder) {
          Self.add(batch.timestamps, to: &days)
        }
      }
    }
    return days
  }

  private static let dayNanoseconds = 24 * Nanoseconds.perHour

  /// Adds the days of ascending times.
  private static func add(_ timestamps: [Timestamp], to days: inout Set<Int64>) {
    var end = Timestamp.min
    for time in timestamps where time >= end {
      let day = time / dayNanoseconds
      days.insert(day)
      end = (day + 1).multipliedReportingOverflow(by: dayNanoseconds).partialValue
    }
  }

  /// A stretch of a partition's offsets and what became of it.
  public struct OffsetRange: Hashable, Sendable {
    public enum Holder: String, Hashable, Sendable {
      case block
      /// The log, beyond the last cut.
      case log
      /// No block of the tenant: it has no rows there.
      case none
      /// A block that cannot be read.
      case unreadable
    }

    public var start: UInt64
    public var end: UInt64
    public var holder: Holder

    public init(start: UInt64, end: UInt64, holder: Holder) {
      self.start = start
      self.end = end
      self.holder = holder
    }
  }

  /// The offsets that the snapshot is made of, one range behind another without gaps from 0 on.
  public func offsetRanges(of tenant: TenantID, in partition: SnapshotPartition) -> [OffsetRange] {
    var ranges: [OffsetRange] = []
    var end: UInt64 = 0
    func add(_ start: UInt64, _ newEnd: UInt64, _ holder: OffsetRange.Holder) {
      if start > end { ranges.append(OffsetRange(start: end, end: start, holder: .none)) }
      let start = max(start, end)
      guard newEnd > start else { return }
      ranges.append(OffsetRange(start: start, end: newEnd, holder: holder))
      end = newEnd
    }
    let readable = Set(partition.blocks.map(\.summary.identity))
    for block in partition.manifest.blocks where block.identity.tenant == tenant {
      let isReadable = readable.contains(block.identity)
      add(
        block.identity.a.rawValue,
        block.identity.b.rawValue,
        isReadable ? .block : .unreadable
      )
    }
    add(partition.nextOffset.rawValue, partition.nextOffset.rawValue, .none)
    add(partition.nextOffset.rawValue, partition.endOffset.rawValue, .log)
    return ranges
  }
}

/// A number that is another one where what was added was another: not against somebody who tries.
struct Fingerprint {
  private(set) var value: UInt64 = 0

  mutating func add(_ number: UInt64) {
    value = Hash64.mix(value ^ number) &+ 0x9e37_79b9_7f4a_7c15
  }
}
