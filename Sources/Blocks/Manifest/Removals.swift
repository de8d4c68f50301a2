internal import Bytes
public import Model

/// What has left a partition for good, and why: kept in its manifest, so that offsets and ledger
/// still add up (docs/format/manifest.md, "removals").
///
///     | ranges: varint | tenant, a, b - a: varints | ... |
///     | counts: varint | tenant, measurement + 1 or 0: varints, cause u8, points: varint | ... |
public struct Removals: Hashable, Sendable {
  /// The raw value is the code on the disk.
  public enum Cause: UInt8, Sendable, CaseIterable {
    /// Older than a retention allows.
    case age = 1
    /// The oldest of more bytes than a retention allows.
    case bytes = 2
    /// Somebody asked.
    case deleted = 3

    /// The label of metrics.
    public var name: String {
      switch self {
      case .age: "age"
      case .bytes: "bytes"
      case .deleted: "deleted"
      }
    }
  }

  /// Offsets of which a tenant's block is gone.
  public struct Range: Hashable, Sendable {
    public var tenant: TenantID
    public var a: Offset
    public var b: Offset

    public init(tenant: TenantID, a: Offset, b: Offset) {
      self.tenant = tenant
      self.a = a
      self.b = b
    }
  }

  public struct Key: Hashable, Sendable, Comparable {
    public var tenant: TenantID
    /// `nil` when nobody could read whose the points were.
    public var measurement: MeasurementID?
    public var cause: Cause

    public init(tenant: TenantID, measurement: MeasurementID?, cause: Cause) {
      self.tenant = tenant
      self.measurement = measurement
      self.cause = cause
    }

    private var order: (UInt32, UInt64, UInt8) {
      (tenant.rawValue, measurement.map { UInt64($0.rawValue) + 1 } ?? 0, cause.rawValue)
    }

    public static func < (left: Key, right: Key) -> Bool { left.order < right.order }
  }

  /// By tenant and offset; those of a tenant neither touch nor overlap.
  public private(set) var ranges: [Range] = []
  /// Points that were removed.
  public private(set) var counts: [Key: UInt64] = [:]

  public init() {}

  public var isEmpty: Bool { ranges.isEmpty && counts.isEmpty }

  /// Notes that a block is gone.
  public mutating func add(_ range: Range) {
    guard range.a < range.b else { return }
    var merged = range
    ranges.removeAll { other in
      guard other.tenant == range.tenant, other.a <= merged.b, merged.a <= other.b else {
        return false
      }
      merged.a = min(merged.a, other.a)
      merged.b = max(merged.b, other.b)
      return true
    }
    ranges.append(merged)
    ranges.sort { ($0.tenant, $0.a) < ($1.tenant, $1.a) }
  }

  public mutating func add(_ points: [Key: UInt64]) {
    counts.merge(points, uniquingKeysWith: &+)
  }

  /// Whether all of a tenant's `a ..< b` is gone.
  package func covers(_ a: Offset, _ b: Offset, of tenant: TenantID) -> Bool {
    ranges.contains { $0.tenant == tenant && $0.a <= a && $0.b >= b }
  }

  func write(into buffer: inout OutputBuffer) {
    buffer.writeVarint(UInt64(ranges.count))
    for range in ranges {
      buffer.writeVarint(UInt64(range.tenant.rawValue))
      buffer.writeVarint(range.a.rawValue)
      buffer.writeVarint(range.b.rawValue - range.a.rawValue)
    }
    buffer.writeVarint(UInt64(counts.count))
    for (key, points) in counts.sorted(by: { $0.key < $1.key }) {
      buffer.writeVarint(UInt64(key.tenant.rawValue))
      buffer.writeVarint(key.measurement.map { UInt64($0.rawValue) + 1 } ?? 0)
      buffer.writeByte(key.cause.rawValue)
      buffer.writeVarint(points)
    }
  }

  /// `nil` when the bytes end early or hold what the writer never produces.
  init?(_ reader: inout ByteReader) {
    guard let rangeCount = reader.readVarint(), rangeCount <= UInt64(reader.remaining) else {
      return nil
    }
    for _ in 0..<rangeCount {
      guard let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
        let a = reader.readVarint(), let count = reader.readVarint(), count > 0,
        case let (b, isLarge) = a.addingReportingOverflow(count), !isLarge
      else { return nil }
      add(Range(tenant: TenantID(tenant), a: Offset(a), b: Offset(b)))
    }
    guard UInt64(ranges.count) == rangeCount, let keyCount = reader.readVarint(),
      keyCount <= UInt64(reader.remaining)
    else { return nil }
    for _ in 0..<keyCount {
      guard let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
        let measurement = reader.readVarint(), measurement <= UInt64(UInt32.max) + 1,
        let cause = reader.readByte().flatMap(Cause.init(rawValue:)),
        let points = reader.readVarint()
      else { return nil }
      let key = Key(
        tenant: TenantID(tenant),
        measurement: measurement == 0 ? nil : MeasurementID(UInt32(measurement - 1)),
        cause: cause
      )
      guard counts.updateValue(points, forKey: key) == nil else { return nil }
    }
  }
}
