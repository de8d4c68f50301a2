internal import Bytes
public import Model
public import Platform

/// The hours of one partition's ring that take windows: the writing side (docs/format/ring.md).
///
/// Stores encoded records, whatever they mean. Records are only ever appended: a restated minute
/// gets a new record, and a snapshot that knows the old one goes on finding it.
///
/// Owned by the partition's worker; for one thread. A cut begins the hours that are new to it,
/// appends a record for each minute, syncs, commits ``progress`` with its manifest, then publishes.
/// Readers see nothing of it before that. A cut that fails at any point rolls back instead.
public final class RingRegion {
  /// Two days, the open hour, ten minutes of future, one to spare.
  public static let slotCountDefault = 51

  let disk: any Disk
  let directory: String
  let partition: PartitionID
  let slotCount: Int
  /// Bytes allocated and mapped at a time: a multiple of a page.
  private let extentByteCount: Int
  /// Hours in the ring, those that the cut under way has begun among them.
  private var slots: [Int64: HourSlot] = [:]
  /// Hours that have left since the last publish; their files are still there.
  private var dropped: [HourSlot] = []
  /// Hours that have been in the ring and left it: rows of theirs may be sealed that no slot has.
  private var departed: Set<Int64> = []
  /// A file was created since the last sync of the folder.
  private var hasNewFile = false
  /// What readers get: the state of the last ``publish()``.
  public private(set) var snapshot = RingSnapshot()

  init(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    slotCount: Int,
    extentByteCount: Int
  ) {
    precondition(slotCount > 0)
    precondition(extentByteCount > 0)
    self.disk = disk
    self.directory = directory
    self.partition = partition
    self.slotCount = slotCount
    self.extentByteCount = SlotLayout.roundedUp(extentByteCount, to: SlotLayout.pageByteCount)
  }

  /// Takes over an hour that a manifest has committed.
  func adopt(_ slot: HourSlot) { slots[slot.hour] = slot }

  func refreshSnapshot() {
    snapshot = RingSnapshot(slots.values.filter(\.isCommitted).map(\.view))
  }

  // MARK: Hours

  /// The hours that take records, ascending.
  public var hours: [Int64] { slots.keys.sorted() }

  /// Whether `hour` takes records.
  public func hasHour(_ hour: Int64) -> Bool { slots[hour] != nil }

  /// Opens an hour for records; nothing to do when it is open. An hour that still holds its slot
  /// leaves the ring. No slot is ever overwritten: its readers keep the file that they have mapped,
  /// and one that the manifest still names stays until the next ``publish()``.
  ///
  /// - Parameters:
  ///   - hour: since the epoch, 0 or more.
  ///   - isComplete: whether no row of the hour was sealed in an earlier cut. Only then does the
  ///     hour answer queries; it is written all the same. Not believed of an hour that was in the
  ///     ring before and has left it.
  ///   - cut: the cut under way.
  /// - Throws: When the disk is full or fails; the hour is not open then.
  public func beginHour(_ hour: Int64, isComplete: Bool, cut: UInt64) throws(SystemError) {
    precondition(hour >= 0)
    guard slots[hour] == nil else { return }
    for other in hours where other % Int64(slotCount) == hour % Int64(slotCount) {
      dropHour(other)
    }
    let used = Set(dropped.filter(\.isCommitted).map(\.path))
    let names = SlotName.files(hour: hour, slotCount: slotCount)
    let free = names.map { Path.join(directory, $0) }.first { !used.contains($0) }
    guard let path = free else { preconditionFailure("two committed hours in one slot") }
    if try disk.byteCount(of: path) != nil { try disk.remove(path) }
    let file = try disk.map(path)
    let extent = SlotExtent(
      start: 0,
      region: try file.extent(at: 0, byteCount: extentByteCount)
    )
    let header = SlotHeader(
      partition: partition,
      hour: hour,
      cut: cut,
      isComplete: isComplete && !departed.contains(hour)
    )
    slots[hour] = HourSlot(file, path: path, header, first: extent)
    hasNewFile = true
  }

  /// Takes hours before `hour` out of the ring: they take no records any more, are not in
  /// ``progress``, and from the next ``publish()`` on blocks answer for them. For good, even when
  /// the cut fails: its rows of those hours have no slot to go to.
  public func dropHours(before hour: Int64) {
    for old in hours where old < hour { dropHour(old) }
    // Kept for a while: a failed cut may ask again for an hour that it has dropped.
    departed = departed.filter { $0 > max(hour, 0) - Int64(slotCount) }
  }

