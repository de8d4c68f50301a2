import Blocks
import Bytes
import Catalog
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: an answer from what chunks say of themselves is the answer from their values, to the last
/// bit. Method: blocks of long groups; each query is asked twice, the second time with a condition
/// that every row meets, for then every row is decoded.
@Suite struct StatisticsQueryTests {
  static let second = Nanoseconds.perSecond
  static let fields = [
    FieldName(name: Array("decimal".utf8), type: .float),
    FieldName(name: Array("odd".utf8), type: .float),
    FieldName(name: Array("wide".utf8), type: .integer),
    FieldName(name: Array("total".utf8), type: .unsigned),
    FieldName(name: Array("up".utf8), type: .boolean),
    FieldName(name: Array("same".utf8), type: .float),
    FieldName(name: Array("row".utf8), type: .integer),
  ]
  static let start = noon - 10 * 3_600 * second

  let disk = FaultyDisk()
  var store: RealStore
  let layout: ResolvedLayout

  /// One server, groups of 720 rows at ten seconds: two hours each, from 02:00 on.
  init() throws {
    store = try RealStore(disk: disk, directory: "data")
    layout = try store.define("a", fields: Self.fields)
    for number in 0..<5 {
      try store.cut([(layout.series, try batch(number * 720, seed: UInt64(number)))])
    }
  }

