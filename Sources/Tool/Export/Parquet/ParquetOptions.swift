package import Model
package import Query

/// `--timestamps` of `varve export --format parquet`.
package enum TimestampUnit: String, CaseIterable, Sendable {
  /// Microseconds where every timestamp of the measurement is exact, else nanoseconds.
  case auto
  case us, ns
}

/// What a Parquet export is asked for, apart from where it goes.
package struct ParquetOptions {
  package var tenant: TenantID
  package var tenantName: [UInt8]
  package var range: TimeRange
  /// The selectors as they were given, for the manifest.
  package var matchTexts: [String]
  package var matches: [SelectorMatch]
  package var unit: TimestampUnit
  /// `nil` for raw points.
  package var rollup: RollupUnit?
  /// Bytes of rows before encoding that days hold while they are written side by side, as the limit
  /// of a row group counts them.
  package var heldByteCountMax: Int
  /// Two row groups.
  package static let defaultHeldByteCountMax = 256 << 20

  package init(
    tenant: TenantID,
    tenantName: [UInt8],
    range: TimeRange,
    matchTexts: [String],
    matches: [SelectorMatch],
    unit: TimestampUnit,
    rollup: RollupUnit?,
    heldByteCountMax: Int = ParquetOptions.defaultHeldByteCountMax
  ) {
    self.tenant = tenant
    self.tenantName = tenantName
    self.range = range
    self.matchTexts = matchTexts
    self.matches = matches
    self.unit = unit
    self.rollup = rollup
    self.heldByteCountMax = heldByteCountMax
  }
}

/// A row whose time is not a whole number of microseconds.
struct InexactTimestamp: Error {
  var time: Timestamp
}
