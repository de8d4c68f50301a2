import Bytes
import Codecs
import Model
import TestSupport
import Testing

@Suite struct IntegerChunkTests {
  static let shapes: [(name: String, values: [Int64], byteCount: Int)] = [
    ("one", [5], 2),
    ("all minus one", Array(repeating: -1, count: 60), 2),
    // Codec, first, base 10, width 0: a steady counter costs a header.
    ("steady", (0..<60).map { 1_000 + 10 * $0 }, 1 + 2 + 1 + 1),
    // Differences 1 and 2 above base 1: one bit each.
    ("two steps", [0, 1, 3, 4, 6, 7, 9, 10, 12], 1 + 1 + 1 + 1 + 1),
    ("end to end", [.min, .max, .min], 1 + 10 + 1 + 1),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(name: String, values: [Int64], byteCount: Int) throws {
    let cells = values.map { UInt64(bitPattern: $0) }
    for type in [ColumnType.integer, .unsigned] {
      let bytes = encoded(cells, type)
      if type == .integer { #expect(bytes.count == byteCount) }
      #expect(try decoded(bytes, type, count: cells.count) == cells)
    }
  }

  @Test func goldenBytesNeverChange() {
    // first 100, base −1 (zigzag 1), width 2; differences +1, −1, +2 are 2, 0, 3 above the base.
    #expect(encoded([100, 101, 100, 102], .integer) == [4, 0xc8, 0x01, 0x01, 0x02, 0b11_00_10])
  }

  @Test func aFarOutlierTakesVarints() throws {
    let cells = ChunkShapes.cells("counter with reset", type: .unsigned, count: 60, seed: 4)
    let bytes = encoded(cells, .unsigned)
    #expect(bytes.count < 60 * 8)
    #expect(try decoded(bytes, .unsigned, count: 60) == cells)
    let spike: [Cell] = (0..<60).map { $0 == 30 ? 1 << 40 : 7 }
    #expect(encoded(spike, .unsigned)[0] == ChunkCodec.varintDelta.rawValue)
  }

  @Test func aWidthBeyondAWordIsRefused() {
    #expect(throws: ChunkError.malformed(.width)) {
      try decoded([4, 0, 0, 65, 0], .integer, count: 2)
    }
  }

  @Test func bitsBehindTheLastValueAreRefused() {
    #expect(throws: ChunkError.trailing) { try decoded([4, 0, 0, 1, 0b10], .integer, count: 2) }
  }
}
