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
    var known: Set<String> = []
    for hour in Set(committed.map(\.hour)).sorted() {
      let files = committed.filter { $0.hour == hour }
      if !region.open(files, cut: cut, &recovery, &known) {
        recovery.lostHours.append(hour)
        region.noteLost(hour)
      }
    }
    for name in names where SlotName.isOurs(name) {
      let path = Path.join(directory, name)
      // A leftover costs space only; its name is cleared again before use.
      if !known.contains(path) { try? disk.remove(path) }
    }
    region.refreshSnapshot()
    return (region, recovery)
  }

  /// Opens one hour, or reports why it is lost: one file that is cannot be told from the others.
  ///
  /// - Parameters:
  ///   - committed: its files, the lower ones first.
  ///   - known: gets the paths of all of them.
  private func open(
    _ committed: [RingProgress],
    cut: UInt64,
    _ recovery: inout RingRecovery,
    _ known: inout Set<String>
  ) -> Bool {
    guard let hour = committed.first?.hour, hour >= 0 else { return false }
    var frozen: FrozenHour?
    var slots: [HourSlot] = []
    var minutes: Set<RingRecovery.DamagedMinute> = []
    var isLost = false
    for progress in committed {
      if progress.kind == .frozen {
        let name = SlotName.files(of: progress, slotCount: slotCount)[0]
        let path = Path.join(directory, name)
        known.insert(path)
        do throws(SlotFault) {
          guard frozen == nil, slots.isEmpty else {
            throw SlotFault(0, 0, "a second file at the bottom of an hour")
          }
          frozen = try .open(disk: disk, path: path, partition: partition, progress)
        } catch {
          recovery.damages.append(error.damage(path: path, hour: hour))
          recovery.lostFiles.append(path)
          isLost = true
        }
        continue
      }
      if let slot = openSlot(progress, cut: cut, &recovery, &minutes, &known) {
        slots.append(slot)
      } else {
        isLost = true
      }
    }
    // What a patch lies on was never committed: its hour was being made from blocks.
    let hasBase = frozen != nil || slots.first?.kind == .slot
    guard !isLost, hasBase, slots.dropFirst().allSatisfy({ $0.kind == .patch }) else {
      return false
    }
    recovery.damagedMinutes += minutes.sorted { ($0.minute, $0.series) < ($1.minute, $1.series) }
    adopt(HourFiles(hour: hour, frozen: frozen, slots: slots))
    return true
  }

  private func openSlot(
    _ progress: RingProgress,
    cut: UInt64,
    _ recovery: inout RingRecovery,
    _ minutes: inout Set<RingRecovery.DamagedMinute>,
    _ known: inout Set<String>
  ) -> HourSlot? {
    let location = SlotLocation(
      disk: disk,
      directory: directory,
      partition: partition,
      slotCount: slotCount,
      progress: progress,
      cut: cut
    )
    known.insert(location.path)
    let scan = SlotScan(location)
    recovery.damages += scan.damages
    guard scan.isUsable else {
      recovery.lostFiles.append(location.path)
      return nil
    }
    var view = scan.view
    do throws(SystemError) {
      let file = try disk.map(location.path)
      let mapped = SlotLayout.roundedUp(view.byteCount, to: SlotLayout.pageByteCount)
      view.extents = [
        SlotExtent(start: 0, region: try file.extent(at: 0, byteCount: mapped))
      ]
      // A record further up replaces one that is damaged, and hides one that is not.
      let damaged = Set(scan.damagedMinutes)
      minutes = minutes.filter { damaged.contains($0) || !view.holds($0) }
      minutes.formUnion(damaged)
      return HourSlot(file, path: location.path, progress, view)
    } catch {
      let fault = SlotFault(0, 0, "\(error)", severity: .unreadable)
      recovery.damages.append(fault.damage(path: location.path, hour: progress.hour))
      return nil
    }
  }
}

extension HourView {
  fileprivate func holds(_ minute: RingRecovery.DamagedMinute) -> Bool {
    minutes[index(ofMinute: minute.minute)].entry(of: minute.series) != nil
  }
}
