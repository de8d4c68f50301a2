internal import Bytes
internal import Model

/// All that the catalog knows, and the records that are not written yet; guarded by one mutex.
///
/// Definitions reach it on one path, ``apply(_:)``, whether they were read from the log or have
/// just been made, so a restart ends in the same state. Ids that something refers to are taken,
/// defined or not: a definition that was lost leaves a hole which only ``restore`` fills.
struct CatalogState {
  /// How far beyond the next free id a stored id may lie; more would be a way to ask for memory.
  static let idGapMax: UInt32 = 1 << 25
  /// Ids end here, and so do the 32-bit positions of the tables.
  static let idMax = UInt32.max - 2
  /// Bytes, columns and tags that a table counts with 32 bits.
  static let arenaCountMax = Int(UInt32.max >> 1)

  let partitionCount: Int
  let limits: CatalogLimits
  let keyed = KeyedHash()
  var symbols = SymbolTable()
  var tenants = TenantTable()
  var measurements = MeasurementTable()
  var fields = FieldTable()
  var fieldSets = FieldSetTable()
  var index = TagIndex()
  var series = SeriesTable()
  var layouts: [PartitionLayouts]
  var layoutCount = 0
  var scales = ScaleTables()
  /// The sequence of the last record.
  private(set) var version: UInt64 = 0
  /// The version up to which both copies are durable.
  private var durableVersion: UInt64 = 0
  /// Grows when something was defined that was referred to before: caches of layouts start anew.
  var restorations = 0

  private var pending = ByteWriter()
  /// Bytes of records that no sync covers yet, taken for writing or not.
  private(set) var unsyncedByteCount = 0

  init(partitionCount: Int, limits: CatalogLimits) {
    self.partitionCount = partitionCount
    self.limits = limits
    layouts = Array(repeating: PartitionLayouts(), count: partitionCount)
    let name = symbols.intern(TenantTable.defaultName, keyed)
    tenants.define(TenantID.default.rawValue, name: name, keyed)
  }

  /// Applies a definition of our own and queues its record.
  mutating func record(_ definition: Definition) {
    let fault = apply(definition)
    precondition(fault == nil, "what is recorded was checked before")
    append(definition)
  }

  /// Queues the record of a definition that has been applied.
  mutating func append(_ definition: Definition) {
    version += 1
    let start = pending.count
    definition.append(sequence: version, durableVersion: durableVersion, to: &pending)
    unsyncedByteCount += pending.count - start
  }

  /// Moves the version on: at replay to the record read, or past records that were lost.
  mutating func advance(to sequence: UInt64) {
    precondition(sequence >= version)
    version = sequence
  }

  /// Hands over the queued records and the version that they lead to.
  mutating func takePending() -> (records: [UInt8], version: UInt64) {
    let records = pending.bytes
    pending = ByteWriter()
    return (records, version)
  }

  /// Notes that both copies are durable up to `version`, `byteCount` bytes more than before.
  mutating func markSynced(version: UInt64, byteCount: Int) {
    durableVersion = version
    unsyncedByteCount -= byteCount
    precondition(unsyncedByteCount >= 0)
  }

  /// Reads one record of the log; says what is wrong with it.
  mutating func replay(_ record: LogRecord, body: Span<UInt8>) -> Fault? {
    advance(to: record.sequence)
    guard record.version == LogRecord.version else {
      return .wrong("a record of format version \(record.version)")
    }
    guard symbols.nameByteCount + body.count <= Self.arenaCountMax else {
      return .wrong("names of more than \(Self.arenaCountMax) bytes")
    }
    guard let definition = Definition(kind: record.kind, body: body) else {
      return .wrong("a record of kind \(record.kind) that makes no sense")
    }
    return apply(definition)
  }

  var statistics: CatalogStatistics {
    var result = CatalogStatistics()
    result.tenants = tenants.count
    result.measurements = measurements.count
    result.fields = fields.count
    result.fieldSets = fieldSets.count
    result.series = series.count
    result.layouts = layoutCount
    result.scaleTables = scales.count
    result.byteCount =
      symbols.byteCount + tenants.byteCount + measurements.byteCount + fields.byteCount
      + fieldSets.byteCount + index.byteCount + series.byteCount + scales.byteCount
      + layouts.reduce(0) { $0 + $1.byteCount }
    result.unsyncedByteCount = unsyncedByteCount
    return result
  }
}
