internal import Bytes
public import Model
public import Platform

/// The open hours of one partition's ring: the writing side.
///
/// Owned by the partition's worker. Records are only ever appended: a restated minute gets a new
/// record, and snapshots that know the old one still find it. What a cut appends is seen by nobody
/// before ``publish()``, which its worker calls when the manifest has committed ``progress``.
public final class RingRegion {
  /// Bytes that are allocated and mapped at a time, unless a record needs more.
  public let extentByteCount: Int
  private let disk: any Disk
  private let directory: String
  private let partition: PartitionID
  private var slots: [Int64: Slot] = [:]
  /// What readers get: the state of the last ``publish()``.
  public private(set) var snapshot = RingSnapshot()

  private struct Slot {
    var file: SlotFile
    var view: HourView
    /// Where the next record goes.
    var end: Int
    /// Bytes below it are synced.
    var synced: Int
    /// Entries appended since the last publish, by minute of the hour.
    var pending: [Int: [UInt64]] = [:]
  }

  private init(
    disk: any Disk, directory: String, partition: PartitionID, extentByteCount: Int
  ) {
    self.disk = disk
    self.directory = directory
    self.partition = partition
    self.extentByteCount =
      max(1, extentByteCount / SlotLayout.pageByteCount) * SlotLayout.pageByteCount
  }

  /// Opens the hours that the manifest has committed. An hour with any damage is left out, so that
  /// blocks answer for it; files that no hour needs are removed.
  ///
  /// - Parameters:
  ///   - committed: the manifest's ring progress.
  ///   - cut: the manifest's cut; records of a later one are not believed.
  public static func open(
    disk: any Disk, directory: String, partition: PartitionID, extentByteCount: Int,
    committed: [RingProgress], cut: UInt64
  ) throws(SystemError) -> (region: RingRegion, damages: [Damage]) {
    let region = RingRegion(
      disk: disk, directory: directory, partition: partition, extentByteCount: extentByteCount)
    var damages: [Damage] = []
    var known: Set<String> = []
    for progress in committed {
      let name = SlotNumber.fileName(hour: progress.hour)
      do throws(SlotFault) {
        region.slots[progress.hour] = try region.openSlot(progress, cut: cut)
        known.insert(name)
      } catch {
        damages.append(
          Damage(
            severity: .damage, path: Path.join(directory, name), offset: error.offset,
            byteCount: error.byteCount, what: error.what,
            range: "windows of hour \(progress.hour), answered from blocks"))
      }
    }
    for name in try disk.list(directory) where name.hasSuffix(".slot") && !known.contains(name) {
      try disk.remove(Path.join(directory, name))
    }
    region.snapshot.hours = region.slots.mapValues(\.view)
    return (region, damages)
  }

  struct SlotFault: Error {
    var offset: Int
    var byteCount: Int
    var what: String
  }

  private func openSlot(_ progress: RingProgress, cut: UInt64) throws(SlotFault) -> Slot {
    let path = Path.join(directory, SlotNumber.fileName(hour: progress.hour))
    let end = Int(clamping: progress.byteCount)
    let mapped: (file: SlotFile, extent: SlotFile.Extent)?
    do throws(SystemError) {
      mapped = try map(path, holding: end)
    } catch {
      throw SlotFault(offset: 0, byteCount: end, what: "\(error)")
    }
    guard let (file, extent) = mapped else {
      throw SlotFault(offset: 0, byteCount: end, what: "slot file is missing or too short")
    }
    var view = HourView(
      hour: progress.hour, byteCount: end,
      minutes: Array(repeating: MinuteIndex(), count: 60), extents: [extent])
    let bytes = extent.read(at: 0, count: end)
    guard SlotLayout.hour(bytes.span, partition: partition) == progress.hour else {
      throw SlotFault(offset: 0, byteCount: SlotLayout.headerByteCount, what: "bad slot header")
    }
    let entries = try SlotScan.entries(bytes.span, hour: progress.hour, cut: cut)
    for (minute, found) in entries { view.minutes[minute].merge(found) }
    return Slot(file: file, view: view, end: end, synced: end)
  }

  /// Maps all of a slot file that must hold `byteCount` bytes; `nil` when it does not.
  private func map(
    _ path: String, holding byteCount: Int
  ) throws(SystemError) -> (file: SlotFile, extent: SlotFile.Extent)? {
    guard byteCount > 0, let size = try disk.byteCount(of: path), size >= byteCount else {
      return nil
    }
    let file = SlotFile(try disk.map(path))
    let pages = (size + SlotLayout.pageByteCount - 1) / SlotLayout.pageByteCount
    return (file, try file.extent(at: 0, byteCount: pages * SlotLayout.pageByteCount))
  }

  // MARK: Writing

  /// Whether a slot of `hour` is open.
  public func hasHour(_ hour: Int64) -> Bool { slots[hour] != nil }

