import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: what is written is read back, by series, field and time, touching no more than it must.
@Suite struct BlockTests {
  @Test(arguments: UInt64(1)...20)
  func everyGroupComesBack(seed: UInt64) throws {
    let disk = FaultyDisk(seed: seed)
    let groups = BlockSample.groups(seriesCount: Int(seed) * 7, seed: seed)
    let summary = try BlockSample.write(groups, to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))

    #expect(reader.summary == summary)
    #expect(reader.ledger == BlockSample.ledger)
    #expect(reader.damages == [])
    #expect(summary.groupCount == groups.count)
    #expect(summary.rowCount == groups.reduce(0) { $0 + UInt64($1.batch.timestamps.count) })
    #expect(summary.firstTimestamp == groups.compactMap(\.batch.timestamps.first).min())
    #expect(summary.lastTimestamp == groups.compactMap(\.batch.timestamps.last).max())
    #expect(summary.byteCount == (try disk.byteCount(of: path(summary))))

    let entries = try reader.entries()
    #expect(entries.count == groups.count)
    for (entry, group) in zip(entries, groups) {
      #expect(entry.series == group.series)
      #expect(entry.fieldSet == group.fieldSet)
      #expect(entry.isLate == group.isLate)
      #expect(try reader.all(entry).content == group.batch.content)
      // The second read takes the way of a verified group.
      #expect(try reader.all(entry).content == group.batch.content)
    }
    #expect(try reader.definitions() == BlockSample.definitions(of: groups))
  }

  @Test func aSeriesIsFoundAcrossPages() throws {
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 500, seed: 3, rowCountMax: 2)
    let summary = try BlockSample.write(groups, to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))
    for series in UInt32(0)...1_600 {
      let found = try reader.groups(series: SeriesID(series))
      let expected = groups.filter { $0.series.rawValue == series }
      #expect(found.map(\.fieldSet) == expected.map(\.fieldSet))
      #expect(found.map(\.firstTimestamp) == expected.map { $0.batch.timestamps[0] })
    }
  }

  @Test func aSeriesOfManyGroupsSpansPages() throws {
    let disk = FaultyDisk()
    let one = BlockSample.groups(seriesCount: 1, seed: 1, rowCountMax: 2)[0]
    let groups = Array(repeating: one, count: 200)
    let summary = try BlockSample.write(groups, to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))
    #expect(try reader.groups(series: one.series).map(\.ordinal) == Array(0..<200))
    #expect(try reader.groups(series: SeriesID(one.series.rawValue + 1)) == [])
    #expect(try reader.groups(series: SeriesID(one.series.rawValue - 1)) == [])
  }

  @Test(arguments: UInt64(1)...10)
  func rangesAndFieldsAreTrimmed(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 10, seed: seed)
    let summary = try BlockSample.write(groups, to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))
    for (entry, group) in zip(try reader.entries(), groups) {
      let bounds = (0..<2).map { _ in
        group.batch.timestamps.randomElement(using: &random).map {
          $0 + Int64.random(in: -1...1, using: &random)
        } ?? 0
      }.sorted()
      let range = TimeRange(start: bounds[0], end: bounds[1])
      let fields = [FieldID(400), FieldID(3), FieldID(77), FieldID(11)]
      var statistics = ReadStatistics()
      let batch = try reader.read(entry, fields: fields, range: range, statistics: &statistics)

      let rows = group.batch.timestamps.indices.filter {
        range.contains(group.batch.timestamps[$0])
      }
      var expected = ColumnBatch(timestamps: rows.map { group.batch.timestamps[$0] })
      for field in fields where !rows.isEmpty {
        for column in group.batch.columns where column.field == field {
          var part = column
          part.cells = rows.map { column.cells[$0] }
          expected.columns.append(part)
        }
      }
      expected.strings = group.batch.strings
      #expect(batch.content == expected.content)
      #expect(statistics.chunksDecoded == expected.columns.count)
    }
  }

  @Test func aWideGroupIsReadColumnByColumn() throws {
    let disk = FaultyDisk()
    var random = SeededRandom(seed: 1)
    let fields = (0..<2_000).map { (field: FieldID(UInt32($0 * 2)), type: ColumnType.float) }
    let timestamps = (0..<60).map { Int64($0) * Nanoseconds.perSecond }
    let columns = fields.map { _ in (0..<60).map { _ in random.next() } }
    try disk.createDirectory("wide")
    var writer = try BlockWriter(disk: disk, directory: "wide", identity: BlockSample.identity())
    writer.beginGroup(
      series: SeriesID(1),
      fieldSet: FieldSetID(1),
      fields: fields,
      timestamps: timestamps.span,
      isLate: false
    )
    for column in columns { writer.appendColumn(column.span, type: .float) }
    try writer.endGroup()
    let empty = BlockDefinitions(tenant: .default, tenantName: [])
    let summary = try writer.finish(definitions: empty, ledger: [])
    let reader = try BlockReader.open(disk: disk, path: "wide/\(summary.fileName)")
    let entry = try #require(try reader.groups(series: SeriesID(1)).first)

    var first = ReadStatistics()
    let wanted = [fields[1_999].field, fields[700].field]
    let range = BlockSample.everything
    let batch = try reader.read(entry, fields: wanted, range: range, statistics: &first)
    #expect(batch.columns.map(\.cells) == [columns[1_999], columns[700]])
    #expect(first == statistics(chunks: 2, bytes: entry.byteCount))

    var second = ReadStatistics()
    let again = try reader.read(entry, fields: wanted, range: range, statistics: &second)
    #expect(again.columns.map(\.cells) == batch.columns.map(\.cells))
    #expect(second.bytesRead < entry.byteCount / 50)
  }

  @Test func rowsOutsideTheRangeCostNoRead() throws {
    let disk = FaultyDisk()
    let groups = BlockSample.groups(seriesCount: 1, seed: 1)
    let summary = try BlockSample.write(groups, to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))
    let entry = try #require(try reader.entries().first)
    var statistics = ReadStatistics()
    let early = TimeRange(start: 0, end: entry.firstTimestamp)
    #expect(
      try reader.read(entry, fields: nil, range: early, statistics: &statistics).content
        == Content()
    )
    #expect(statistics == ReadStatistics())
    #expect(summary.meets(TimeRange(start: 0, end: summary.firstTimestamp)) == false)
    #expect(summary.meets(TimeRange(start: summary.lastTimestamp, end: .max)))
  }

  @Test func aBlockWithoutRowsTiles() throws {
    let disk = FaultyDisk()
    let summary = try BlockSample.write([], to: disk)
    let reader = try BlockReader.open(disk: disk, path: path(summary))
    #expect(reader.summary == summary)
    #expect(try reader.entries() == [])
    #expect(try reader.groups(series: SeriesID(5)) == [])
    #expect(BlockChecker.check(disk: disk, path: path(summary)) == [])
    #expect(summary.meets(BlockSample.everything) == false)
  }

  @Test func theWriterHoldsNoMoreThanItsBuffer() throws {
    let disk = FaultyDisk()
    let one = BlockSample.groups(seriesCount: 1, seed: 1, rowCountMax: 40)[0]
    try disk.createDirectory("big")
    var writer = try BlockWriter(disk: disk, directory: "big", identity: BlockSample.identity())
    var written = 0
    for _ in 0..<16_000 {
      writer.beginGroup(
        series: one.series,
        fieldSet: one.fieldSet,
        fields: one.fields,
        timestamps: one.batch.timestamps.span,
        isLate: false
      )
      for column in one.batch.columns {
        writer.appendColumn(column.cells.span, type: column.type, strings: one.batch.strings)
      }
      try writer.endGroup()
      let inFile = disk.files.values.reduce(0) { $0 + $1.count }
      #expect(inFile >= written)
      written = inFile
    }
    let summary = try writer.finish(definitions: BlockSample.definitions(of: [one]), ledger: [])
    #expect(summary.byteCount > 2 * BlockWriter.writeBufferByteCount)
    #expect(summary.byteCount - written < 2 * BlockWriter.writeBufferByteCount)
  }

  @Test func namesAreParsed() {
    let identity = BlockSample.identity(a: 16, b: 0xabcdef, tenant: 7)
    #expect(identity.fileName == "0000000000000010-0000000000abcdef-00000007.block")
  }

  private func path(_ summary: BlockSummary) -> String {
    Path.join(BlockSample.directory, summary.fileName)
  }

  private func statistics(chunks: Int, bytes: Int) -> ReadStatistics {
    var statistics = ReadStatistics()
    statistics.chunksDecoded = chunks
    statistics.groupsRead = 1
    statistics.bytesRead = bytes
    return statistics
  }
}
