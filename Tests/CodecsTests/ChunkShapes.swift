import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Columns as monitoring sends them and as nobody should, from one seed.
enum ChunkShapes {
  static let names = [
    "constant", "repeats", "counter", "counter with reset", "decimals", "noise", "extremes",
    "NaN payloads", "alternating",
  ]

  static func cells(_ name: String, type: ColumnType, count: Int, seed: UInt64) -> [Cell] {
    var random = SeededRandom(seed: seed)
    if type == .boolean {
      return (0..<count).map { _ in
        name == "constant" ? 1 : UInt64.random(in: 0...1, using: &random)
      }
    }
    let extremes: [UInt64] =
      type == .float
      ? [
        0, 1 << 63, Double.infinity.bitPattern, (-Double.infinity).bitPattern, 1, UInt64.max,
        Double.greatestFiniteMagnitude.bitPattern, Double.leastNonzeroMagnitude.bitPattern,
      ]
      : [0, 1, .max, 1 << 63, (1 << 63) - 1, (1 << 53) + 1]
    var level = UInt64.random(in: 0...10_000, using: &random)
    let constant = value(level, type)
    return (0..<count).map { index in
      switch name {
      case "constant": return constant
      case "repeats":
        if UInt8.random(in: 0..<10, using: &random) == 0 { level += 1 }
        return value(level, type)
      case "counter":
        level += .random(in: 900...1_100, using: &random)
        return value(level, type)
      case "counter with reset":
        level = index == count / 2 ? 0 : level + .random(in: 1_000_000...1_000_100, using: &random)
        return value(level, type)
      case "decimals":
        level = level &+ .random(in: 0...200, using: &random) &- 100
        let tenths = Double(Int64(bitPattern: level)) / 10
        return type == .float ? tenths.bitPattern : level
      case "noise": return random.next()
      case "extremes": return extremes[Int.random(in: 0..<extremes.count, using: &random)]
      case "NaN payloads":
        let payload = random.next() & 0x800f_ffff_ffff_ffff
        return type == .float ? 0x7ff0_0000_0000_0000 | payload | 1 : payload
      default: return index % 2 == 0 ? 0 : .max
      }
    }
  }

  private static func value(_ level: UInt64, _ type: ColumnType) -> Cell {
    type == .float ? Double(level).bitPattern : level
  }

  static func strings(count: Int, distinct: Int, seed: UInt64) -> (cells: [Cell], StringArena) {
    var random = SeededRandom(seed: seed)
    var arena = StringArena()
    let words = (0..<distinct).map { index in
      Array("state \(index) ".utf8) + (0..<Int.random(in: 0..<20, using: &random)).map { _ in 0xff }
    }
    let cells = (0..<count).map { _ in
      arena.append(words[Int.random(in: 0..<distinct, using: &random)]) ?? 0
    }
    return (cells, arena)
  }
}

func encoded(
  _ cells: [Cell],
  _ type: ColumnType,
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

func decoded(_ bytes: [UInt8], _ type: ColumnType, count: Int) throws(ChunkError) -> [Cell] {
  var strings = StringArena()
  return try ColumnChunk.decode(bytes.span, type: type, count: count, strings: &strings)
}

func encodedStrings(_ words: [String], strength: ChunkStrength = .head) -> [UInt8] {
  var arena = StringArena()
  let cells = words.map { arena.append(Array($0.utf8)) ?? 0 }
  return encoded(cells, .string, arena, strength: strength)
}

func decodedStrings(_ bytes: [UInt8], count: Int) throws(ChunkError) -> [[UInt8]] {
  var strings = StringArena()
  let cells = try ColumnChunk.decode(bytes.span, type: .string, count: count, strings: &strings)
  return cells.map { Array(strings.slice($0) ?? []) }
}

/// Every proper prefix is refused, and no flipped bit traps or yields another count.
func expectSoundRefusals<Value>(
  _ bytes: [UInt8],
  count: Int,
  _ decode: ([UInt8]) throws(ChunkError) -> [Value]
) {
  // A constant is as long as its chunk: a prefix is another constant.
  let isConstant = bytes[0] == ChunkCodec.constant.rawValue
  for cut in bytes.indices where cut == 0 || !isConstant {
    #expect(throws: ChunkError.self, "cut at \(cut)") { try decode(Array(bytes[..<cut])) }
  }
  for bit in 0..<bytes.count * 8 {
    let values = try? decode(bytes.flipping(bit: bit))
    #expect(values == nil || values?.count == count, "bit \(bit)")
  }
  #expect(throws: ChunkError.self) { try decode(bytes + [0]) }
}
