internal import Model
internal import Platform

/// The writing side of one file of an hour, its slot or a patch: what is appended to it and how far
/// that is durable.
///
/// Owned by the region, hence by one thread.
final class HourSlot {
  private static let extentByteCountMax = 64 << 20

  /// What is published.
  private(set) var view: HourView
  /// Where its file is.
  let path: String
  /// Which file of the hour it is.
  let kind: RingProgress.Kind
  let number: UInt8
  private let file: any MappedFile
  /// Where the next record goes.
  private(set) var end: Int
  /// Bytes below it are durable.
  private var syncedEnd: Int
  /// Where the mapped extents end, those that are not published too.
  private var extents: [SlotExtent]
  /// By minute of the hour.
  private var pending: [PendingIndex]
  /// A sync has failed: what it should have stored may be lost even if a later one succeeds.
  private(set) var isUnreliable = false

  var hour: Int64 { view.hour }
  /// Whether a manifest has ever committed it.
  var isCommitted: Bool { view.byteCount > 0 }
  /// What the manifest must commit for what was appended so far.
  var progress: RingProgress {
    RingProgress(hour: hour, byteCount: UInt64(end), kind: kind, number: number)
  }

  /// A slot that has no record yet.
  init(
    _ file: any MappedFile,
    path: String,
    _ header: SlotHeader,
    number: UInt8,
    first extent: SlotExtent
  ) {
    extent.write(header)
    self.path = path
    kind = header.isPatch ? .patch : .slot
    self.number = number
    self.file = file
    view = HourView(hour: header.hour, isCovered: header.isComplete)
    end = SlotLayout.headerByteCount
    syncedEnd = 0
    extents = [extent]
    pending = Self.nothingPending
  }

  /// A slot as its manifest has committed it.
  init(_ file: any MappedFile, path: String, _ progress: RingProgress, _ view: HourView) {
    self.path = path
    kind = progress.kind
    number = progress.number
    self.file = file
    self.view = view
    end = view.byteCount
    syncedEnd = view.byteCount
    extents = view.extents
    pending = Self.nothingPending
  }

  private static var nothingPending: [PendingIndex] {
    Array(repeating: PendingIndex(), count: Int(SlotLayout.minutesPerHour))
  }

  /// Appends a record.
  ///
  /// - Parameter extentByteCount: what to allocate when there is no room, unless it needs more.
  /// - Throws: When the disk or the slot is full; nothing was appended then.
  func append(
    series: SeriesID,
    minute: Int64,
    cut: UInt64,
    body: Span<UInt8>,
    extentByteCount: Int
  ) throws(SystemError) {
    let count = SlotLayout.recordByteCount(body: body.count)
    guard end + count <= SlotLayout.slotByteCountMax else {
      throw SystemError(code: SystemError.Code.fileTooBig, operation: "append", path: path)
    }
    let extent = try extent(with: count, extentByteCount: extentByteCount)
    extent.write(series: series, minute: minute, cut: cut, body: body, at: end)
    pending[view.index(ofMinute: minute)].insert(IndexEntry(series, offset: end))
    end += count
  }

  /// The extent that has room for `count` bytes at ``end``.
  private func extent(
    with count: Int,
    extentByteCount: Int
  ) throws(SystemError) -> SlotExtent {
    if let last = extents.last, last.end - end >= count { return last }
    let page = SlotLayout.pageByteCount
    let start = end / page * page
    // A long slot grows in longer steps, so that its mappings stay few.
    let step = max(extentByteCount, min(end / 8, Self.extentByteCountMax))
    let wanted = max(step, end - start + count)
    let byteCount = SlotLayout.roundedUp(wanted, to: page)
    let region = try file.extent(at: start, byteCount: byteCount)
    let extent = SlotExtent(start: start, region: region)
    extents.append(extent)
    return extent
  }

  /// Whether it has a record of a series' minute, published or not.
  func holds(series: SeriesID, minute: Int64) -> Bool {
    let index = view.index(ofMinute: minute)
    return pending[index].entry(of: series) != nil || view.minutes[index].entry(of: series) != nil
  }

  /// The newest record of a series' minute, published or not.
  func record(series: SeriesID, minute: Int64) -> RingLookup {
    guard let entry = pending[view.index(ofMinute: minute)].entry(of: series) else {
      return view.record(series: series, minute: minute)
    }
    var newest = view
    newest.extents = extents
    return newest.record(entry, series: series, minute: minute)
  }

  /// Makes all that was appended durable.
  func sync() throws(SystemError) {
    guard end > syncedEnd else { return }
    do throws(SystemError) {
      for extent in extents { try extent.sync(syncedEnd..<end) }
    } catch {
      isUnreliable = true
      throw error
    }
    syncedEnd = end
  }

  /// Makes what was appended a part of ``view``. It must be durable and committed.
  func publish() {
    for minute in pending.indices where !pending[minute].isEmpty {
      view.minutes[minute].merge(pending[minute])
      pending[minute] = PendingIndex()
    }
    view.extents = extents
    view.byteCount = end
  }

  /// Forgets what was appended since the last ``publish()``.
  func rollBack() {
    pending = Self.nothingPending
    end = view.byteCount
    syncedEnd = min(syncedEnd, end)
    // A later extent may begin behind the record that comes next.
    extents = view.extents
  }
}
