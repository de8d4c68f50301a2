import Model
import TestSupport
import Testing

/// Goal: rows that were copied into an arena and decoded by tiles are the rows that came in.
@Suite struct RowArenaTests {
  @Test(arguments: UInt64(1)...60)
  func rowsOfManyRunsComeBackInOrder(seed: UInt64) throws {
    let samples = RowSamples(seed: seed, rowCount: 200)
    let batch = samples.batch()
    var random = SeededRandom(seed: seed &+ 1_000)
    // Every other arena lies in memory that an earlier one has left.
    let pool = RowSlabPool()
    if seed % 2 == 0 { fill(RowArena(pool: pool), batch) }
    #expect(pool.byteCount == (seed % 2 == 0 ? 1 << 20 : 0))
    let arena = RowArena(pool: pool)
    var runs = [RowRun](repeating: RowRun(), count: 3)
    var placed: [[Int]] = [[], [], []]
    var early: (reader: RowArena.Reader, run: RowRun, count: Int)?
    var reader = unsafe RowReader(batch)
    for row in samples.rows.indices {
      let (head, payload) = unsafe try #require(unsafe reader.next())
      let run = Int(random.next() % 3)
      unsafe arena.append(head, payload: payload, to: &runs[run])
      placed[run].append(row)
      if row == 100 { early = (arena.reader(), runs[0], placed[0].count) }
    }
    #expect(arena.rowCount == 200)
    for run in 0..<3 {
      var rows: [RowReference] = []
      arena.reader().collect(runs[run], index: run, into: &rows)
      #expect(rows.map(\.timestamp) == placed[run].map { samples.heads[$0].timestamp })
      #expect(rows.map(\.scaleTable) == placed[run].map { samples.heads[$0].scaleTable })
      #expect(rows.map(\.sequence) == placed[run].map { UInt64($0 + 1) })
      #expect(Int(runs[run].rowCount) == rows.count)
      check(rows[...], placed[run], samples)
    }
    // A snapshot still shows what it showed when it was taken.
    let snapshot = try #require(early)
    var rows: [RowReference] = []
    snapshot.reader.collect(snapshot.run, index: 0, into: &rows)
    #expect(rows.count == snapshot.count)
    check(rows[...], Array(placed[0].prefix(snapshot.count)), samples)
    withExtendedLifetime(arena) {}
  }

  /// Puts all rows of `batch` into `arena`, twice.
  private func fill(_ arena: RowArena, _ batch: RowBatch) {
    var run = RowRun()
    for _ in 0..<2 {
      var reader = unsafe RowReader(batch)
      while let (head, payload) = unsafe reader.next() {
        unsafe arena.append(head, payload: payload, to: &run)
      }
    }
  }

  @Test func memoryThatNobodyNeedsGoesBack() throws {
    let batch = RowSamples(seed: 7, rowCount: 200).batch()
    let pool = RowSlabPool()
    var arenas = (0..<3).map { _ in RowArena(pool: pool) }
    for arena in arenas { fill(arena, batch) }
    #expect(pool.byteCount == 0)
    arenas.removeAll()
    #expect(pool.byteCount == 3 << 20)
    // It came in this period, so it stays for the next; of that one a third is used.
    pool.settle()
    #expect(pool.byteCount == 3 << 20)
    fill(RowArena(pool: pool), batch)
    pool.settle()
    #expect(pool.byteCount == 1 << 20)
    pool.settle()
    #expect(pool.byteCount == 0)
  }

  /// Decodes `rows` by tiles and compares with what was put in.
  private func check(_ rows: ArraySlice<RowReference>, _ placed: [Int], _ samples: RowSamples) {
    var tile = RowTile(rows, types: samples.types) { _ in samples.divisors }
    var column = 0
    var cells: [Cell] = []
    while tile.columnsLeft > 0 {
      let count = min(RowTile.columnCountMax, tile.columnsLeft)
      if column % 3 == 2 {
        tile.skip(count)
        column += count
        continue
      }
      var strings = StringArena()
      tile.next(count, into: &cells, strings: &strings)
      for (place, row) in placed.enumerated() {
        let expected = samples.expected(row)
        for offset in 0..<count {
          let cell = cells[offset * placed.count + place]
          let isEqual =
            switch expected[column + offset] {
            case .cell(let wanted): cell == wanted
            case .string(let bytes): strings.slice(cell).map(Array.init) == bytes
            }
          if !isEqual { Issue.record("row \(row), column \(column + offset)") }
        }
      }
      column += count
    }
    #expect(tile.damagedRowCount == 0)
  }

  @Test func aRunKnowsItsOrderAndSpan() {
    let arena = RowArena()
    var run = RowRun()
    for timestamp in [5, 9, 12] as [Timestamp] { append(timestamp, to: &run, in: arena) }
    #expect(run.isAscending)
    #expect(run.oldest == 5 && run.newest == 12)
    append(12, to: &run, in: arena)
    #expect(!run.isAscending)
    append(3, to: &run, in: arena)
    #expect(run.oldest == 3 && run.newest == 12)
  }

  private func append(_ timestamp: Timestamp, to run: inout RowRun, in arena: RowArena) {
    let head = RowHead(layout: LayoutID(1), timestamp: timestamp, scaleTable: .zero)
    unsafe [UInt8(0)].withUnsafeBytes { unsafe arena.append(head, payload: $0, to: &run) }
  }
}

@Suite struct StringArenaTests {
  @Test func stringsComeBackByTheirCells() {
    var arena = StringArena()
    let words = ["", "a", "error: disk full", "ü"].map { Array(text: $0) }
    let cells = words.compactMap { arena.append($0) }
    #expect(cells.compactMap { arena.slice($0).map(Array.init) } == words)
  }

  @Test func cellsOfAnotherArenaAreRefused() {
    var arena = StringArena()
    _ = arena.append([1, 2, 3])
    #expect(arena.slice(0 << 32 | 4) == nil)
    #expect(arena.slice(4 << 32 | 0) == nil)
    #expect(arena.slice(.max) == nil)
    #expect(arena.slice(3 << 32 | 0)?.isEmpty == true)
    arena.removeAll()
    #expect(arena.slice(0 << 32 | 1) == nil)
  }
}
