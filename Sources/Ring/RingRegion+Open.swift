public import Model
public import Platform

extension RingRegion {
  /// Opens the hours that a manifest has committed.
  ///
  /// Damage never stops it: a record that fails its check is left out and reported; an hour whose
  /// records cannot be told apart, or whose file is missing or cannot be read, is lost and blocks
  /// answer for it. Slot files that the manifest does not name are removed: a cut that did not
  /// commit has left them.
  ///
  /// - Parameters:
  ///   - directory: the partition's ring folder; it must exist.
  ///   - extentByteCount: bytes to allocate and map at a time, more than 0.
  ///   - committed: the manifest's ring progress.
  ///   - cut: the manifest's cut; records of a later one are ignored.
  /// - Throws: When the folder cannot be read.
  /// - Complexity: reads every committed byte.
  public static func open(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    slotCount: Int = slotCountDefault,
    extentByteCount: Int = 1 << 20,
    committed: [RingProgress],
    cut: UInt64
  ) throws(SystemError) -> (region: RingRegion, recovery: RingRecovery) {
    let region = RingRegion(
      disk: disk,
      directory: directory,
      partition: partition,
      slotCount: slotCount,
      extentByteCount: extentByteCount
    )
    let names = try disk.list(directory)
    var recovery = RingRecovery()
    for progress in committed {
      if !region.open(progress, cut: cut, &recovery) {
        recovery.lostHours.append(progress.hour)
        region.noteLost(progress.hour)
      }
    }
    let known = Set(recovery.namedPaths)
    for name in names where name.hasSuffix(SlotName.suffix) {
      let path = Path.join(directory, name)
      // A leftover costs space only; its slot is cleared again before use.
      if !known.contains(path) { try? disk.remove(path) }
    }
    region.refreshSnapshot()
    return (region, recovery)
  }

  /// Opens one hour, or reports why it is lost.
  private func open(
    _ progress: RingProgress,
    cut: UInt64,
    _ recovery: inout RingRecovery
  ) -> Bool {
    guard progress.hour >= 0, !hasHour(progress.hour) else { return false }
    let location = SlotLocation(
      disk: disk,
      directory: directory,
      partition: partition,
      slotCount: slotCount,
      progress: progress,
      cut: cut
    )
    recovery.namedPaths.append(location.path)
    let scan = SlotScan(location)
    recovery.damages += scan.damages
    guard scan.isUsable else { return false }
    var view = scan.view
    do throws(SystemError) {
      let file = try disk.map(location.path)
      let mapped = SlotLayout.roundedUp(view.byteCount, to: SlotLayout.pageByteCount)
      view.extents = [
        SlotExtent(start: 0, region: try file.extent(at: 0, byteCount: mapped))
      ]
      adopt(HourSlot(file, path: location.path, view))
    } catch {
      let fault = SlotFault(0, 0, "\(error)", severity: .unreadable)
      recovery.damages.append(fault.damage(path: location.path, hour: progress.hour))
      return false
    }
    recovery.damagedMinutes += scan.damagedMinutes
    return true
  }
}
