/// One minute of one column. Always derived from rows, never counted up as they arrive.
///
/// `min` and `max` skip NaN unless every value is one (then both are the first NaN), and −0 < +0.
/// Booleans fold as 0 and 1. Strings have count, first and last; their other members are 0.
@frozen public struct Window: Hashable, Sendable {
  /// Values in it, NaN among them; 1 or more.
  public var count: UInt64
  public var sum: WindowSum
  public var min: Cell
  public var max: Cell
  public var first: Cell
  public var last: Cell
  /// Timestamps of `first` and `last`, so that windows of one minute can be merged in any order.
  public var firstTimestamp: Timestamp
  public var lastTimestamp: Timestamp

  @inlinable
  public init(
    count: UInt64,
    sum: WindowSum,
    min: Cell,
    max: Cell,
    first: Cell,
    last: Cell,
    firstTimestamp: Timestamp,
    lastTimestamp: Timestamp
  ) {
    self.count = count
    self.sum = sum
    self.min = min
    self.max = max
    self.first = first
    self.last = last
    self.firstTimestamp = firstTimestamp
    self.lastTimestamp = lastTimestamp
  }
}

/// The sum of a window: 128 bits, read by the column's type. A float column keeps a double in
/// `low`; integers and booleans keep a signed 128-bit number in both halves.
@frozen public struct WindowSum: Hashable, Sendable {
  public var low: UInt64
  public var high: UInt64

  @inlinable public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }
  @inlinable public init(float: Double) { self.init(low: float.bitPattern, high: 0) }
  @inlinable public init(integer: Int128) {
    self.init(
      low: UInt64(truncatingIfNeeded: integer),
      high: UInt64(truncatingIfNeeded: integer >> 64)
    )
  }
  public static let zero = WindowSum(low: 0, high: 0)

  @inlinable public var float: Double { Double(bitPattern: low) }
  @inlinable public var integer: Int128 {
    Int128(truncatingIfNeeded: high) << 64 | Int128(low)
  }
}

/// The windows of one column over several minutes, oldest first.
public struct WindowColumn: Sendable {
  public var field: FieldID
  public var type: ColumnType
  /// Minute numbers since the epoch, strictly ascending; parallel to `windows`.
  public var minutes: [Int64]
  public var windows: [Window]
  /// Behind the `first` and `last` of a string column.
  public var strings: StringArena

  public init(
    field: FieldID,
    type: ColumnType,
    minutes: [Int64] = [],
    windows: [Window] = [],
    strings: StringArena = StringArena()
  ) {
    self.field = field
    self.type = type
    self.minutes = minutes
    self.windows = windows
    self.strings = strings
  }
}
