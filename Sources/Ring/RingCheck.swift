public import Model
public import Platform

/// Checks a partition's slots without opening them for writing.
public enum RingCheck {
  /// What is wrong with the slots that a manifest names. Read only; may run beside a live server,
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
      SlotScan(
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
}
