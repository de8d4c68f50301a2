/// An isolated namespace; part of every key, record, path and counter. 0 is `default`.
@frozen public struct TenantID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  /// The tenant of whoever names none.
  public static let `default` = TenantID(0)
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A measurement of one tenant; dense and global.
@frozen public struct MeasurementID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A (tenant, measurement, tag set); dense, global and never reused.
@frozen public struct SeriesID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A named, typed value of a measurement; dense and global.
@frozen public struct FieldID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// An ordered list of distinct fields of one measurement: the columns of a row. Dense and global.
@frozen public struct FieldSetID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A (series, field set) of one partition, what a row names; dense within its partition.
@frozen public struct LayoutID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The powers of ten by which the float columns of a field set are scaled. 0 stands for all zero.
@frozen public struct ScaleTableID: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  public static let zero = ScaleTableID(0)
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A sequence of batches and the store made from it; 0 ..< ``countMax``.
@frozen public struct PartitionID: Hashable, Sendable, Comparable {
  public let rawValue: UInt16
  @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
  /// Partitions of a data directory, fixed when it is created.
  public static let countDefault = 8
  public static let countMax = 64
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The place of a batch in its partition, counted in batches from 0; the only clock that recovery
/// trusts.
@frozen public struct Offset: Hashable, Sendable, Comparable {
  public let rawValue: UInt64
  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }
  public static let zero = Offset(0)
  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  /// The offset `count` batches further on.
  @inlinable public func advanced(by count: UInt64) -> Offset { Offset(rawValue + count) }
}

/// One start of the server, from 1; stamped on each segment and batch, so that an offset is never
/// issued twice with different contents.
@frozen public struct Epoch: Hashable, Sendable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
