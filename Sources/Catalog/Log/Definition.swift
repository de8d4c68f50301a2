internal import Bytes
internal import Model

/// What one record of the log says; its bodies are drawn in docs/format/catalog.md.
enum Definition: Equatable, Sendable {
  case tenant(TenantID, name: [UInt8])
  case measurement(MeasurementID, tenant: TenantID, name: [UInt8])
  case field(FieldDefinition)
  /// Fields ascend.
  case fieldSet(FieldSetID, MeasurementID, fields: [FieldID])
  /// Tags ascend by key.
  case series(SeriesID, MeasurementID, PartitionID, tags: [Tag])
  case layout(PartitionID, LayoutID, SeriesID, FieldSetID)
  /// One exponent for each column of the field set.
  case scaleTable(ScaleTableID, FieldSetID, exponents: [UInt8])
  /// Layout ids of a partition below `end` are, or may be, in use.
  case reservation(PartitionID, end: UInt32)
  /// Records were lost; ids below the floors are never handed out again.
  case loss(LossNotice)

  /// The code of each kind; never reused.
  enum Kind: UInt8, CaseIterable {
    case tenant = 1
    case measurement = 2
    case field = 3
    case fieldSet = 4
    case series = 5
    case layout = 6
    case scaleTable = 7
    case reservation = 8
    case loss = 9
  }

  var kind: Kind {
    switch self {
    case .tenant: .tenant
    case .measurement: .measurement
    case .field: .field
    case .fieldSet: .fieldSet
    case .series: .series
    case .layout: .layout
    case .scaleTable: .scaleTable
    case .reservation: .reservation
    case .loss: .loss
    }
  }
}

/// The range of sequences that neither copy of the log holds any more, and the smallest ids that
/// are still free for sure: each lost record may have defined one id, or reserved one run.
struct LossNotice: Equatable, Sendable {
  /// Never empty.
  var sequences: Range<UInt64>
  var tenants: UInt32 = 0
  var measurements: UInt32 = 0
  var fields: UInt32 = 0
  var fieldSets: UInt32 = 0
  var series: UInt32 = 0
  var scaleTables: UInt32 = 0
  /// By partition.
  var layouts: [UInt32] = []
}