  /// The newest published record of a minute.
  public func existing(series: SeriesID, minute: Int64) -> RingSnapshot.Record {
    guard let slot = slots[SlotNumber.hour(ofMinute: minute)] else { return .absent }
    return slot.view.record(series: series, minute: minute)
  }

  /// Appends a record; opens its hour when it is the first.
  ///
  /// - Throws: When the disk has no room for another extent; nothing was appended then.
  public func append(
    series: SeriesID, minute: Int64, cut: UInt64, record: Span<UInt8>
  ) throws(SystemError) {
    let hour = SlotNumber.hour(ofMinute: minute)
    if slots[hour] == nil { try openHour(hour) }
    guard var slot = slots[hour] else { return }
    slots[hour] = nil  // So that the arrays of the slot have one owner while they change.
    defer { slots[hour] = slot }
    let needed = SlotLayout.recordByteCount(body: record.count)
    try makeRoom(needed, in: &slot)
    guard let extent = slot.view.extents.last else { return }
    let head = RecordHead(
      series: series, minute: minute, cut: cut, bodyByteCount: record.count)
    extent.write(head.encoded(body: record).span, at: slot.end)
    extent.write(record, at: slot.end + SlotLayout.recordHeadByteCount)
    slot.pending[Int(minute - hour * 60), default: []].append(
      MinuteIndex.entry(series, offset: slot.end))
    slot.end += needed
  }

  private func openHour(_ hour: Int64) throws(SystemError) {
    let path = Path.join(directory, SlotNumber.fileName(hour: hour))
    // A slot that another hour used is unlinked, not overwritten: snapshots may still map it.
    if try disk.byteCount(of: path) != nil { try disk.remove(path) }
    let file = SlotFile(try disk.map(path))
    let extent = try file.extent(at: 0, byteCount: extentByteCount)
    extent.write(SlotLayout.header(partition: partition, hour: hour).span, at: 0)
    try disk.syncDirectory(directory)
    slots[hour] = Slot(
      file: file,
      view: HourView(
        hour: hour, byteCount: 0, minutes: Array(repeating: MinuteIndex(), count: 60),
        extents: [extent]),
      end: SlotLayout.headerByteCount, synced: 0)
  }

  private func makeRoom(_ needed: Int, in slot: inout Slot) throws(SystemError) {
    guard let last = slot.view.extents.last, last.end - slot.end < needed else { return }
    let pages = (needed + SlotLayout.pageByteCount - 1) / SlotLayout.pageByteCount
    let next = try slot.file.extent(
      at: last.end, byteCount: max(extentByteCount, pages * SlotLayout.pageByteCount))
    let rest = last.end - slot.end
    if rest > 0 { last.write(SlotLayout.pad(byteCount: rest).span, at: slot.end) }
    slot.end = last.end
    slot.view.extents.append(next)
  }

  /// Makes everything appended since the last call durable.
  public func sync() throws(SystemError) {
    for hour in slots.keys.sorted() {
      guard let slot = slots[hour], slot.end > slot.synced else { continue }
      for extent in slot.view.extents where extent.end > slot.synced && extent.start < slot.end {
        let from = max(slot.synced, extent.start) - extent.start
        try extent.region.sync(from..<min(slot.end, extent.end) - extent.start)
      }
      slots[hour]?.synced = slot.end
    }
  }

  /// What the manifest must commit for the records appended so far.
  public var progress: [RingProgress] {
    slots.values.map { RingProgress(hour: $0.view.hour, byteCount: UInt64($0.end)) }
      .sorted { $0.hour < $1.hour }
  }

  /// Makes the appended records visible to snapshots taken from now on.
  public func publish() {
    for hour in slots.keys {
      guard var slot = slots[hour] else { continue }
      slots[hour] = nil
      for (minute, entries) in slot.pending { slot.view.minutes[minute].merge(entries) }
      slot.pending = [:]
      slot.view.byteCount = slot.end
      slots[hour] = slot
    }
    snapshot.hours = slots.mapValues(\.view)
  }

  /// Forgets what was appended since the last ``publish()``: the cut failed.
  public func rollBack() {
    for (hour, slot) in slots {
      if slot.view.byteCount == 0 {
        slots[hour] = nil
      } else {
        slots[hour]?.pending = [:]
        slots[hour]?.end = slot.view.byteCount
        slots[hour]?.synced = min(slot.synced, slot.view.byteCount)
      }
    }
  }

  /// Forgets hours before `hour`, from the next ``publish()`` on; blocks answer for them. Their files
  /// go with ``removeDropped()``, once no manifest names them.
  public func dropHours(before hour: Int64) {
    for old in slots.keys where old < hour { slots[old] = nil }
  }

  /// Removes the files of hours that are no longer open. Snapshots that map them keep the bytes.
  public func removeDropped() throws(SystemError) {
    let kept = Set(slots.keys.map { SlotNumber.fileName(hour: $0) })
    for name in try disk.list(directory) where name.hasSuffix(".slot") && !kept.contains(name) {
      try disk.remove(Path.join(directory, name))
    }
  }
}
