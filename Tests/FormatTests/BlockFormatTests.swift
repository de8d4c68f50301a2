import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Fixtures/format-v1/block.bin opens for ever, and the same rows still make the same bytes.
@Suite struct BlockFormatTests {
  static let fixture = "format-v1/block.bin"
  /// The worked example of docs/format/block.md.
  static let smallFixture = "format-v1/block-small.bin"
  static let second = Nanoseconds.perSecond
  static let start: Timestamp = 1_795_373_340 * second

  static let identity = BlockIdentity(
    partition: PartitionID(3),
    tenant: TenantID(1),
    epoch: Epoch(2),
    a: Offset(16),
    b: Offset(32),
    cut: 5,
    index: 1,
    count: 2
  )

  static let fields: [(field: FieldID, type: ColumnType)] = [
    (FieldID(4), .float), (FieldID(5), .float), (FieldID(7), .integer), (FieldID(8), .unsigned),
    (FieldID(9), .boolean), (FieldID(300), .string),
  ]

  /// Two series; the first has a sealed run, one of another field set, and a late run.
  static let groups: [ExpectedGroup] = [
    ExpectedGroup(series: 7, fieldSet: 2, isLate: false, fields: fields, start: start, rows: 60),
    ExpectedGroup(
      series: 7,
      fieldSet: 3,
      isLate: false,
      fields: [fields[1]],
      start: start,
      rows: 1
    ),
    ExpectedGroup(
      series: 7,
      fieldSet: 2,
      isLate: true,
      fields: fields,
      start: start - 30 * second,
      rows: 3
    ),
    ExpectedGroup(series: 9, fieldSet: 2, isLate: false, fields: fields, start: start, rows: 5),
  ]

  static let definitions = BlockDefinitions(
    tenant: TenantID(1),
    tenantName: Array("staging".utf8),
    fields: fields.map { field, type in
      FieldDefinition(
        id: field,
        measurement: MeasurementID(6),
        name: Array("f\(field.rawValue)".utf8),
        type: type
      )
    },
    fieldSets: [
      .init(id: FieldSetID(2), measurement: MeasurementID(6), fields: fields.map(\.field)),
      .init(id: FieldSetID(3), measurement: MeasurementID(6), fields: [fields[1].field]),
    ],
    series: [UInt32(7), 9].map { id in
      SeriesDefinition(
        id: SeriesID(id),
        tenant: TenantID(1),
        measurement: MeasurementID(6),
        measurementName: Array("node".utf8),
        tags: [Tag(key: Array("server".utf8), value: Array("s\(id)".utf8))]
      )
    }
  )

  static let ledger: [LedgerEntry] = {
    var entry = LedgerEntry(tenant: TenantID(1), measurement: MeasurementID(6))
    entry.received = 500
    entry.stored = 409
    entry.duplicate = 80
    entry.replaced = 1
    entry.late = 18
    entry.rejected = [.future: 10]
    var unknown = LedgerEntry(tenant: TenantID(1), measurement: nil)
    unknown.linesRejected = [.unparsable: 2, .cut: 1]
    return [entry, unknown]
  }()

  @Test func writerStillWritesTheFixture() throws {
    let bytes = try block(Self.groups, Self.identity, Self.definitions, Self.ledger)
    #expect(try Fixtures.matches(Self.fixture, bytes))
  }

