import Cold
import Model
import Platform
import TestSupport
import Testing

/// Goal: what is written reads back, the same rows give the same bytes, and damage is an error.
@Suite struct ParquetTests {
  static func reader(_ bytes: [UInt8]) throws -> ParquetReader {
    try ParquetReader(disk: FaultyDisk(files: ["/f.parquet": bytes]), path: "/f.parquet")
  }

  @Test(arguments: [1, 2, 7, 8, 9, 100, 129, 4_096, 200_000])
  func rowsReadBack(rowCount: Int) throws {
    let sample = ParquetSample(rowCount: rowCount)
    let reader = try Self.reader(try ParquetSample.file([sample.rows]))
    #expect(reader.rowCount == rowCount)
    #expect(reader.groupCount == 1)
    #expect(reader.schema.columns == ParquetSample.columns)
    #expect(reader.schema.note("k") == "v")
    for (index, column) in ParquetSample.columns.enumerated() {
      let values = try reader.read(column: index, ofGroup: 0)
      let isEqual =
        ParquetSample.contents(values, column.type) == ParquetSample.contents(sample.rows, index)
      #expect(isEqual, "\(column.name)")
    }
  }

  @Test func piecesDoNotShowInTheBytes() throws {
    let whole = ParquetSample(rowCount: 3_000).rows
    func part(_ range: Range<Int>) -> ParquetRows {
      ParquetRows(
        rowCount: range.count,
        columns: whole.columns.map { content in
          guard case .cells(let cells, let isPresent) = content else { return content }
          return .cells(Array(cells[range]), isPresent: isPresent.map { Array($0[range]) })
        },
        strings: whole.strings
      )
    }
    let bytes = try ParquetSample.file([whole])
    #expect(try ParquetSample.file([part(0..<1), part(1..<1_234), part(1_234..<3_000)]) == bytes)
  }

  @Test func rowGroupsAreBounded() throws {
    let columns = [
      ParquetColumn(name: "t", type: .integer, isOptional: false),
      ParquetColumn(name: "s", type: .string, isOptional: true),
    ]
    let sink = MemorySink()
    var writer = try ParquetWriter(ParquetSchema(columns: columns), into: sink)
    // A row counts a megabyte and a little.
    var strings = StringArena()
    let cell = strings.append([UInt8](repeating: 0x61, count: 1 << 20)) ?? 0
    for row in 0..<300 {
      try writer.append(
        ParquetRows(
          rowCount: 1,
          columns: [.cells([UInt64(row)], isPresent: nil), .cells([cell], isPresent: nil)],
          strings: strings
        )
      )
    }
    try writer.finish()
    let reader = try Self.reader(sink.bytes)
    #expect(reader.groupCount == 3)
    #expect(reader.rowCount(ofGroup: 0) == 127)
    #expect(reader.rowCount == 300)
    #expect(try reader.read(column: 1, ofGroup: 2).strings.bytes.count == 1 << 20)
  }

  @Test func aFileWithoutRowsIsWhole() throws {
    let reader = try Self.reader(try ParquetSample.file([]))
    #expect(reader.rowCount == 0)
    #expect(reader.groupCount == 0)
  }

  // MARK: Damage

  private static func readAll(_ bytes: [UInt8]) throws(ParquetError) {
    let reader = try ParquetReader(
      disk: FaultyDisk(files: ["/f.parquet": bytes]),
      path: "/f.parquet"
    )
    for group in 0..<reader.groupCount {
      for column in reader.schema.columns.indices {
        _ = try reader.read(column: column, ofGroup: group)
      }
    }
  }

  @Test func noFlippedBitTrapsAndPagesTellOfIt() throws {
    let bytes = try ParquetSample.file([ParquetSample(rowCount: 20).rows])
    let end = try Self.reader(bytes).offset(ofGroup: 1)
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << UInt8(bit)
        var fault: ParquetError?
        do throws(ParquetError) { try Self.readAll(damaged) } catch { fault = error }
        if let fault {
          #expect(fault.description.hasPrefix("/f.parquet: byte "))
          #expect(fault.what.contains("expected"))
        }
        // Heads of pages have no checksum: a flip there may be harmless, in a page it is not.
        if index < 4 || index >= bytes.count - 4 { #expect(fault != nil) }
      }
    }
    #expect(end < bytes.count)
  }

  @Test func everyCutIsAnError() throws {
    let bytes = try ParquetSample.file([ParquetSample(rowCount: 20).rows])
    for count in bytes.indices {
      #expect(throws: ParquetError.self) { try Self.readAll(Array(bytes[..<count])) }
    }
  }

  @Test func aCutFileSaysWhatToDo() throws {
    let bytes = try ParquetSample.file([ParquetSample(rowCount: 20).rows])
    do throws(ParquetError) {
      try Self.readAll(Array(bytes[..<100]))
    } catch {
      #expect(
        error.description
          == "/f.parquet: byte 96: expected PAR1 at the end of a Parquet file: it is cut off, "
          + "copy or export it again"
      )
    }
  }
}
