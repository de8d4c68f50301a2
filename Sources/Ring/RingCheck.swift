public import Model
public import Platform

/// Checks a partition's slots, frozen files and patches without opening them for writing.
public enum RingCheck {
  /// What is wrong with the files that a manifest names. Read only; may run beside a live server,
  /// which only appends behind what it has committed. An hour that leaves the ring meanwhile is
  /// reported as missing: look whether the manifest still names it before believing that.
  ///
  /// - Parameters:
  ///   - committed: the manifest's ring progress.
  ///   - cut: the manifest's cut.
  /// - Complexity: reads every committed byte.
  public static func check(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    slotCount: Int = RingRegion.slotCountDefault,
    committed: [RingProgress],
    cut: UInt64
  ) -> [Damage] {
    committed.filter { $0.hour >= 0 }.flatMap { progress in
      if progress.kind == .frozen {
        return frozen(disk, directory, partition, slotCount, progress)
      }
      return SlotScan(
        SlotLocation(
          disk: disk,
          directory: directory,
          partition: partition,
          slotCount: slotCount,
          progress: progress,
          cut: cut
        )
      ).damages
    }
  }

  private static func frozen(
    _ disk: any Disk,
    _ directory: String,
    _ partition: PartitionID,
    _ slotCount: Int,
    _ progress: RingProgress
  ) -> [Damage] {
    let name = SlotName.files(of: progress, slotCount: slotCount)[0]
    let path = Path.join(directory, name)
    do throws(SlotFault) {
      return try FrozenHour.open(disk: disk, path: path, partition: partition, progress).check()
    } catch {
      return [error.damage(path: path, hour: progress.hour)]
    }
  }
}
