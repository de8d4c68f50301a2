internal import Bytes
public import Model
public import Platform

/// One partition's ring: the writing side (docs/format/ring.md, docs/format/frozen.md).
///
/// Stores encoded records, whatever they mean. Records are only ever appended: a restated minute
/// gets a new record, and a snapshot that knows the old one goes on finding it. An hour that has
/// closed is frozen: ``beginFreeze(_:)``.
///
/// Owned by the partition's worker; for one thread. A cut begins the hours that are new to it,
/// appends a record for each minute, syncs, commits ``progress`` with its manifest, then publishes.
/// Readers see nothing of it before that. A cut that fails at any point rolls back instead.
public final class RingRegion {
  /// Two days, the open hour, ten minutes of future, one to spare.
  public static let slotCountDefault = 51

  let disk: any Disk
  public let directory: String
  let partition: PartitionID
  let slotCount: Int
  /// Bytes allocated and mapped at a time: a multiple of a page.
  private let extentByteCount: Int
  /// Hours in the ring, those that the cut under way has begun among them.
  private(set) var files: [Int64: HourFiles] = [:]
  /// Hours that have left since the last publish; their files are still there.
  private var dropped: [HourFiles] = []
  /// Hours that have been in the ring and left it: rows of theirs may be sealed that no slot has.
  private var departed: Set<Int64> = []
  /// A file was created since the last sync of the folder.
  private var hasNewFile = false
  /// The number that the next frozen file or patch tries first.
  private var nextNumber: UInt8 = 0
  /// Files that turned out damaged and that nothing names any more.
  private var damagedFiles: [(path: String, hour: Int64)] = []
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
  func adopt(_ hour: HourFiles) { files[hour.hour] = hour }

  func refreshSnapshot() {
    snapshot = RingSnapshot(files.values.filter(\.isCommitted).map(\.view))
  }

  // MARK: Hours

  /// The hours that take records, ascending.
  public var hours: [Int64] { files.keys.sorted() }

