/// A timestamp: nanoseconds since the Unix epoch, UTC; 0 or more.
public typealias Timestamp = Int64

/// The half-open interval `start ..< end` of timestamps in nanoseconds.
@frozen public struct TimeRange: Hashable, Sendable {
  public var start: Timestamp
  public var end: Timestamp

  /// - Parameter end: not before `start`.
  @inlinable
  public init(start: Timestamp, end: Timestamp) {
    precondition(start <= end)
    self.start = start
    self.end = end
  }

  @inlinable public var isEmpty: Bool { start == end }

  @inlinable
  public func contains(_ timestamp: Timestamp) -> Bool { timestamp >= start && timestamp < end }

  /// Whether the closed interval `first ... last` meets this range.
  @inlinable
  public func meets(first: Timestamp, last: Timestamp) -> Bool { last >= start && first < end }
}

/// Time units in nanoseconds.
public enum Nanoseconds {
  public static let perSecond: Int64 = 1_000_000_000
  public static let perMinute: Int64 = 60 * perSecond
  public static let perHour: Int64 = 60 * perMinute

  /// The number of the minute since the epoch that holds `timestamp` (0 or more).
  @inlinable public static func minute(of timestamp: Timestamp) -> Int64 { timestamp / perMinute }
}
