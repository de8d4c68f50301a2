public import Model

/// What was found when a ring was opened.
public struct RingRecovery: Sendable {
  /// A record that fails its check; the snapshot answers ``RingLookup/damaged`` for it until the
  /// minute is appended anew.
  public struct DamagedMinute: Hashable, Sendable {
    public var series: SeriesID
    /// Since the epoch.
    public var minute: Int64

    public init(series: SeriesID, minute: Int64) {
      self.series = series
      self.minute = minute
    }
  }

  /// All damage, for the operator.
  public var damages: [Damage] = []
  /// Minutes to fold again from blocks, if the ring shall answer for them.
  public var damagedMinutes: [DamagedMinute] = []
  /// Hours that the manifest names and that are no longer in the ring: blocks answer for them.
  public var lostHours: [Int64] = []
  /// Files of lost hours that are damaged, as far as they are there: to be set aside.
  public var lostFiles: [String] = []

  public init() {}
}
