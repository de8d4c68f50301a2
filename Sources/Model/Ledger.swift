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

/// How far the ring's hours are written: what a manifest commits beside its blocks.
public struct RingProgress: Hashable, Sendable {
  /// The hour's number since the epoch.
  public var hour: Int64
  /// Bytes of the hour's slot that hold committed records.
  public var byteCount: UInt64

  public init(hour: Int64, byteCount: UInt64) {
    self.hour = hour
    self.byteCount = byteCount
  }
}