  /// Whether `hour` takes records.
  public func hasHour(_ hour: Int64) -> Bool { files[hour] != nil }

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
    guard files[hour] == nil else { return }
    for other in hours where other % Int64(slotCount) == hour % Int64(slotCount) {
      dropHour(other)
    }
    let names = SlotName.files(hour: hour, slotCount: slotCount)
    guard let name = names.first(where: { !usedPaths.contains(Path.join(directory, $0)) }) else {
      preconditionFailure("two committed hours in one slot")
    }
    let header = SlotHeader(
      partition: partition,
      hour: hour,
      cut: cut,
      isComplete: isComplete && !departed.contains(hour)
    )
    let slot = try makeSlot(Path.join(directory, name), header, extentByteCount: extentByteCount)
    files[hour] = HourFiles(hour: hour, slots: [slot])
  }

  private func makeSlot(
    _ path: String,
    _ header: SlotHeader,
    number: UInt8 = 0,
    extentByteCount: Int
  ) throws(SystemError) -> HourSlot {
    if try disk.byteCount(of: path) != nil { try disk.remove(path) }
    let file = try disk.map(path)
    let extent = SlotExtent(
      start: 0,
      region: try file.extent(at: 0, byteCount: extentByteCount)
    )
    hasNewFile = true
    return HourSlot(file, path: path, header, number: number, first: extent)
  }

  /// Files that a manifest names or may come to name.
  private var usedPaths: Set<String> {
    Set(files.values.flatMap(\.paths) + dropped.flatMap(\.paths) + damagedFiles.map(\.path))
  }

  /// The name of a frozen hour's file in ``directory``.
  public func fileName(ofFrozen progress: RingProgress) -> String {
    precondition(progress.kind == .frozen)
    return SlotName.files(of: progress, slotCount: slotCount)[0]
  }

  /// A name for a new frozen file or patch of an hour; `nil` when all are taken.
  func freeName(_ kind: RingProgress.Kind, hour: Int64) -> (path: String, RingProgress)? {
    let used = usedPaths
    for _ in 0...UInt8.max {
      let progress = RingProgress(hour: hour, byteCount: 0, kind: kind, number: nextNumber)
      nextNumber &+= 1
      let name = SlotName.files(of: progress, slotCount: slotCount)[0]
      let path = Path.join(directory, name)
      if !used.contains(path) { return (path, progress) }
    }
    return nil
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
    guard let old = files.removeValue(forKey: hour) else { return }
    dropped.append(old)
    if old.isCommitted { departed.insert(hour) }
  }

  /// Notes that an hour that the manifest names could not be opened.
  func noteLost(_ hour: Int64) { departed.insert(hour) }

  /// Forgets that an hour has ever left: a freeze makes all of it from blocks.
  func noteWhole(_ hour: Int64) { departed.remove(hour) }

  /// Takes an hour in that has no file yet.
  func beginRebuild(_ hour: Int64) {
    dropHour(hour)
    for other in hours where other % Int64(slotCount) == hour % Int64(slotCount) {
      dropHour(other)
    }
    let new = HourFiles(hour: hour)
    new.beginRebuild()
    files[hour] = new
  }

  // MARK: Records

  /// Appends a record of an hour that takes records. It replaces every earlier one of that series
  /// and minute.
  ///
  /// - Parameters:
  ///   - minute: since the epoch; its hour must be open or frozen.
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
    guard let found = files[hour] else { preconditionFailure("hour \(hour) is not open") }
    let slot: HourSlot
    if let top = found.top {
      slot = top
    } else if let patch = try beginPatch(of: found, cut: cut) {
      slot = patch
    } else {
      // Too many files lie on top of each other: blocks answer until the hour is made anew.
      dropHour(hour)
      return
    }
    let step = slot.kind == .slot ? extentByteCount : patchExtentByteCount
    try slot.append(series: series, minute: minute, cut: cut, body: record, extentByteCount: step)
  }

  private var patchExtentByteCount: Int { min(extentByteCount, 16 * SlotLayout.pageByteCount) }

  private func beginPatch(of hour: HourFiles, cut: UInt64) throws(SystemError) -> HourSlot? {
    guard hour.slots.count < HourFiles.fileCountMax,
      let (path, progress) = freeName(.patch, hour: hour.hour)
    else { return nil }
    let header = SlotHeader(
      partition: partition,
      hour: hour.hour,
      cut: cut,
      isComplete: false,
      isPatch: true
    )
    let patch = try makeSlot(
      path,
      header,
      number: progress.number,
      extentByteCount: patchExtentByteCount
    )
    hour.push(patch)
    return patch
  }

  /// The newest record of a series' minute, one that this cut has appended included;
  /// ``RingLookup/damaged`` when its hour takes no records, or when it is frozen and may have
  /// windows of the series: raw rows tell.
  ///
  /// What an hour that is not complete knows of a minute may be less than all.
  public func existing(series: SeriesID, minute: Int64) -> RingLookup {
    guard minute >= 0, let found = files[SlotLayout.hour(ofMinute: minute)] else {
      return .damaged
    }
    return found.record(series: series, minute: minute)
  }

  // MARK: Cuts

  /// Makes durable what was appended since the last call.
  ///
  /// - Throws: When the disk fails. Nothing appended since the last publish may be committed then:
  ///   ``rollBack()``.
  public func sync() throws(SystemError) {
    for hour in hours {
      for slot in files[hour]?.slots ?? [] { try slot.sync() }
    }
    if hasNewFile {
      try disk.syncDirectory(directory)
      hasNewFile = false
    }
  }

  /// What the manifest must commit for the records appended so far, ascending by hour.
  public var progress: [RingProgress] { hours.flatMap { files[$0]?.progress ?? [] } }

  /// Shows readers what was appended; call it once a manifest has committed ``progress``.
  ///
  /// - Returns: the new ``snapshot``.
  @discardableResult
  public func publish() -> RingSnapshot {
    var replaced = dropped.flatMap(\.paths)
    dropped = []
    for hour in files.values {
      let old = hour.publish()
      replaced += old.replaced
      damagedFiles += old.damaged.map { (path: $0, hour: hour.hour) }
    }
    let used = usedPaths
    for path in replaced where !used.contains(path) {
      // A file that stays costs space until its name is used again.
      try? disk.remove(path)
    }
    refreshSnapshot()
    return snapshot
  }

  /// Forgets everything appended since the last ``publish()``: the cut failed.
  ///
  /// Hours that it has dropped stay so. An hour whose sync failed leaves the ring as well, because
  /// the disk may have lost what it was given; blocks answer for it from the next ``publish()`` on.
  public func rollBack() {
    for (hour, found) in files {
      if !found.isCommitted, !found.isRebuilding {
        files[hour] = nil
      } else if !found.rollBack() {
        dropHour(hour)
      }
    }
    dropped.removeAll { !$0.isCommitted }
  }

  /// Damaged files that nothing names any more, for the caller to set aside.
  public func takeDamagedFiles() -> [(path: String, hour: Int64)] {
    defer { damagedFiles = [] }
    return damagedFiles
  }
}
