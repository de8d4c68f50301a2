import Bytes
import Codecs
import Model
import TestSupport
import Testing

@Suite struct IntegerStreamTests {
  static let shapes: [(name: String, values: [Int64], byteCount: Int)] = [
    ("one", [5], 2),
    ("all minus one", Array(repeating: -1, count: 60), 2),
    // Codec, block head, base, 60 fields of one bit.
    ("two states", (0..<60).map { $0 / 7 % 2 }, 1 + 1 + 1 + 8),
    // Codec, first, block head, base 10: a steady counter costs a header.
    ("steady", (0..<60).map { 1_000 + 10 * $0 }, 1 + 2 + 1 + 1),
    // One step among repeats: a patch instead of 59 bits.
    ("one step", (0..<60).map { $0 < 30 ? 7 : 8 }, 1 + 1 + 1 + 1 + 1 + 1 + 1),
    ("end to end", [.min, .max, .min], 1 + 10 + 1 + 1 + 1),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(name: String, values: [Int64], byteCount: Int) throws {
    let cells = values.map { UInt64(bitPattern: $0) }
    for type in [ColumnType.integer, .unsigned] {
      let bytes = encoded(cells, type)
      if type == .integer { #expect(bytes.count <= byteCount) }
      #expect(try decoded(bytes, type, count: cells.count) == cells)
    }
  }

  @Test func goldenBytesNeverChange() {
    // Order 0; width 2 above 100: 0, 1, 0, 2.
    #expect(encoded([100, 101, 100, 102], .integer) == [0x80, 2, 0xc8, 0x01, 0b10_00_01_00])
  }

  @Test(arguments: ChunkStrength.allCases)
  func aFarOutlierIsPatched(strength: ChunkStrength) throws {
    let count = strength == .head ? 60 : 1_000
    let cells = ChunkShapes.cells("counter with reset", type: .unsigned, count: count, seed: 4)
    let bytes = encoded(cells, .unsigned, strength: strength)
    #expect(bytes.count <= count + 40)
    #expect(try decoded(bytes, .unsigned, count: count) == cells)
    let spikes: [Cell] = (0..<count).map { $0 % 50 == 30 ? 1 << 40 : UInt64($0 & 1) }
    let spiky = encoded(spikes, .unsigned, strength: strength)
    #expect(spiky.count <= count / 4 + 60)
    #expect(try decoded(spiky, .unsigned, count: count) == spikes)
  }

  @Test(arguments: ChunkStrength.allCases)
  func everyWidthRoundTrips(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 12)
    for width in 0...64 {
      for count in [2, 3, 9, 60, 127, 128, 129, 130, 257, 700] {
        let cells = (0..<count).map { _ in random.next() >> UInt64(64 - width) }
        let bytes = encoded(cells, .unsigned, strength: strength)
        #expect(try decoded(bytes, .unsigned, count: count) == cells, "\(width) \(count)")
      }
    }
  }

  @Test func aCommonDivisorIsFoundAndKeepsEveryBit() throws {
    for divisor: Int64 in [2, 10, 4096, 999_983, 1 << 40] {
      let values = (0..<60).map { (($0 * 37) % 50 - 20) * divisor + 5 }
      let cells = values.map { UInt64(bitPattern: $0) }
      let bytes = encoded(cells, .integer)
      #expect(bytes.count <= 70)
      #expect(ChunkDescription(bytes.span)?.isDivided == true)
      #expect(try decoded(bytes, .integer, count: 60) == cells)
    }
  }

  /// The largest and the smallest number are neighbours modulo 2^64, but not when sorted.
  @Test(arguments: ChunkStrength.allCases)
  func numbersAroundTheLargestOneSurvive(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 13)
    for width in [3, 20, 50, 57, 60] {
      for share in [2, 20, 60] as [UInt64] {
        let cells = (0..<700).map { _ -> Cell in
          let distance = random.next() >> UInt64(64 - width)
          return random.next() % share == 0 ? (1 << 63) &+ distance : (1 << 63) &- distance
        }
        for type in [ColumnType.integer, .unsigned] {
          let bytes = encoded(cells, type, strength: strength)
          #expect(try decoded(bytes, type, count: 700) == cells, "\(width) \(share)")
        }
      }
    }
  }

  @Test(arguments: ChunkStrength.allCases)
  func repeatsCostNextToNothing(strength: ChunkStrength) throws {
    let cells: [Cell] = (0..<8_192).map { UInt64($0 / 3_000) }
    let bytes = encoded(cells, .integer, strength: strength)
    #expect(bytes.count <= 30)
    #expect(try decoded(bytes, .integer, count: 8_192) == cells)
  }

  @Test func coldChunksReachTheEntropy() throws {
    // A random walk of −1, 0, +1 with odds 1 : 2 : 1 holds 1.5 bits a value.
    var random = SeededRandom(seed: 6)
    var level: Int64 = 1_000
    let cells = (0..<8_192).map { _ -> Cell in
      let coin = random.next()
      level += Int64(coin & 1) - Int64(coin >> 1 & 1)
      return UInt64(level)
    }
    let bytes = encoded(cells, .integer, strength: .cold)
    #expect(ChunkDescription(bytes.span)?.isEntropyCoded == true)
    #expect(Double(bytes.count * 8) / 8_192 < 1.56)
    #expect(try decoded(bytes, .integer, count: 8_192) == cells)
  }

  @Test func damageIsNamed() {
    // Width 65 of 2 values; more runs of zero blocks than values; a patch beyond the block.
    #expect(throws: ChunkError.malformed(.width)) { try decoded([0x80, 66], .integer, count: 2) }
    #expect(throws: ChunkError.malformed(.patch)) {
      try decoded([0x80, 0x80, 0, 0, 2, 1], .integer, count: 2)
    }
    #expect(throws: ChunkError.malformed(.form)) { try decoded([0xe0, 16], .integer, count: 2) }
    #expect(throws: ChunkError.malformed(.form)) { try decoded([0xe0, 32], .integer, count: 2) }
    // No low bits left open, and more than a number has.
    for shift: UInt8 in [0, 59, 255] {
      #expect(throws: ChunkError.malformed(.width)) {
        try decoded([0xe0, 24, shift, 0, 0, 0, 0], .integer, count: 2)
      }
    }
    #expect(throws: ChunkError.malformed(.form)) { try decoded([0xe0, 7], .integer, count: 2) }
    #expect(throws: ChunkError.malformed(.divisor)) {
      try decoded([0xe0, 4, 0, 1, 0, 0], .integer, count: 2)
    }
    #expect(throws: ChunkError.malformed(.value)) {
      try decoded([0x80, 2, 0, 9], .boolean, count: 2)
    }
  }

  @Test func bitsBehindTheLastValueAreRefused() {
    #expect(throws: ChunkError.trailing) { try decoded([0x80, 1, 0, 0b111], .integer, count: 2) }
  }
}
