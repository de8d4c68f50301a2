import Model
import TestSupport
import Testing

/// Goal: rows come out of the arena as they went in, in order of arrival, whatever their sizes and
/// however runs interleave. Method: seeded rows against a plain array.
@Suite struct RowArenaTests {
  @Test(arguments: UInt64(1)...50)
  func givesBackEveryRowInOrderOfArrival(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let arena = RowArena()
    var runs: [RowRun] = []
    var expected: [[(timestamp: Timestamp, scale: UInt32, values: [Int64])]] = Array(
      repeating: [],
      count: 7
    )
    let widths = (0..<7).map { _ in Int.random(in: 1...300, using: &random) }
    for _ in 0..<Int.random(in: 1...20, using: &random) {
      let rows = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        let layout = Int.random(in: 0..<7, using: &random)
        let timestamp =
          Bool.random(using: &random)
          ? Int64.random(in: 0...(1 << 62), using: &random)
          : Int64.random(in: 0...5, using: &random) * 1_000_000_000
        let values = (0..<widths[layout]).map { _ in
          Int64.random(in: -70_000...70_000, using: &random)
        }
        let scale = UInt32.random(in: 0...1, using: &random)
        expected[layout].append((timestamp, scale, values))
        return TestRow(
          layout: UInt32(layout),
          timestamp: timestamp,
          scale: scale,
          values: values.map { .scaled($0) }
        )
      }
      fill(arena, from: batch(of: rows), runs: &runs)
    }
    let reader = arena.reader()
    var sequences: Set<UInt64> = []
    for (layout, run) in runs.enumerated() {
      var found: [RowReference] = []
      reader.collect(run, index: layout, into: &found)
      #expect(found.map(\.timestamp) == expected[layout].map(\.timestamp), "seed \(seed)")
      #expect(found.map(\.scaleTable.rawValue) == expected[layout].map(\.scale))
      #expect(zip(found, found.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
      sequences.formUnion(found.map(\.sequence))
      #expect(run.oldest == (expected[layout].map(\.timestamp).min() ?? .max))
      #expect(run.newest == (expected[layout].map(\.timestamp).max() ?? .min))
      let ascending = zip(expected[layout], expected[layout].dropFirst()).allSatisfy {
        $0.timestamp < $1.timestamp
      }
      #expect(run.isAscending == ascending)
      guard !found.isEmpty else { continue }
      var tile = RowTile(
        found[...],
        types: Array(repeating: .integer, count: widths[layout])
      ) { _ in Array(repeating: 1, count: widths[layout]) }
      var cells: [Cell] = []
      var strings = StringArena()
      var column = 0
      while tile.columnsLeft > 0 {
        let count = min(RowTile.columnCountMax, tile.columnsLeft)
        tile.next(count, into: &cells, strings: &strings)
        for offset in 0..<count {
          for row in found.indices {
            #expect(
              Int64(bitPattern: cells[offset * found.count + row])
                == expected[layout][row].values[column + offset]
            )
          }
        }
        column += count
      }
      #expect(tile.damagedRowCount == 0)
    }
    #expect(sequences.count == expected.reduce(0) { $0 + $1.count })
  }

  @Test func aReaderSeesItsRowsWhileTheWriterGoesOn() {
    let arena = RowArena()
    var runs: [RowRun] = []
    let first = (0..<100).map { TestRow(timestamp: Int64($0), values: [.scaled(Int64($0))]) }
    fill(arena, from: batch(of: first), runs: &runs)
    let reader = arena.reader()
    let frozen = runs[0]
    let more = (100..<9000).map { TestRow(timestamp: Int64($0), values: [.scaled(Int64($0))]) }
    fill(arena, from: batch(of: more), runs: &runs)
    var rows: [RowReference] = []
    reader.collect(frozen, index: 0, into: &rows)
    #expect(rows.map(\.timestamp) == Array(0..<100))
    #expect(runs[0].rowCount == 9000)
  }

  @Test func narrowRowsStayDense() {
    let arena = RowArena()
    var runs: [RowRun] = []
    for second in 0..<60 {
      let rows = (0..<1000).map {
        TestRow(
          layout: UInt32($0),
          timestamp: Int64(second) * 1_000_000_000,
          values: [.scaled(1234)]
        )
      }
      fill(arena, from: batch(of: rows), runs: &runs)
    }
    // Head of 10 bytes, payload of 3; extents that double waste at most as much again.
    #expect(arena.byteCount < 60_000 * 28)
  }

  @Test func copiesOfARowAreSeenAsCopies() {
    let arena = RowArena()
    var runs: [RowRun] = []
    fill(
      arena,
      from: batch(of: [
        TestRow(timestamp: 5, values: [.scaled(7), .exact(9)]),
        TestRow(timestamp: 5, values: [.scaled(7), .exact(9)]),
        TestRow(timestamp: 5, values: [.scaled(8), .exact(9)]),
        TestRow(timestamp: 5, scale: 1, values: [.scaled(7), .exact(9)]),
      ]),
      runs: &runs
    )
    var rows: [RowReference] = []
    arena.reader().collect(runs[0], index: 0, into: &rows)
    #expect(rows[0].hasSamePayload(as: rows[1]))
    #expect(!rows[0].hasSamePayload(as: rows[2]))
    #expect(!rows[0].hasSamePayload(as: rows[3]))
  }
}
