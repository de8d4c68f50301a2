import Blocks
import Model
import Platform
import TestSupport
import Testing

/// Goal: a cursor finds what a lookup of each series finds, whatever the order. Method: a block of
/// 500 series with one to three groups each, over many pages of the index; seeded walks.
@Suite struct BlockCursorTests {
  private func block() throws -> BlockReader {
    let disk = FaultyDisk()
    try disk.createDirectory("blocks")
    let identity = BlockIdentity(
      partition: PartitionID(0),
      tenant: .default,
      epoch: Epoch(1),
      a: Offset(0),
      b: Offset(10),
      cut: 1,
      index: 0,
      count: 1
    )
    var writer = try BlockWriter(disk: disk, directory: "blocks", identity: identity)
    for number in 0..<500 {
      // One series has more groups than two pages hold.
      for part in 0..<(number == 250 ? 150 : number % 3 + 1) {
        writer.beginGroup(
          series: SeriesID(UInt32(number * 2)),
          fieldSet: FieldSetID(1),
          fields: [(FieldID(1), .integer)],
          timestamps: [Int64(part) * 10, Int64(part) * 10 + 5].span,
          isLate: false
        )
        writer.appendColumn([UInt64(number), 2].span, type: .integer)
        try writer.endGroup()
      }
    }
    let definitions = BlockDefinitions(tenant: .default, tenantName: Array("default".utf8))
    _ = try writer.finish(definitions: definitions, ledger: [])
    return try BlockReader.open(disk: disk, path: "blocks/" + identity.fileName)
  }

  @Test(arguments: UInt64(1)...5)
  func aWalkFindsWhatLookupsFind(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let block = try block()
    var cursor = BlockCursor(block)
    var series: Int64 = 0
    for _ in 0..<400 {
      // Forwards mostly, by steps of all sizes; every second id is of no series.
      switch Int.random(in: 0..<10, using: &random) {
      case 0: series = Int64.random(in: 0..<1_010, using: &random)
      case 1: series = max(0, series - Int64.random(in: 0..<50, using: &random))
      default: series += Int64.random(in: 0..<6, using: &random)
      }
      let id = SeriesID(UInt32(series))
      var found: [ChunkGroupEntry] = []
      try cursor.collect(id, into: &found)
      #expect(try found == block.groups(series: id), "seed \(seed) series \(series)")
    }
  }

  @Test func itsFileReadsWhatTheReaderReads() throws {
    let block = try block()
    var cursor = BlockCursor(block)
    for number in UInt32(0)..<500 {
      var found: [ChunkGroupEntry] = []
      try cursor.collect(SeriesID(number * 2), into: &found)
      for entry in found {
        var statistics = ReadStatistics()
        let range = TimeRange(start: 0, end: .max)
        let batch = try block.read(
          entry,
          fields: nil,
          range: range,
          through: cursor.file,
          statistics: &statistics
        )
        #expect(batch.timestamps == [entry.firstTimestamp, entry.lastTimestamp])
        #expect(batch.columns.map(\.cells) == [[UInt64(number), 2]])
      }
    }
  }
}
