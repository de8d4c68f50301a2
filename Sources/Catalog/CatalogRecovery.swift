public import Model

/// What ``Catalog/open(disk:directory:partitionCount:limits:)`` found and did.
public struct CatalogRecovery: Sendable {
  /// Bad spots of either copy, records that neither holds, and references to what is not defined.
  public var damages: [Damage] = []
  /// Records read.
  public var records = 0
  /// Copies that were completed or written anew from the other one, by path. One that could not be
  /// (a full disk) is tried again with each sync, and nothing is durable before it works.
  public var healed: [String] = []
  /// Byte copies of damaged originals, lying beside the log as `a.log.VERSION.damaged`. The caller
  /// moves them into its quarantine.
  public var setAside: [String] = []
  /// Versions that were durable once and whose records neither copy holds.
  public var lost: [Range<UInt64>] = []
}
