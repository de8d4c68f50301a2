import Bytes
import Codecs
import Model
import TestSupport
import Testing

@Suite struct StringChunkTests {
  static let shapes: [(name: String, words: [String], codec: ChunkCodec, byteCount: Int)] = [
    ("one", ["ok"], .constant, 3),
    ("empty", ["", ""], .constant, 1),
    ("all one", Array(repeating: "running", count: 60), .constant, 8),
    // Count, lengths, 6 + 7 bytes of text, 60 indexes of one bit.
    (
      "two states", (0..<60).map { $0 % 2 == 0 ? "paused" : "running" }, .dictionary,
      1 + 1 + 4 + 13 + 11
    ),
    ("all different", (0..<60).map { "v\($0 + 10)" }, .strings, 1 + 3 + 180),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(
    name: String,
    words: [String],
    codec: ChunkCodec,
    byteCount: Int
  ) throws {
    let bytes = encodedStrings(words)
    #expect(bytes[0] == codec.rawValue)
    #expect(bytes.count <= byteCount)
    #expect(try decodedStrings(bytes, count: words.count) == words.map { Array($0.utf8) })
  }

  @Test func longTextIsCompressedWhenCold() throws {
    let words = (0..<500).map { "GET /api/v1/range?server=s\($0 * 7 % 1_000) took \($0) ms" }
    let bytes = encodedStrings(words, strength: .cold)
    #expect(bytes[0] == ChunkCodec.compressedStrings.rawValue)
    #expect(bytes.count < 5_000)
    #expect(try decodedStrings(bytes, count: 500) == words.map { Array($0.utf8) })
    #expect(throws: ChunkError.self) { try decodedStrings(Array(bytes.dropLast()), count: 500) }
  }

  @Test(arguments: [1, 2, 3, 16, 200], UInt64(1)...5)
  func seededStringsRoundTrip(distinct: Int, seed: UInt64) throws {
    let (cells, arena) = ChunkShapes.strings(count: 400, distinct: distinct, seed: seed)
    let bytes = encoded(cells, .string, arena)
    let expected = cells.map { Array(arena.slice($0) ?? []) }
    #expect(try decodedStrings(bytes, count: 400) == expected)
  }

  @Test(arguments: [1, 3, 20])
  func everyCutIsRefusedAndNoBitFlipTraps(distinct: Int) {
    let (cells, arena) = ChunkShapes.strings(count: 20, distinct: distinct, seed: 2)
    let bytes = encoded(cells, .string, arena)
    if distinct == 1 { return }  // A constant is as long as its chunk: a longer one is another.
    expectSoundRefusals(bytes, count: 20) { bytes throws(ChunkError) in
      try decodedStrings(bytes, count: 20)
    }
  }

  @Test func decodingAddsToWhatTheArenaHolds() throws {
    var arena = StringArena()
    let before = arena.append(Array("before".utf8)) ?? 0
    let bytes = encodedStrings(["a", "bb", "a", "bb", "a", "bb", "a", "bb", "a"])
    let cells = try ColumnChunk.decode(bytes.span, type: .string, count: 9, strings: &arena)
    #expect(arena.slice(before).map(Array.init) == Array("before".utf8))
    #expect(arena.slice(cells[1]).map(Array.init) == Array("bb".utf8))
    #expect(arena.bytes.count == 9)
  }

  @Test func stringsThatCollideCostBytesAndNotTime() throws {
    // A table that is probed without a bound would compare 30,000 strings with each other.
    let words = (0..<30_000).map { "collision-\($0 % 15_000)" }
    let bytes = encodedStrings(words)
    #expect(try decodedStrings(bytes, count: words.count).count == words.count)
  }

  @Test func countsAreCheckedBeforeTheyAreBelieved() {
    #expect(throws: ChunkError.malformed(.distinctCount)) {
      try decodedStrings([9, 0xff, 0xff, 0xff, 0xff, 0x0f], count: 3)
    }
    #expect(throws: ChunkError.malformed(.length)) {
      try decodedStrings([10, 3, 0xfe, 0xff, 0xff, 0xff, 0x0f], count: 1)
    }
    #expect(throws: ChunkError.malformed(.length)) {
      try decodedStrings([12, 3, 0xfe, 0xff, 0xff, 0xff, 0x0f], count: 1)
    }
    // Three empty strings and an index of 3.
    #expect(throws: ChunkError.malformed(.index)) {
      try decodedStrings([9, 3, 3, 0, 3, 6], count: 3)
    }
  }
}
