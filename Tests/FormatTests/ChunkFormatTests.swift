import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Fixtures/format-v1/chunk.bin opens for ever, and the same columns still make the same bytes.
///
///     chunk := | type u8: 0 for timestamps | values u16 | bytes u32 | chunk |
@Suite struct ChunkFormatTests {
  static let fixture = "format-v1/chunk.bin"
  static let second = Nanoseconds.perSecond
  static let start: Timestamp = 1_795_373_340 * second

  static let timestamps: [[Timestamp]] = [
    [start],
    (0..<60).map { start + $0 * second },
    (0..<60).map { start + $0 * second + ($0 * 7 % 5) * 1_000_000 },
    (0..<60).map { start + $0 * second + ($0 * $0 * 977 % 10_007) },
    [0, 1, .max],
  ]

  static let columns: [(ColumnType, [Cell])] = [
    (.float, Array(repeating: 0, count: 60)),
    (.float, (0..<60).map { (Double(20 + $0 * 7 % 13) / 10).bitPattern }),
    (.float, (0..<60).map { Double(1_000_000 + 1_013 * $0).bitPattern }),
    (.float, [0x7ff8_0000_0000_0001, 0xfff0_dead_beef_0001, 1 << 63, 0, 0x7ff0_0000_0000_0000]),
    (.float, (1..<30).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 }),
    (.integer, (0..<60).map { UInt64(bitPattern: 100 - $0 * 10) }),
    (.integer, (0..<60).map { UInt64(bitPattern: 1_000 * $0 - $0 * $0 % 17) }),
    (.integer, (0..<60).map { $0 == 30 ? 0 : UInt64(1 << 50 + $0) }),
    (.integer, [1 << 63, (1 << 63) - 1, 0]),
    (.unsigned, [.max, 0, .max]),
    (.unsigned, [7, 7, 7]),
    (.boolean, (0..<20).map { UInt64($0 * $0 % 3 % 2) }),
    (.boolean, [1, 1, 1]),
  ]

  private static func floats(_ count: Int, _ value: (Int) -> Double) -> [Cell] {
    (0..<count).map { value($0).bitPattern }
  }

  private static func words(_ count: Int, _ value: (Int) -> Int) -> [Cell] {
    (0..<count).map { UInt64(value($0)) }
  }

  /// A counter with one step far off; pages; bent decimals; percent of one total; ratios; doubles;
  /// long repeats.
  static let found: [(ColumnType, [Cell])] = [
    (.float, floats(300) { Double($0 * 1_000 + $0 % 7) + ($0 == 200 ? 1e12 : 0) }),
    (.float, floats(60) { Double(4_096 * (9_000 + $0 * $0 % 37)) }),
    (.float, floats(60) { (Double(1_200 + $0 * 7 % 100) / 1_000).nextUp }),
    (.float, floats(60) { 100 * Double(3_000_000 + $0 * 7 % 999) / 6_171_023 }),
    (.float, floats(60) { 2.0.squareRoot() * Double($0 * $0 % 7) }),
    (.float, floats(60) { 100 * Double($0 * 7 % 90) / Double(197 + $0 * $0 % 5) }),
    (.float, floats(60) { (1 + Double($0 * $0 * 977 % 1_009) / 1_009.5).squareRoot() }),
    (.integer, words(1_000) { $0 / 400 }),
  ]

  /// Columns of cold chunks, whose entropy coder the others lack.
  static let cold: [(ColumnType, [Cell])] = [
    (.float, floats(600) { Double(($0 * $0 * 31) % 97 * ($0 * 13 % 7)) / 10 }),
    (.integer, words(600) { $0 * 4_000_000_000 + ($0 * $0 % 1_009) * ($0 % 11) }),
    (.unsigned, words(600) { ($0 * $0 % 31) * ($0 * $0 % 31) * 12 }),
  ]

  /// Few doubles; numbers between 0 and 1 in steps of 2^−53; doubles of both signs; doubles over
  /// six binades; doubles over many, in coarse tokens.
  static let doubles: [(ColumnType, [Cell], ChunkStrength)] = [
    (.float, floats(60) { Double(2 + $0 * $0 % 7).squareRoot() }, .head),
    (.float, floats(60) { unit($0) }, .head),
    (.float, floats(60) { (bell($0) - 6) * 0.7.squareRoot() }, .head),
    (.float, floats(60) { 1 / (0.02 + bell($0) / 12) }, .head),
    (.float, floats(1_200) { 100 * unit($0) }, .cold),
  ]

  private static func unit(_ index: Int) -> Double {
    var mixed = UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    return Double(mixed >> 11) * 0x1p-53
  }

  /// Around 6, about normal with deviation 1.
  private static func bell(_ index: Int) -> Double {
    (0..<12).reduce(0.0) { $0 + unit(index * 12 + $1) }
  }

  /// Gorilla's codec, which the writer takes where doubles repeat: 1, 1, 2, 4, 1.5.
  static let xorCells: [Cell] = [1.0, 1, 2, 4, 1.5].map(\.bitPattern)
  static let xorChunk: [UInt8] = Hex.bytes("03000000000000f03f0ecaff0bc061e97f")

  static let texts: [[String]] = [
    ["running"], ["", ""], (0..<30).map { $0 % 7 == 0 ? "degraded" : "ok" },
    (0..<10).map { "line \($0 * $0)\n" },
  ]

  @Test func writerStillWritesTheFixture() throws {
    #expect(try Fixtures.matches(Self.fixture, Self.file()))
  }

  /// The second one is of the time before doubles had codecs of their own, the third one of the
  /// time before long chunks had statistics.
  @Test(arguments: [fixture, "format-v1/chunk-decimal.bin", "format-v1/chunk-plain.bin"])
  func fixtureStillHoldsTheColumns(name: String) throws {
    let bytes = try Fixtures.bytes(name)
    var reader = ByteReader(bytes.span)
    for expected in Self.timestamps {
      let (type, count, chunk) = try next(&reader)
      #expect(type == 0)
      #expect(try TimestampChunk.decode(chunk.span, count: count) == expected)
    }
    for (type, expected) in Self.columns + Self.found {
      let (code, count, chunk) = try next(&reader)
      #expect(code == type.rawValue)
      var strings = StringArena()
      let cells = try ColumnChunk.decode(chunk.span, type: type, count: count, strings: &strings)
      #expect(cells == expected)
    }
    for (type, expected) in Self.cold {
      let (code, count, chunk) = try next(&reader)
      #expect(code == type.rawValue)
      let description = ChunkDescription(chunk.span)
      #expect(description?.isEntropyCoded == true)
      var strings = StringArena()
      let cells = try ColumnChunk.decode(chunk.span, type: type, count: count, strings: &strings)
      #expect(cells == expected)
    }
    let (_, count, xor) = try next(&reader)
    var none = StringArena()
    #expect(
      try ColumnChunk.decode(xor.span, type: .float, count: count, strings: &none)
        == Self.xorCells
    )
    for expected in Self.texts {
      let (code, count, chunk) = try next(&reader)
      #expect(code == ColumnType.string.rawValue)
      var strings = StringArena()
      let cells = try ColumnChunk.decode(chunk.span, type: .string, count: count, strings: &strings)
      #expect(cells.map { String(decoding: strings.slice($0) ?? [], as: UTF8.self) } == expected)
    }
    for (type, expected, strength) in Self.doubles where name == Self.fixture {
      let (code, count, chunk) = try next(&reader)
      #expect(code == type.rawValue)
      if strength == .cold { #expect(ChunkDescription(chunk.span)?.isCoarse == true) }
      var strings = StringArena()
      let cells = try ColumnChunk.decode(chunk.span, type: type, count: count, strings: &strings)
      #expect(cells == expected)
    }
    #expect(reader.remaining == 0)
  }

  @Test func everyCodecOfOursIsInTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    var reader = ByteReader(bytes.span)
    var codecs: Set<ChunkCodec> = []
    while reader.remaining > 0 {
      let chunk = try next(&reader).chunk
      let description = ChunkDescription(chunk.span)
      codecs.insert(try #require(description).codec)
      if description?.hasStatistics == true { codecs.insert(.statistics) }
    }
    // Frames are another library's bytes, which may change with its version.
    let missing = Set(ChunkCodec.allCases).subtracting(codecs)
    #expect(missing == [.zstd, .compressedStrings], "\(missing)")
  }

  @Test func framesStillOpen() throws {
    let cells: [Cell] = (0..<64).map { UInt64($0 % 5) &* 0x9e37_79b9_7f4a_7c15 }
    var strings = StringArena()
    let frame: [UInt8] = Hex.bytes(Self.frame)
    #expect(
      try ColumnChunk.decode(([8] + frame).span, type: .float, count: 64, strings: &strings)
        == cells
    )
  }

  /// The cells of the test above in a frame of zstd 1.5.4.
  static let frame =
    "28b52ffd6000016d010024020000157c4a7fb979379e2af894fe72f36e3c3f74df7d2c6da6da54f0"
    + "29fde5e6dd780200a85e4a3d0c6001"

  @Test func pageShowsTheBytes() throws {
    let page = try FormatPage("chunk.md")
    #expect(page.shows(Self.timestampChunk([5, 6, 7, 10, 11].map { $0 * Self.second })))
    #expect(page.shows(Self.chunk(.float, [20.5, 20.7, 20.4, 20.9, 21].map(\.bitPattern))))
    #expect(page.shows(Self.chunk(.integer, [100, 101, 100, 102])))
    let long = Self.chunk(.integer, (0..<600).map { 100 + $0 % 4 })
    #expect(page.shows(Array(long.prefix(9))))
    let words = ["up", "down", "up", "up", "down", "up", "down", "down", "up"]
    #expect(page.shows(Self.textChunk(words)))
  }

  private func next(_ reader: inout ByteReader) throws -> (type: UInt8, count: Int, chunk: [UInt8])
  {
    let type = reader.readByte()
    let count = reader.readInteger(UInt16.self)
    let chunk = reader.readInteger(UInt32.self).flatMap { reader.readBytes(Int($0)) }
    return (try #require(type), Int(try #require(count)), try #require(chunk))
  }

  private static func file() -> [UInt8] {
    var writer = ByteWriter()
    func write(_ type: UInt8, _ count: Int, _ chunk: [UInt8]) {
      writer.writeByte(type)
      writer.writeInteger(UInt16(count))
      writer.writeInteger(UInt32(chunk.count))
      writer.writeBytes(chunk)
    }
    for column in timestamps { write(0, column.count, timestampChunk(column)) }
    for (type, cells) in columns + found { write(type.rawValue, cells.count, chunk(type, cells)) }
    for (type, cells) in cold {
      write(type.rawValue, cells.count, chunk(type, cells, strength: .cold))
    }
    write(ColumnType.float.rawValue, xorCells.count, xorChunk)
    for text in texts { write(ColumnType.string.rawValue, text.count, textChunk(text)) }
    for (type, cells, strength) in doubles {
      write(type.rawValue, cells.count, chunk(type, cells, strength: strength))
    }
    return writer.bytes
  }

  private static func timestampChunk(_ timestamps: [Timestamp]) -> [UInt8] {
    var buffer = OutputBuffer()
    TimestampChunk.encode(timestamps.span, into: &buffer)
    return buffer.array()
  }

  private static func chunk(
    _ type: ColumnType,
    _ cells: [Cell],
    _ strings: StringArena = StringArena(),
    strength: ChunkStrength = .head
  ) -> [UInt8] {
    var buffer = OutputBuffer()
    ColumnChunk.encode(
      cells.span,
      type: type,
      strings: strings,
      strength: strength,
      into: &buffer
    )
    return buffer.array()
  }

  private static func textChunk(_ text: [String]) -> [UInt8] {
    var strings = StringArena()
    let cells = text.map { strings.append(Array($0.utf8)) ?? 0 }
    return chunk(.string, cells, strings)
  }
}
