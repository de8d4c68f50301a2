import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: columns whose values look like numbers of many bits but are something simpler cost what
/// that simpler thing does.
@Suite struct RepeatedValueTests {
  /// Chunks of one column, each by the choice of the one before.
  private func chunks(
    _ cells: [Cell],
    _ type: ColumnType,
    _ strength: ChunkStrength,
    rows: Int
  ) -> [[UInt8]] {
    var encoder = ColumnEncoder(strength: strength)
    var hint = ColumnHint()
    return stride(from: 0, to: cells.count, by: rows).map { start in
      var buffer = OutputBuffer()
      encoder.encode(
        cells.span.extracting(start..<min(cells.count, start + rows)),
        type: type,
        strings: StringArena(),
        hint: &hint,
        into: &buffer
      )
      return buffer.array()
    }
  }

  @Test(arguments: [ColumnType.float, .integer, .unsigned], [ChunkStrength.young, .cold])
  func statesThatLieFarApartAreADictionary(type: ColumnType, strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 1)
    let states = [200, 200, 200, 200, 301, 404, 500, 70_000]
    let cells = (0..<6_000).map { _ -> Cell in
      let state = states[Int(random.next() % 8)]
      return type == .float ? (Double(state) / 8).bitPattern : Cell(state)
    }
    for (number, chunk) in chunks(cells, type, strength, rows: 2_000).enumerated() {
      #expect(ChunkDescription(chunk.span)?.codec == .valueDictionary, "chunk \(number)")
      #expect(chunk.count * 8 <= 2_000 * 4, "chunk \(number)")
      let found = try decoded(chunk, type, count: 2_000)
      #expect(found == Array(cells[number * 2_000..<(number + 1) * 2_000]))
    }
  }

  @Test(arguments: [ChunkStrength.young, .cold])
  func statesThatAreNumbersStayNumbers(strength: ChunkStrength) {
    var random = SeededRandom(seed: 2)
    let cells = (0..<2_000).map { _ in Cell(random.next() % 4) }
    let chunk = encoded(cells, .integer, strength: strength)
    #expect(ChunkDescription(chunk.span)?.codec == .scaled)
  }

  /// A counter of seconds that a program adds up in a double: thousands of units off its decimals.
  @Test(arguments: ChunkStrength.allCases)
  func sumsOfDecimalsAreDecimalsAndADrift(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 3)
    var sum = 0.0
    for _ in 0..<100_000 { sum += 0.01 * Double(random.next() % 40) }
    let cells = (0..<6_000).map { _ -> Cell in
      sum += 0.01 * Double(random.next() % 40)
      return sum.bitPattern
    }
    let rows = strength == .head ? 60 : 2_000
    var byteCount = 0
    for (number, chunk) in chunks(cells, .float, strength, rows: rows).enumerated() {
      #expect(ChunkDescription(chunk.span)?.codec == .nearlyDecimal, "chunk \(number)")
      byteCount += chunk.count
      let found = try decoded(chunk, .float, count: rows)
      #expect(found == Array(cells[number * rows..<(number + 1) * rows]))
    }
    #expect(byteCount * 8 <= cells.count * 20)
  }
}
