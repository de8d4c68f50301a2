import Blocks
import Codecs
import Model
import Platform
import TestSupport

/// What a test puts into a block, and expects back.
struct SampleGroup {
  var series: SeriesID
  var fieldSet: FieldSetID
  var isLate = false
  var batch: ColumnBatch

  var fields: [(field: FieldID, type: ColumnType)] { batch.columns.map { ($0.field, $0.type) } }
}

enum BlockSample {
  static let directory = "partition/blocks"
  static let everything = TimeRange(start: 0, end: .max)

  static func identity(
    cut: UInt64 = 1,
    a: UInt64 = 0,
    b: UInt64 = 10,
    tenant: UInt32 = 0,
    index: UInt32 = 0,
    count: UInt32 = 1,
    epoch: UInt32 = 1
  ) -> BlockIdentity {
    BlockIdentity(
      partition: PartitionID(3),
      tenant: TenantID(tenant),
      epoch: Epoch(epoch),
      a: Offset(a),
      b: Offset(b),
      cut: cut,
      index: index,
      count: count
    )
  }

  /// `seriesCount` series with one to three groups each, of all column types.
  static func groups(seriesCount: Int, seed: UInt64, rowCountMax: Int = 40) -> [SampleGroup] {
    var random = SeededRandom(seed: seed)
    var groups: [SampleGroup] = []
    for number in 0..<seriesCount {
      for run in 0..<Int.random(in: 1...3, using: &random) {
        let rowCount = Int.random(in: 1...rowCountMax, using: &random)
        let set = UInt32.random(in: 0...2, using: &random)
        var group = SampleGroup(
          series: SeriesID(UInt32(number) * 3 + 5),
          fieldSet: FieldSetID(set),
          isLate: run == 2,
          batch: ColumnBatch()
        )
        var timestamp = 1_700_000_000_000_000_000 + Int64.random(in: 0...9, using: &random)
        group.batch.timestamps = (0..<rowCount).map { _ in
          timestamp += Int64.random(in: 1...3, using: &random) * Nanoseconds.perSecond
          return timestamp
        }
        for (field, type) in fields(of: set) {
          group.batch.columns.append(
            column(field, type, rowCount, &group.batch.strings, &random)
          )
        }
        groups.append(group)
      }
    }
    return groups
  }

  /// The columns of the sample field sets: all types, gaps between ids.
  static func fields(of set: UInt32) -> [(FieldID, ColumnType)] {
    let all: [(UInt32, ColumnType)] = [
      (2, .float), (3, .float), (4, .integer), (9, .unsigned), (10, .boolean), (11, .string),
      (400, .float),
    ]
    switch set {
    case 0: return all.map { (FieldID($0.0), $0.1) }
    case 1: return [(FieldID(3), .float)]
    default: return all.suffix(3).map { (FieldID($0.0), $0.1) }
    }
  }

  private static func column(
    _ field: FieldID,
    _ type: ColumnType,
    _ rowCount: Int,
    _ strings: inout StringArena,
    _ random: inout SeededRandom
  ) -> ColumnBatch.Column {
    var level = Int64.random(in: 0...100, using: &random)
    let cells = (0..<rowCount).map { _ -> Cell in
      level += Int64.random(in: -2...3, using: &random)
      switch type {
      case .float: return (Double(level) / 10).bitPattern
      case .integer, .unsigned: return UInt64(bitPattern: level)
      case .boolean: return UInt64(level & 1)
      case .string: return strings.append(Array("state \(level % 4)".utf8)) ?? 0
      }
    }
    return ColumnBatch.Column(field: field, type: type, cells: cells)
  }

  static func definitions(of groups: [SampleGroup], tenant: UInt32 = 0) -> BlockDefinitions {
    var definitions = BlockDefinitions(tenant: TenantID(tenant), tenantName: Array("default".utf8))
    definitions.fields = fields(of: 0).map { field, type in
      FieldDefinition(
        id: field,
        measurement: MeasurementID(1),
        name: Array("field \(field.rawValue)".utf8),
        type: type
      )
    }
    definitions.fieldSets = (0..<3).map { set in
      BlockDefinitions.FieldSet(
        id: FieldSetID(set),
        measurement: MeasurementID(1),
        fields: fields(of: set).map(\.0)
      )
    }
    definitions.series = Set(groups.map(\.series)).sorted().map { series in
      SeriesDefinition(
        id: series,
        tenant: TenantID(tenant),
        measurement: MeasurementID(1),
        measurementName: Array("node".utf8),
        tags: [
          Tag(key: Array("rack".utf8), value: Array("r\(series.rawValue % 2)".utf8)),
          Tag(key: Array("server".utf8), value: Array("s\(series.rawValue)".utf8)),
        ]
      )
    }
    return definitions
  }

  static let ledger: [LedgerEntry] = {
    var entry = LedgerEntry(tenant: TenantID(0), measurement: MeasurementID(1))
    entry.received = 1_000
    entry.stored = 900
    entry.duplicate = 50
    entry.replaced = 40
    entry.late = 7
    entry.rejected = [.future: 9, .typeConflict: 1]
    var unknown = LedgerEntry(tenant: TenantID(0), measurement: nil)
    unknown.linesRejected = [.unparsable: 3]
    return [entry, unknown]
  }()

  @discardableResult
  static func write(
    _ groups: [SampleGroup],
    to disk: any Disk,
    identity: BlockIdentity = identity(),
    ledger: [LedgerEntry] = ledger,
    directory: String = directory
  ) throws(SystemError) -> BlockSummary {
    try disk.createDirectory(directory)
    var writer = try BlockWriter(disk: disk, directory: directory, identity: identity)
    for group in groups {
      writer.beginGroup(
        series: group.series,
        fieldSet: group.fieldSet,
        fields: group.fields,
        timestamps: group.batch.timestamps.span,
        isLate: group.isLate
      )
      for column in group.batch.columns {
        writer.appendColumn(column.cells.span, type: column.type, strings: group.batch.strings)
      }
      try writer.endGroup()
    }
    let definitions = definitions(of: groups, tenant: identity.tenant.rawValue)
    return try writer.finish(definitions: definitions, ledger: ledger)
  }
}

/// Timestamps, cells and text of a batch, apart from where the text lies.
struct Content: Hashable {
  struct Column: Hashable {
    var field: FieldID
    var type: ColumnType
    /// Empty for strings.
    var cells: [Cell]
    var text: [[UInt8]]
  }

  var timestamps: [Timestamp] = []
  var columns: [Column] = []
}

extension ColumnBatch {
  var content: Content {
    let parts = columns.map { column in
      let isText = column.type == .string
      return Content.Column(
        field: column.field,
        type: column.type,
        cells: isText ? [] : column.cells,
        text: isText ? column.cells.map { Array(strings.slice($0) ?? []) } : []
      )
    }
    return Content(timestamps: timestamps, columns: parts)
  }
}

extension BlockReader {
  /// The whole of a group.
  func all(_ entry: ChunkGroupEntry) throws(BlockError) -> ColumnBatch {
    var statistics = ReadStatistics()
    return try read(
      entry,
      fields: nil,
      range: BlockSample.everything,
      statistics: &statistics
    )
  }
}
