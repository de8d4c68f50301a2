internal import Catalog
internal import Model
internal import Platform
internal import Query
internal import Queue
internal import Rollup

/// Finds in the log which windows were closed or restated since a position: for readers who come
/// back after a restart, or after longer than the feed remembers.
///
/// Reads the log from some minutes before the position on, so that the windows that were open there
/// are known, and keeps of each series what the watermark needs. Windows that time alone had closed
/// before the position may come up once more. Blocks on the disk: about a second a gibibyte.
struct LogSearch {
  /// A window that is open has got its rows within this time, unless they are stamped ahead.
  private static let openNanosecondsMax =
    Watermark.silenceNanoseconds + Watermark.lagNanoseconds + 3 * Nanoseconds.perMinute

  /// The feed counts a silence from when it saw the last row, which is later than when the row
  /// came: who was silent for hardly long enough may not have been told of.
  private static let lookNanosecondsMax = 60 * Nanoseconds.perSecond

  private let sources: FeedSources
  private let from: FeedPosition
  private let upTo: FeedPosition
  private let countMax: Int
  private let wants: (UInt32) -> Bool
  private let isStopping: () -> Bool

  /// What is known of a series at the position.
  fileprivate struct Series {
    var newest: Timestamp = .min
    var lastArrival: Timestamp = .min
    /// Its minutes that the watermark has not passed; few.
    var open: [Int64] = []
    var firstOpen: Int64 = .min
  }

  private struct Partition {
    var layouts: LayoutTable
    var series: [UInt32: Series] = [:]
    var lastArrival: Timestamp = .min
    /// Whether the position is behind.
    var isPast = false
    var found: [Found: Bool] = [:]
  }

  private struct Found: Hashable {
    var series: UInt32
    var minute: Int64
  }

  /// - Parameters:
  ///   - countMax: windows that may be found.
  ///   - wants: whether a series is of interest; asked once a series.
  init(
    _ sources: FeedSources,
    from: FeedPosition,
    upTo: FeedPosition,
    countMax: Int,
    wants: @escaping (UInt32) -> Bool,
    isStopping: @escaping () -> Bool
  ) {
    self.sources = sources
    self.from = from
    self.upTo = upTo
    self.countMax = countMax
    self.wants = wants
    self.isStopping = isStopping
  }

  /// The windows, by partition; closed ones and restated ones.
  func run() throws(FeedLoss) -> [[FeedPair]] {
    let reader = LogReader(
      disk: sources.parts.disk,
      directory: DataDirectory(sources.parts.configuration.dataDirectory).queue,
      partitionCount: sources.partitionCount
    )
    let start = try self.start(reader)
    var partitions = (0..<sources.partitionCount).map { index in
      var table = LayoutTable(partition: PartitionID(UInt16(index)))
      sources.catalog.refresh(&table)
      return Partition(layouts: table)
    }
    var known: [UInt32: Bool] = [:]
    var total = 0
    do throws(LogError) {
      _ = try reader.replay(from: start.offsets) { (batch) throws(LogError) in
        guard total <= countMax, !isStopping() else { return }
        let index = Int(batch.header.partition.rawValue)
        let offset = batch.header.offset.rawValue
        guard offset < upTo.offsets[index], batch.header.kind == .rows else { return }
        let before = partitions[index].found.count
        if offset >= from.offsets[index] { pass(&partitions[index]) }
        read(batch, &partitions[index], &known)
        total += partitions[index].found.count - before
      }
    } catch {
      throw FeedLoss(reason: "the log could not be read: \(error)")
    }
    guard total <= countMax else {
      throw FeedLoss(reason: "more than \(countMax) windows have changed since")
    }
    if let oldest = try segments(reader).first, oldest.sequence > start.sequence {
      throw tooOld
    }
    return partitions.indices.map { index in
      pass(&partitions[index])
      return partitions[index].found.map { found, isNew in
        FeedPair(
          series: found.series,
          kind: isNew ? .closed : .restated,
          minute: found.minute
        )
      }.sorted { ($0.minute, $0.series) < ($1.minute, $1.series) }
    }
  }

