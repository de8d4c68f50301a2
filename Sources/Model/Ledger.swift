/// Where the points of one (tenant, measurement) went: received = stored + duplicate + replaced +
/// rejected + pending. `late` is a part of stored; `linesRejected` stands apart.
public struct LedgerEntry: Hashable, Sendable {
  public var tenant: TenantID
  /// `nil` for lines whose measurement nobody could read.
  public var measurement: MeasurementID?
  public var received: UInt64 = 0
  public var stored: UInt64 = 0
  public var duplicate: UInt64 = 0
  public var replaced: UInt64 = 0
  public var late: UInt64 = 0
  /// Parts of stored that are not there any more: what retention removed, and what somebody
  /// deleted. Counted when the space comes back.
  public var expired: UInt64 = 0
  public var deleted: UInt64 = 0
  /// Points refused, by reason.
  public var rejected: [RefusalReason: UInt64] = [:]
  /// Lines refused whose points nobody could count, by reason.
  public var linesRejected: [RefusalReason: UInt64] = [:]

  public init(tenant: TenantID, measurement: MeasurementID?) {
    self.tenant = tenant
    self.measurement = measurement
  }

  public var rejectedPoints: UInt64 { rejected.values.reduce(0, +) }
}

/// A file of the ring and how far it is written: what a manifest commits beside its blocks.
///
/// The files of an hour lie on top of each other, the lower ones first: its slot or its frozen
/// file, then patches.
public struct RingProgress: Hashable, Sendable {
  public enum Kind: UInt8, Sendable {
    /// Takes the windows of an open hour.
    case slot = 0
    /// A closed hour, column by column.
    case frozen = 1
    /// Windows that changed after their hour was frozen.
    case patch = 2
  }

  /// Files have fewer bytes than this.
  public static let byteCountMax: UInt64 = 1 << 48

  /// The hour's number since the epoch.
  public var hour: Int64
  public var kind: Kind
  /// Tells apart the frozen files and the patches of an hour; 0 for its slot.
  public var number: UInt8
  /// Bytes of the file that are committed.
  public var byteCount: UInt64

  public init(hour: Int64, byteCount: UInt64, kind: Kind = .slot, number: UInt8 = 0) {
    self.hour = hour
    self.kind = kind
    self.number = number
    self.byteCount = byteCount
  }

  /// Byte count, number and kind in one word: 48, 8 and 8 bits.
  public var word: UInt64 {
    byteCount % Self.byteCountMax | UInt64(number) << 48 | UInt64(kind.rawValue) << 56
  }

  /// Reads a ``word``; `nil` for an unknown kind.
  public init?(hour: Int64, word: UInt64) {
    guard let kind = Kind(rawValue: UInt8(word >> 56)) else { return nil }
    self.init(
      hour: hour,
      byteCount: word % Self.byteCountMax,
      kind: kind,
      number: UInt8(truncatingIfNeeded: word >> 48)
    )
  }
}