  private func batch(_ first: Int, seed: UInt64, rowCount: Int = 720) throws -> ColumnBatch {
    var random = SeededRandom(seed: seed)
    var batch = ColumnBatch()
    batch.timestamps = (first..<first + rowCount).map { Self.start + Int64($0) * 10 * Self.second }
    let measurement = try #require(
      store.catalog.measurement(tenant: .default, named: Array("node".utf8))
    )
    let definitions = store.catalog.fields(of: measurement).sorted { $0.id < $1.id }
    for definition in definitions {
      let cells = (0..<rowCount).map { row -> Cell in
        Self.cell(String(decoding: definition.name, as: UTF8.self), first + row, &random)
      }
      batch.columns.append(
        ColumnBatch.Column(field: definition.id, type: definition.type, cells: cells)
      )
    }
    return batch
  }

  private static func cell(_ name: String, _ row: Int, _ random: inout SeededRandom) -> Cell {
    switch name {
    case "decimal": (Double(Int64.random(in: -500...9_000, using: &random)) / 10).bitPattern
    case "odd": odd(row, &random)
    case "wide": UInt64(bitPattern: .max - Int64.random(in: 0...9, using: &random))
    case "total": UInt64.max - UInt64.random(in: 0...9, using: &random)
    case "up": UInt64.random(in: 0...1, using: &random)
    case "same": (0.1).bitPattern
    default: UInt64(row)
    }
  }

  /// Thirds, and in some groups what no sum likes.
  private static func odd(_ row: Int, _ random: inout SeededRandom) -> Cell {
    let value = Double(Int64.random(in: -99...99, using: &random)) / 3
    switch (row / 720, row % 720) {
    case (1, 5): return 1 << 63
    case (2, 7): return 0x7ff8_0000_0000_0001
    case (3, 1): return Double.infinity.bitPattern
    case (3, 700): return (-Double.infinity).bitPattern
    case (4, _): return row % 2 == 0 ? (value * 1e300).bitPattern : 0
    default: return value.bitPattern
    }
  }

  static let range = "measurement=node&start=2026-01-31T00:00:00Z&end=2026-02-01T00:00:00Z"
  static let all = "&agg=count,sum,min,max,avg,first,last"

  @Test(arguments: ["2h", "4h", "12h", "24h", "3h", "7200s", "9001s"])
  func statisticsAnswerAsValuesDo(step: String) throws {
    let query = Self.range + Self.all + "&step=\(step)"
    let short = try store.run(query, usesRing: false)
    let long = try store.run(query + "&where=row>=0", usesRing: false)
    #expect(short.dataJSON == long.dataJSON)
    #expect(short.warnings.isEmpty)
    #expect(long.statistics.chunksDecoded > 0)
    // Groups begin at even hours.
    guard ["2h", "4h", "12h", "24h", "7200s"].contains(step) else { return }
    #expect(short.statistics.chunksFromStatistics == 5 * Self.fields.count)
    #expect(short.statistics.chunksDecoded == 0)
  }

  @Test func aGroupThatIsCutIsDecoded() throws {
    let cut = "measurement=node&start=2026-01-31T02:00:10Z&end=2026-01-31T11:59:50Z"
    let query = cut + Self.all + "&step=9h59m40s"
    let short = try store.run(query, usesRing: false)
    let long = try store.run(query + "&where=row>=0", usesRing: false)
    #expect(short.dataJSON == long.dataJSON)
  }

  @Test mutating func rowsThatCameLateCountAndStatisticsBesideThemDoNot() throws {
    var late = try batch(1_000, seed: 99, rowCount: 3)
    late.timestamps[1] += Self.second
    late.timestamps[2] += 2 * Self.second
    store.open[layout.series] = OpenRows(late: [late], rowCount: 3)
    let query = Self.range + Self.all + "&step=24h"
    let short = try store.run(query, usesRing: false)
    let long = try store.run(query + "&where=row>=0", usesRing: false)
    #expect(short.dataJSON == long.dataJSON)
    #expect(short.statistics.chunksFromStatistics == 4 * Self.fields.count)
    store.open = [:]
    try store.cut([(layout.series, late)])
    let sealed = try store.run(query, usesRing: false)
    #expect(sealed.dataJSON == short.dataJSON)
    #expect(sealed.statistics.chunksFromStatistics == 4 * Self.fields.count)
  }

  @Test func theNewestRowIsNotDecoded() throws {
    let newest = try store.run(Self.range + "&newest=1", usesRing: false)
    let all = try store.run(Self.range, usesRing: false)
    #expect(newest.statistics.chunksDecoded == 0)
    #expect(newest.statistics.chunksFromStatistics == Self.fields.count)
    let last = RangeQueryModelTests.points(all).filter { $0.timestamp == noon - 10 * Self.second }
    #expect(RangeQueryModelTests.points(newest) == last)
  }

  @Test(arguments: ["decimal", "odd", "wide", "total", "up"])
  func conditionsPassOverWhatCannotMatch(field: String) throws {
    let values: [String] =
      switch field {
      case "up": ["true", "false"]
      case "wide": ["9223372036854775807", "9223372036854775797", "0", "9.3e18"]
      case "total": ["18446744073709551615", "18446744073709551605", "0", "1.9e19"]
      default: ["0", "-50", "899.9", "900", "900.1", "1e301", "-1e301", "33"]
      }
    let raw = try store.run(Self.range + "&field=\(field)&limit=100000", usesRing: false)
    let points = RangeQueryModelTests.points(raw)
    for value in values {
      for comparison in field == "up" ? ["=", "!="] : ["<", "<=", ">", ">=", "=", "!="] {
        let query = Self.range + "&field=\(field)&limit=100000&where=\(field)\(comparison)\(value)"
        let found = RangeQueryModelTests.points(try store.run(query, usesRing: false))
        let complement = ["<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="]
        let rest = complement[comparison] ?? ""
        let others = RangeQueryModelTests.points(
          try store.run(
            Self.range + "&field=\(field)&limit=100000&where=\(field)\(rest)\(value)",
            usesRing: false
          )
        )
        // NaN meets neither of an order's two sides.
        let isOrder = comparison != "=" && comparison != "!="
        let missing = field == "odd" && isOrder ? 1 : 0
        #expect(found.count + others.count + missing == points.count, "\(comparison)\(value)")
      }
    }
  }

  @Test func aConditionThatNothingMeetsDecodesNothing() throws {
    for condition in ["decimal>900", "wide<0", "row>=3600", "decimal<5&where=row>9999"] {
      let query = Self.range + "&where=\(condition)"
      let answer = try store.run(query, usesRing: false)
      #expect(answer.series.isEmpty, "\(condition)")
      #expect(answer.statistics.chunksDecoded == 0, "\(condition)")
    }
    let some = try store.run(Self.range + "&field=up&where=row=800", usesRing: false)
    #expect(some.statistics.chunksDecoded == 2)
  }

  @Test func aLieOfAChunkIsFound() throws {
    let path = store.blocks[0].path
    // The store's definitions name no field sets, which is another matter.
    let sound = BlockChecker.check(disk: disk, path: path)
    #expect(!sound.contains { $0.what.contains("statistics") })
    let entry = try #require(try store.blocks[0].entries().first)
    let whole = try #require(disk.files[path])
    var lies = 0
    for place in entry.offset + 36..<entry.offset + entry.byteCount where whole[place] == 14 {
      // The low bits of what the last value lies above the least one, or nearby.
      disk.damage(path) { bytes in
        bytes = whole
        bytes[place + 4] ^= 1
        let body = Array(bytes[entry.offset + 36..<entry.offset + entry.byteCount])
        mend(&bytes, entry.offset + 28, CRC32C.checksum(body))
        let head = Array(bytes[entry.offset..<entry.offset + 32])
        mend(&bytes, entry.offset + 32, CRC32C.checksum(head))
      }
      let damages = BlockChecker.check(disk: disk, path: path)
      if damages.contains(where: { $0.what.contains("statistics") }) { lies += 1 }
    }
    #expect(lies >= Self.fields.count - 1)
  }

  private func mend(_ bytes: inout [UInt8], _ place: Int, _ checksum: UInt32) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index)) }
  }
}