  private var tooOld: FeedLoss {
    FeedLoss(reason: "the id is older than what the log keeps")
  }

  private func segments(_ reader: LogReader) throws(FeedLoss) -> [SegmentSummary] {
    do throws(SystemError) {
      return try reader.segments().filter { $0.firstOffsets != nil }
    } catch {
      throw FeedLoss(reason: "the log could not be read: \(error)")
    }
  }

  /// Where to begin to read: the segment that holds the position, or an earlier one that takes in
  /// the time before it.
  private func start(_ reader: LogReader) throws(FeedLoss) -> (offsets: [Offset], sequence: UInt64)
  {
    let segments = try segments(reader)
    func holds(_ segment: SegmentSummary) -> Bool {
      zip(segment.firstOffsets ?? [], from.offsets).allSatisfy { $0.rawValue <= $1 }
    }
    guard let place = segments.lastIndex(where: holds), let created = segments[place].created
    else { throw tooOld }
    let wanted = created &- Self.openNanosecondsMax
    if let start = segments[...place].last(where: { ($0.created ?? .max) <= wanted }) {
      return (start.firstOffsets ?? [], start.sequence)
    }
    // The first segment of all has nothing before it.
    guard let first = segments.first,
      first.sequence == 1
        || first.firstOffsets?.allSatisfy({
          $0 == .zero
        }) == true
    else { throw tooOld }
    return (first.firstOffsets ?? [], first.sequence)
  }

  private func read(
    _ batch: RowBatch,
    _ partition: inout Partition,
    _ known: inout [UInt32: Bool]
  ) {
    var reader = unsafe RowReader(batch)
    partition.lastArrival = max(partition.lastArrival, batch.header.arrival)
    while let (head, _) = unsafe reader.next() {
      guard let layout = partition.layouts[head.layout] else { continue }
      let series = layout.series.rawValue
      let isWanted: Bool
      if let told = known[series] {
        isWanted = told
      } else {
        isWanted = wants(series)
        known[series] = isWanted
      }
      guard isWanted else { continue }
      let minute = Nanoseconds.minute(of: head.timestamp)
      if partition.isPast {
        let isNew = minute >= partition.series[series]?.firstOpen ?? .min
        // What was closed is restated; what was open, or not there, is closed since.
        partition.found[Found(series: series, minute: minute)] = isNew
      } else {
        partition.series[series, default: Series()].add(head.timestamp, batch.header.arrival)
      }
    }
  }

  /// Settles which windows were open when the position was passed.
  private func pass(_ partition: inout Partition) {
    guard !partition.isPast else { return }
    partition.isPast = true
    for (number, var series) in partition.series {
      let watermark = Watermark.of(
        newest: series.newest,
        lastArrival: series.lastArrival,
        now: partition.lastArrival - Self.lookNanosecondsMax
      )
      let last = Nanoseconds.minute(of: series.newest)
      series.firstOpen = min(Watermark.firstOpenMinute(at: watermark), last + 1)
      for minute in series.open where minute >= series.firstOpen {
        partition.found[Found(series: number, minute: minute)] = true
      }
      partition.series[number] = series
    }
  }
}

extension LogSearch.Series {
  /// Minutes kept beside the newest one.
  private static let openCountMax = 16

  fileprivate mutating func add(_ timestamp: Timestamp, _ arrival: Timestamp) {
    newest = max(newest, timestamp)
    lastArrival = max(lastArrival, arrival)
    let minute = Nanoseconds.minute(of: timestamp)
    guard !open.contains(minute) else { return }
    open.append(minute)
    guard open.count > Self.openCountMax else { return }
    let first = Watermark.firstOpenMinute(at: newest &- Watermark.lagNanoseconds)
    open.removeAll { $0 < first }
  }
}