  @Test func fixtureStillHoldsTheRows() throws {
    let disk = FaultyDisk(files: ["block": try Fixtures.bytes(Self.fixture)])
    let reader = try BlockReader.open(disk: disk, path: "block")
    #expect(reader.damages == [])
    #expect(reader.summary.identity == Self.identity)
    #expect(reader.summary.groupCount == 4)
    #expect(reader.summary.rowCount == 69)
    #expect(reader.summary.pointCount == 68 * 6 + 1)
    #expect(reader.summary.firstTimestamp == Self.start - 30 * Self.second)
    #expect(reader.summary.lastTimestamp == Self.start + 59 * Self.second)
    #expect(reader.ledger == Self.ledger)
    #expect(try reader.definitions() == Self.definitions)
    let entries = try reader.entries()
    #expect(entries.count == Self.groups.count)
    for (entry, group) in zip(entries, Self.groups) {
      #expect(entry.series == group.series)
      #expect(entry.fieldSet == group.fieldSet)
      #expect(entry.isLate == group.isLate)
      let all = TimeRange(start: 0, end: .max)
      let batch = try reader.read(entry, fields: nil, range: all)
      #expect(batch.timestamps == group.timestamps)
      #expect(batch.columns.map(\.field) == group.fields.map(\.field))
      for column in batch.columns {
        let text = column.cells.map { column.type == .string ? batch.strings.slice($0) : nil }
        let values = zip(column.cells, text).map { cell, text in
          text.map { String(decoding: $0, as: UTF8.self) } ?? String(cell)
        }
        #expect(values == group.values(of: column.type))
      }
    }
    #expect(BlockChecker.check(disk: disk, path: "block") == [])
  }

  @Test func pageShowsTheSmallBlock() throws {
    let group = ExpectedGroup(
      series: 7,
      fieldSet: 2,
      isLate: false,
      fields: [Self.fields[0]],
      start: Self.start,
      rows: 3
    )
    var definitions = Self.definitions
    definitions.fields = [definitions.fields[0]]
    definitions.fieldSets = [
      .init(id: FieldSetID(2), measurement: MeasurementID(6), fields: [FieldID(4)])
    ]
    definitions.series = [definitions.series[0]]
    let bytes = try block([group], Self.identity, definitions, [])
    #expect(try Fixtures.matches(Self.smallFixture, bytes))
    let page = try FormatPage("block.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }

  private func block(
    _ groups: [ExpectedGroup],
    _ identity: BlockIdentity,
    _ definitions: BlockDefinitions,
    _ ledger: [LedgerEntry]
  ) throws -> [UInt8] {
    let disk = FaultyDisk()
    try disk.createDirectory("blocks")
    var writer = try BlockWriter(disk: disk, directory: "blocks", identity: identity)
    for group in groups {
      writer.beginGroup(
        series: group.series,
        fieldSet: group.fieldSet,
        fields: group.fields,
        timestamps: group.timestamps.span,
        isLate: group.isLate
      )
      for field in group.fields {
        var strings = StringArena()
        let cells = group.cells(of: field.type, &strings)
        writer.appendColumn(cells.span, type: field.type, strings: strings)
      }
      try writer.endGroup()
    }
    let summary = try writer.finish(definitions: definitions, ledger: ledger)
    return try disk.read("blocks/\(summary.fileName)", byteCountMax: 1 << 20)
  }
}

/// Rows that follow from their number.
struct ExpectedGroup {
  let series: SeriesID
  let fieldSet: FieldSetID
  let isLate: Bool
  let fields: [(field: FieldID, type: ColumnType)]
  let timestamps: [Timestamp]

  init(
    series: UInt32,
    fieldSet: UInt32,
    isLate: Bool,
    fields: [(field: FieldID, type: ColumnType)],
    start: Timestamp,
    rows: Int
  ) {
    self.series = SeriesID(series)
    self.fieldSet = FieldSetID(fieldSet)
    self.isLate = isLate
    self.fields = fields
    timestamps = (0..<rows).map { start + Int64($0) * Nanoseconds.perSecond }
  }

  func cells(of type: ColumnType, _ strings: inout StringArena) -> [Cell] {
    timestamps.indices.map { row in
      switch type {
      case .float: (Double(row * 7 % 11) / 4).bitPattern
      case .integer: UInt64(bitPattern: Int64(row * row) - 9)
      case .unsigned: UInt64.max - UInt64(row * 3)
      case .boolean: UInt64(row % 2)
      case .string: strings.append(Array((row % 5 == 0 ? "degraded" : "ok").utf8)) ?? 0
      }
    }
  }

  /// The same, in words.
  func values(of type: ColumnType) -> [String] {
    var strings = StringArena()
    let cells = cells(of: type, &strings)
    guard type == .string else { return cells.map { String($0) } }
    return timestamps.indices.map { $0 % 5 == 0 ? "degraded" : "ok" }
  }
}
