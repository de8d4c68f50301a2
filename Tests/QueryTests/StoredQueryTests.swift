import Blocks
import Catalog
import Model
import Platform
import Query
import TestSupport
import Testing

/// Goal: real files are read as the fakes of the other tests promise. Method: a small store on a
/// disk in memory, asked with and without its ring, then with a damaged block.
@Suite struct StoredQueryTests {
  static let minute = Nanoseconds.perMinute
  static let fields = [
    FieldName(name: Array("load".utf8), type: .float),
    FieldName(name: Array("users".utf8), type: .integer),
    FieldName(name: Array("state".utf8), type: .string),
  ]

  let disk = FaultyDisk()
  var store: RealStore

  /// Two servers, three cuts of twenty minutes from 11:40 on, a row every ten seconds; the second
  /// server has no state.
  init() throws {
    store = try RealStore(disk: disk, directory: "data")
    let first = try store.define("a", fields: Self.fields)
    let second = try store.define("b", fields: Array(Self.fields.prefix(2)))
    for cut in 0..<3 {
      let start = noon + Int64(cut * 20 - 20) * Self.minute
      try store.cut([
        (first.series, try batch(from: start, server: 1, columns: 3)),
        (second.series, try batch(from: start, server: 2, columns: 2)),
      ])
    }
  }

  private func batch(from start: Timestamp, server: Int64, columns: Int) throws -> ColumnBatch {
    var batch = ColumnBatch(timestamps: (0..<120).map { start + $0 * 10_000_000_000 })
    let numbers = batch.timestamps.map { ($0 / 10_000_000_000) % 97 * server }
    let measurement = try #require(
      store.catalog.measurement(tenant: .default, named: Array("node".utf8))
    )
    for definition in store.catalog.fields(of: measurement).prefix(columns) {
      let cells = numbers.map { number -> Cell in
        switch definition.type {
        case .float: (Double(number) / 4).bitPattern
        case .string: batch.strings.append(Array("s\(number)".utf8)) ?? 0
        default: UInt64(bitPattern: number)
        }
      }
      batch.columns.append(
        ColumnBatch.Column(field: definition.id, type: definition.type, cells: cells)
      )
    }
    return batch
  }

  static let range = "measurement=node&start=2026-01-31T11:30:00Z&end=2026-01-31T13:00:00Z"
  static let all = "&agg=count,sum,min,max,avg,first,last"

  @Test(arguments: ["60s", "2m", "1h", "3h"])
  func windowsAndBlocksGiveTheSameAnswer(step: String) throws {
    for group in ["", "&group_by=none"] {
      let query = Self.range + Self.all + "&step=\(step)\(group)"
      let fromRing = try store.run(query)
      let fromBlocks = try store.run(query, usesRing: false)
      #expect(fromRing.dataJSON == fromBlocks.dataJSON)
      #expect(fromRing.statistics.chunksDecoded == 0)
      #expect(fromRing.statistics.ringWindows == 5 * 60)
      #expect(fromBlocks.statistics.chunksDecoded == 5 * 3)
      #expect(fromBlocks.statistics.ringWindows == 0)
      #expect(fromRing.warnings.isEmpty)
    }
  }

  @Test func rawPointsComeFromBlocks() throws {
    let answer = try store.run(Self.range + "&field=state&tag.server=a")
    let points = RangeQueryModelTests.points(answer)
    #expect(points.count == 360)
    let first = noon - 20 * Self.minute
    #expect(points.first?.timestamp == first)
    #expect(points.first?.value == .text(Array("s\((first / 10_000_000_000) % 97)".utf8)))
    #expect(answer.statistics.chunksDecoded == 3)
  }

  @Test func aGroupWithoutTheFieldIsNotRead() throws {
    let answer = try store.run(Self.range + "&field=state&step=7s")
    #expect(answer.series.count == 1)
    #expect(answer.statistics.chunksDecoded == 3)
  }

  @Test mutating func aDamagedBlockCostsItsRowsAndIsNamed() throws {
    let path = store.blocks[1].path
    disk.damage(path) { bytes in
      for index in bytes.count / 4..<bytes.count / 2 { bytes[index] ^= 0x55 }
    }
    try store.reopen(1)
    let answer = try store.run(Self.range + "&field=users&step=10s&agg=count", usesRing: false)
    #expect(answer.warnings.count == 1)
    #expect(answer.warnings.allSatisfy { $0.hasPrefix(path + ": the group at ") })
    // Windows of the same minutes still hold.
    let windows = try store.run(Self.range + "&field=users&step=1m&agg=count")
    #expect(windows.warnings.isEmpty)
    #expect(windows.statistics.ringWindows == 120)
  }

  @Test(arguments: [1, 2, 5, 1_000], [SystemError.Code.inputOutput, 13])
  func aDiskThatFailsIsAWarning(times: Int, code: Int32) throws {
    disk.fail(.read, times: times, code: code)
    let answer = try store.run(Self.range + "&field=users&step=10s&agg=count", usesRing: false)
    #expect(!answer.warnings.isEmpty)
    #expect(answer.warnings.allSatisfy { $0.contains(".block") })
    if times == 1_000 { #expect(answer.series.isEmpty) }
  }
}
