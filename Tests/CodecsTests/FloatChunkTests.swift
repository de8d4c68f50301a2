import Bytes
import Codecs
import Model
import TestSupport
import Testing

@Suite struct FloatChunkTests {
  static let shapes: [(name: String, values: [Double], byteCount: Int)] = [
    ("one zero", [0], 1),
    ("all zero", Array(repeating: 0, count: 60), 1),
    ("all 100", Array(repeating: 100, count: 60), 3),
    ("all 0.1", Array(repeating: 0.1, count: 60), 9),
    ("minus zero", [-0.0, -0.0], 2),
    // Codec, first value, 59 codes: one of 13 + 11 bits and 58 of one bit.
    ("one step", [1] + Array(repeating: 2, count: 59), 1 + 8 + (24 + 58 + 7) / 8),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(name: String, values: [Double], byteCount: Int) throws {
    let cells = values.map(\.bitPattern)
    let bytes = encoded(cells, .float)
    #expect(bytes.count == byteCount)
    #expect(try decoded(bytes, .float, count: cells.count) == cells)
  }

  @Test func goldenBytesNeverChange() throws {
    // 1, 1, 2, 4, 1.5: a repeat, three new windows or reuses.
    let cells = [1.0, 1, 2, 4, 1.5].map(\.bitPattern)
    #expect(Hex.text(encoded(cells, .float)) == "03000000000000f03f0ecaff0bc061e97f")
  }

  @Test func noiseFallsBackToRaw() {
    let cells = ChunkShapes.cells("noise", type: .float, count: 60, seed: 3)
    let bytes = encoded(cells, .float)
    #expect(bytes[0] == ChunkCodec.raw.rawValue)
    #expect(bytes.count == 1 + 8 * 60)
  }

  @Test func aWindowThatCannotBeIsRefused() {
    // `10` before any window; then leading 31 and 64 bits, which is 95.
    let first = [UInt8](repeating: 0, count: 8)
    #expect(throws: ChunkError.malformed(.window)) {
      try decoded([3] + first + [0b01], .float, count: 2)
    }
    #expect(throws: ChunkError.malformed(.window)) {
      try decoded([3] + first + [0xff, 0xff] + first, .float, count: 2)
    }
  }

  @Test func aConstantHasOneForm() {
    #expect(throws: ChunkError.malformed(.constant)) { try decoded([1, 0], .float, count: 2) }
    #expect(throws: ChunkError.malformed(.constant)) { try decoded([1, 2], .boolean, count: 2) }
    #expect(throws: ChunkError.trailing) {
      try decoded([1] + Array(repeating: 1, count: 9), .float, count: 2)
    }
  }
}
