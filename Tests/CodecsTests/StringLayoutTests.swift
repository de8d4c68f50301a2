import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: some rows of a string chunk decode to what they decode to with all others, and nothing but
/// their text is copied.
@Suite struct StringLayoutTests {
  private static func text(_ random: inout SeededRandom, _ byteCount: Int) -> [UInt8] {
    (0..<byteCount).map { _ in UInt8.random(in: 97...104, using: &random) }
  }

  /// Strings of every codec: one, few, many of their own, and many that are compressed.
  private static func sample(_ form: Int, seed: UInt64) -> (words: [[UInt8]], chunk: [UInt8]) {
    var random = SeededRandom(seed: seed)
    let distinct = form == 0 ? 1 : form == 1 ? 5 : 90
    let pool = (0..<distinct).map { _ in
      text(&random, Int.random(in: 0...40, using: &random))
    }
    let words = (0..<90).map { form > 1 ? pool[$0] : pool[Int(random.next() % UInt64(distinct))] }
    var arena = StringArena()
    let cells = words.map { arena.append($0) ?? 0 }
    var buffer = OutputBuffer()
    ColumnChunk.encode(
      cells.span,
      type: .string,
      strings: arena,
      strength: form == 3 ? .cold : .head,
      into: &buffer
    )
    return (words, buffer.array())
  }

  private static func ranges(_ random: inout SeededRandom) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var row = Int.random(in: 0...20, using: &random)
    while row < 90 {
      let end = min(90, row + Int.random(in: 1...30, using: &random))
      ranges.append(row..<end)
      row = end + Int.random(in: 1...20, using: &random)
    }
    return ranges
  }

  @Test(arguments: 0...3, UInt64(1)...10)
  func someRowsAreWhatTheyAreAmongAll(form: Int, seed: UInt64) throws {
    let (words, chunk) = Self.sample(form, seed: seed)
    let codecs: [ChunkCodec] = [.constant, .dictionary, .strings, .compressedStrings]
    #expect(ChunkCodec(firstByte: chunk[0]) == codecs[form])
    let layout = try StringLayout(chunk.span, count: 90)
    var random = SeededRandom(seed: seed)
    let rows = Self.ranges(&random)
    var arena = StringArena()
    _ = arena.append([1, 2, 3])
    let cells = try layout.decode(chunk.span, rows: rows, into: &arena)
    #expect(cells.map { Array(arena.slice($0) ?? []) } == rows.flatMap { words[$0] })
    #expect(arena.bytes.count - 3 == layout.byteCount(of: rows))
    let wanted = rows.flatMap { words[$0] }
    let expected =
      form < 2
      ? Set(wanted).reduce(0) { $0 + $1.count } : wanted.reduce(0) { $0 + $1.count }
    #expect(arena.bytes.count - 3 == expected)
    for row in 0..<90 { #expect(Int(layout.byteCounts[layout.index(of: row)]) == words[row].count) }
  }

  @Test(arguments: [0, 2, 3], UInt64(1)...10)
  func rowsAreReadFromAChunkInPieces(form: Int, seed: UInt64) throws {
    let (words, chunk) = Self.sample(form, seed: seed)
    let layout = try StringLayout(chunk.span, count: 90)
    var random = SeededRandom(seed: seed)
    let start = Int.random(in: 0..<90, using: &random)
    let rows = start..<Int.random(in: start + 1...90, using: &random)
    var arena = StringArena()
    var asked = 0
    let cells = try layout.decode(rows: rows, into: &arena) { place in
      // Frames may come in any pieces.
      let place = form == 3 ? place.prefix(7) : place
      asked += place.count
      return Array(chunk[place])
    }
    #expect(cells.map { Array(arena.slice($0) ?? []) } == Array(words[rows]))
    if form == 2 { #expect(asked == arena.bytes.count) }
    #expect(throws: ChunkError.self) {
      if arena.bytes.isEmpty { throw ChunkError.truncated }
      _ = try layout.decode(rows: rows, into: &arena) { _ in nil }
    }
  }

  @Test func aLongFrameIsDecompressedPieceByPiece() throws {
    var random = SeededRandom(seed: 7)
    let words = (0..<40).map { _ in Self.text(&random, 60_000) }
    var arena = StringArena()
    let cells = words.map { arena.append($0) ?? 0 }
    var buffer = OutputBuffer()
    ColumnChunk.encode(
      cells.span,
      type: .string,
      strings: arena,
      strength: .cold,
      into: &buffer
    )
    let chunk = buffer.array()
    #expect(ChunkCodec(firstByte: chunk[0]) == .compressedStrings)
    let layout = try StringLayout(chunk.span, count: 40)
    for rows in [[0..<1], [39..<40], [3..<5, 20..<31, 38..<39], [0..<40]] {
      var some = StringArena()
      let found = try layout.decode(chunk.span, rows: rows, into: &some)
      #expect(found.map { Array(some.slice($0) ?? []) } == rows.flatMap { words[$0] })
      #expect(some.bytes.count == 60_000 * found.count)
    }
    var cut = Array(chunk.dropLast(chunk.count / 2))
    cut[cut.count - 1] ^= 1
    #expect(throws: ChunkError.self) {
      var some = StringArena()
      let layout = try StringLayout(cut.span, count: 40)
      _ = try layout.decode(cut.span, rows: [39..<40], into: &some)
    }
  }

  @Test(arguments: 0...3)
  func noBitFlipTraps(form: Int) {
    let (_, chunk) = Self.sample(form, seed: 3)
    for bit in 0..<min(chunk.count * 8, 4_000) {
      var bytes = chunk
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let layout = try? StringLayout(bytes.span, count: 90) else { continue }
      var arena = StringArena()
      _ = try? layout.decode(bytes.span, rows: [3..<4, 50..<60], into: &arena)
      if !StringLayout.needsAll(bytes.span) {
        _ = try? layout.decode(rows: 50..<60, into: &arena) { Array(bytes[$0]) }
      }
    }
  }
}
