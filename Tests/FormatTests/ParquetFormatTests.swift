import Cold
import Model
import TestSupport
import Testing

/// The fixtures of each build open for ever, and the same rows still make the bytes of the last
/// one.
@Suite struct ParquetFormatTests {
  static let fixture = "format-v1/parquet-2.file"
  static let fixtures = ["format-v1/parquet.file", fixture]

  /// Two rows of one server, one without a value of the second field.
  static let schema = ExportSchema(
    measurement: Array("cpu".utf8),
    tagKeys: [Array("host".utf8)],
    fields: [
      FieldName(name: Array("idle".utf8), type: .float),
      FieldName(name: Array("n".utf8), type: .integer),
    ],
    hasNanoseconds: false,
    window: nil
  )

  private final class Sink: ByteSink {
    var bytes: [UInt8] = []
    func write(_ bytes: [UInt8]) { self.bytes += bytes }
  }

  @Test func writerStillWritesTheFixture() throws {
    let sink = Sink()
    var writer = try ParquetWriter(Self.schema.parquet, into: sink)
    try writer.append(
      ParquetRows(
        rowCount: 2,
        columns: [
          .cells([1_795_373_340_000_000, 1_795_373_341_000_000], isPresent: nil),
          .text(Array("a".utf8)),
          .cells([(98.5).bitPattern, (97.25).bitPattern], isPresent: nil),
          .cells([7, 0], isPresent: [true, false]),
        ]
      )
    )
    try writer.finish()
    #expect(try Fixtures.matches(Self.fixture, sink.bytes))
  }

  @Test(arguments: fixtures) func fixtureStillHoldsTheRows(_ fixture: String) throws {
    let disk = FaultyDisk(files: ["/f": try Fixtures.bytes(fixture)])
    let reader = try ParquetReader(disk: disk, path: "/f")
    #expect(try ExportSchema(parsing: reader.schema) == Self.schema)
    #expect(reader.rowCount == 2)
    #expect(
      try reader.read(column: 0, ofGroup: 0).cells == [
        1_795_373_340_000_000, 1_795_373_341_000_000,
      ]
    )
    #expect(
      try reader.read(column: 2, ofGroup: 0).cells.map(Double.init(bitPattern:)) == [98.5, 97.25]
    )
    let last = try reader.read(column: 3, ofGroup: 0)
    #expect(last.cells == [7])
    #expect(last.rows[0])
    #expect(!last.rows[1])
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("parquet.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }
}