  /// Takes one hour out of the ring, as ``dropHours(before:)`` does.
  public func dropHour(_ hour: Int64) {
    guard let slot = slots.removeValue(forKey: hour) else { return }
    dropped.append(slot)
    if slot.isCommitted { departed.insert(hour) }
  }

  /// Notes that an hour that the manifest names could not be opened.
  func noteLost(_ hour: Int64) { departed.insert(hour) }

  // MARK: Records

  /// Appends a record of an open hour. It replaces every earlier one of that series and minute.
  ///
  /// - Parameters:
  ///   - minute: since the epoch; its hour must be open.
  ///   - cut: the cut under way.
  ///   - record: up to 1 GiB.
  /// - Throws: When the disk has no room for it; nothing was appended then.
  /// - Complexity: O(record): a copy and a checksum.
  public func append(
    series: SeriesID,
    minute: Int64,
    cut: UInt64,
    record: Span<UInt8>
  ) throws(SystemError) {
    precondition(minute >= 0 && minute <= Int64(UInt32.max))
    precondition(record.count <= SlotLayout.bodyByteCountMax)
    let hour = SlotLayout.hour(ofMinute: minute)
    guard let slot = slots[hour] else { preconditionFailure("hour \(hour) is not open") }
    try slot.append(
      series: series,
      minute: minute,
      cut: cut,
      body: record,
      extentByteCount: extentByteCount
    )
  }

  /// The newest record of a series' minute, one that this cut has appended included;
  /// ``RingLookup/damaged`` when its hour is not open.
  ///
  /// What an hour that is not complete knows of a minute may be less than all.
  public func existing(series: SeriesID, minute: Int64) -> RingLookup {
    guard minute >= 0, let slot = slots[SlotLayout.hour(ofMinute: minute)] else {
      return .damaged
    }
    return slot.record(series: series, minute: minute)
  }

  // MARK: Cuts

  /// Makes durable what was appended since the last call.
  ///
  /// - Throws: When the disk fails. Nothing appended since the last publish may be committed then:
  ///   ``rollBack()``.
  public func sync() throws(SystemError) {
    for hour in hours { try slots[hour]?.sync() }
    if hasNewFile {
      try disk.syncDirectory(directory)
      hasNewFile = false
    }
  }

  /// What the manifest must commit for the records appended so far, ascending by hour.
  public var progress: [RingProgress] {
    hours.compactMap { hour in
      slots[hour].map { RingProgress(hour: hour, byteCount: UInt64($0.end)) }
    }
  }

  /// Shows readers what was appended; call it once a manifest has committed ``progress``.
  ///
  /// - Returns: the new ``snapshot``.
  @discardableResult
  public func publish() -> RingSnapshot {
    for slot in slots.values { slot.publish() }
    let used = Set(slots.values.map(\.path))
    for slot in dropped where !used.contains(slot.path) {
      // A file that stays costs space until its slot is used again.
      try? disk.remove(slot.path)
    }
    dropped = []
    refreshSnapshot()
    return snapshot
  }

  /// Forgets everything appended since the last ``publish()``: the cut failed.
  ///
  /// Hours that it has dropped stay so. An hour whose sync failed leaves the ring as well, because
  /// the disk may have lost what it was given; blocks answer for it from the next ``publish()`` on.
  public func rollBack() {
    for (hour, slot) in slots {
      if !slot.isCommitted {
        slots[hour] = nil
      } else if slot.isUnreliable {
        dropHour(hour)
      } else {
        slot.rollBack()
      }
    }
    dropped.removeAll { !$0.isCommitted }
  }
}

/// The files of slots.
enum SlotName {
  static let suffix = ".slot"

  /// The two names of an hour's slot: `07.slot` and `07.spare.slot`. The second is for an hour that
  /// takes the slot while a manifest still names the first.
  static func files(hour: Int64, slotCount: Int) -> [String] {
    let slot = hour % Int64(slotCount)
    let number = "\(slot < 10 ? "0" : "")\(slot)"
    return ["\(number)\(suffix)", "\(number).spare\(suffix)"]
  }
}
