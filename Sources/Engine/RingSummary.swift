internal import Ring

/// How much the rings of all partitions hold.
public struct RingSummary: Hashable, Sendable {
  /// Hours that take windows as they are cut, in the partition that has the most.
  public var openHourCount = 0
  /// Frozen hours, in the partition that has the most.
  public var frozenHourCount = 0
  public var openByteCount = 0
  public var frozenByteCount = 0
  public var patchByteCount = 0
  /// Columns of the frozen hours that have the most, of all partitions.
  public var columnCount = 0
  /// One for each column and frozen hour.
  public var columnHourCount = 0

  public init() {}

  /// Bytes of frozen files for each column and hour.
  public var bytesPerColumnHour: Double {
    columnHourCount == 0 ? 0 : Double(frozenByteCount) / Double(columnHourCount)
  }

  static func += (left: inout Self, right: RingStatistics) {
    left.openHourCount = max(left.openHourCount, right.openHourCount)
    left.frozenHourCount = max(left.frozenHourCount, right.frozenHourCount)
    left.openByteCount += right.openByteCount
    left.frozenByteCount += right.frozenByteCount
    left.patchByteCount += right.patchByteCount
    left.columnCount += right.columnCount
    left.columnHourCount += right.columnHourCount
  }
}
