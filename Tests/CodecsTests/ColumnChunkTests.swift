import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: whatever a column holds comes back bit for bit, and no damaged chunk traps.
@Suite struct ColumnChunkTests {
  static let numeric: [ColumnType] = [.float, .integer, .unsigned, .boolean]

  @Test(arguments: numeric, ChunkShapes.names)
  func everyShapeRoundTripsBitForBit(type: ColumnType, shape: String) throws {
    for (seed, count) in [1, 2, 3, 7, 8, 9, 59, 60, 61, 500, 4_097].enumerated() {
      let cells = ChunkShapes.cells(shape, type: type, count: count, seed: UInt64(seed))
      let bytes = encoded(cells, type)
      #expect(try decoded(bytes, type, count: count) == cells, "count \(count)")
      #expect(bytes.count <= longest(count))
    }
  }

  @Test(arguments: numeric, ChunkShapes.names)
  func everyStrengthRoundTripsBitForBit(type: ColumnType, shape: String) throws {
    for strength in [ChunkStrength.young, .cold] {
      for (seed, count) in [1, 2, 60, 128, 129, 1_024, 5_000].enumerated() {
        let cells = ChunkShapes.cells(shape, type: type, count: count, seed: UInt64(seed))
        let bytes = encoded(cells, type, strength: strength)
        #expect(try decoded(bytes, type, count: count) == cells, "\(strength) \(count)")
        #expect(bytes.count <= longest(count))
      }
    }
  }

  /// As they are, with the codec's byte and statistics.
  private func longest(_ count: Int) -> Int {
    let statistics = count < ChunkStatistics.valueCountMin ? 0 : ChunkStatistics.byteCountMax
    return 1 + 8 * count + (count == 1 ? 1 : 0) + statistics
  }

  @Test(arguments: numeric)
  func theLongestChunkRoundTrips(type: ColumnType) throws {
    let count = ColumnChunk.valueCountMax
    let cells = ChunkShapes.cells("noise", type: type, count: count, seed: 1)
    #expect(try decoded(encoded(cells, type), type, count: count) == cells)
  }

  @Test(arguments: UInt64(1)...100)
  func chunksBehindOneAnotherDoNotTouch(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var buffer = OutputBuffer()
    var ends: [Int] = []
    let columns = (0..<20).map { _ -> (ColumnType, [Cell]) in
      let type = Self.numeric[Int.random(in: 0..<4, using: &random)]
      let shape = ChunkShapes.names[Int.random(in: 0..<9, using: &random)]
      let count = Int.random(in: 1...90, using: &random)
      return (type, ChunkShapes.cells(shape, type: type, count: count, seed: random.next()))
    }
    for (type, cells) in columns {
      ColumnChunk.encode(cells.span, type: type, strings: StringArena(), into: &buffer)
      ends.append(buffer.count)
    }
    let bytes = buffer.array()
    var start = 0
    for ((type, cells), end) in zip(columns, ends) {
      #expect(try decoded(Array(bytes[start..<end]), type, count: cells.count) == cells)
      start = end
    }
  }

  @Test(arguments: numeric, ChunkShapes.names)
  func everyCutIsRefusedAndNoBitFlipTraps(type: ColumnType, shape: String) {
    let cells = ChunkShapes.cells(shape, type: type, count: 20, seed: 9)
    expectSoundRefusals(encoded(cells, type), count: 20) { bytes throws(ChunkError) in
      try decoded(bytes, type, count: 20)
    }
  }

  @Test(arguments: UInt64(1)...2_000)
  func noBytesTrap(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let codec = UInt8.random(in: 0...255, using: &random)
    let bytes =
      [codec]
      + (0..<Int.random(in: 0...40, using: &random)).map { _ in
        UInt8(truncatingIfNeeded: random.next())
      }
    for type in ColumnType.allCases {
      let count = Int.random(in: 1...200, using: &random)
      let cells = try? decoded(bytes, type, count: count)
      #expect(cells == nil || cells?.count == count)
    }
    _ = try? TimestampChunk.decode(bytes.span, count: Int.random(in: 1...200, using: &random))
  }

  @Test func aCodecOfAnotherTypeIsRefused() {
    #expect(throws: ChunkError.codec(3)) {
      try decoded([3] + Array(repeating: 0, count: 8), .integer, count: 1)
    }
    #expect(throws: ChunkError.codec(9)) { try decoded([9, 0], .float, count: 1) }
    #expect(throws: ChunkError.codec(0)) { try decoded([0], .float, count: 1) }
    #expect(throws: ChunkError.codec(11)) { try decoded([11], .string, count: 1) }
    #expect(throws: ChunkError.codec(0x80)) { try decoded([0x80], .string, count: 1) }
    #expect(throws: ChunkError.codec(2)) { try decoded([2], .boolean, count: 1) }
    #expect(throws: ChunkError.truncated) { try decoded([], .float, count: 1) }
  }
}
