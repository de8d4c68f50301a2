import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: each kind of column finds the codec that suits it, at the size that this codec has.
@Suite struct FloatChunkTests {
  static let constants: [(name: String, values: [Double], byteCount: Int)] = [
    ("one zero", [0], 1),
    ("all zero", Array(repeating: 0, count: 60), 1),
    ("all 100", Array(repeating: 100, count: 60), 3),
    ("all 0.1", Array(repeating: 0.1, count: 60), 9),
    ("minus zero", [-0.0, -0.0], 2),
  ]

  @Test(arguments: constants)
  func aConstantCostsItsBytes(name: String, values: [Double], byteCount: Int) throws {
    let cells = values.map(\.bitPattern)
    let bytes = encoded(cells, .float)
    #expect(bytes.count == byteCount)
    #expect(try decoded(bytes, .float, count: cells.count) == cells)
  }

  /// What a column holds, the codec that must be found for it, and the most bits a value.
  struct Kind: CustomTestStringConvertible {
    var name: String
    var codec: ChunkCodec
    var bitCountMax: Double
    var value: @Sendable (Int, inout SeededRandom) -> Double
    var testDescription: String { name }
  }

  static let kinds: [Kind] = [
    Kind(name: "tenths", codec: .scaled, bitCountMax: 8) { index, random in
      Double(200 + Int.random(in: -9...9, using: &random)) / 10
    },
    Kind(name: "a counter", codec: .scaled, bitCountMax: 9) { index, random in
      Double(1_000_000 + index * 1_000 + Int.random(in: 0...99, using: &random))
    },
    Kind(name: "pages in bytes", codec: .scaled, bitCountMax: 9) { index, random in
      4096 * Double(7_000_000 + Int.random(in: 0...99, using: &random))
    },
    Kind(name: "decimals bent by arithmetic", codec: .nearlyDecimal, bitCountMax: 12) { _, random in
      let sum = Double(Int.random(in: 10_000...11_000, using: &random)) / 1_000
      return sum.nextUp
    },
    Kind(name: "percent of one total", codec: .quotient, bitCountMax: 16) { index, random in
      100 * Double(3_000_000 + Int.random(in: 0...999, using: &random)) / 6_171_023
    },
    Kind(name: "ticks of a second", codec: .fraction, bitCountMax: 16) { _, random in
      let total = Double(Int.random(in: 197...203, using: &random))
      return 100 * Double(Int.random(in: 0...97, using: &random)) / total
    },
    Kind(name: "few doubles", codec: .valueDictionary, bitCountMax: 16) { index, random in
      2.0.squareRoot() * Double(Int.random(in: 1...7, using: &random))
    },
    Kind(name: "doubles", codec: .split, bitCountMax: 58) { _, random in
      1 / Double.random(in: 0.02..<1, using: &random)
    },
    Kind(name: "random numbers", codec: .binary, bitCountMax: 55) { _, random in
      Double.random(in: 0..<1, using: &random)
    },
    Kind(name: "doubles around 0", codec: .magnitudes, bitCountMax: 60) { _, random in
      (Double.random(in: 0..<1, using: &random) - 0.5) / Double.random(in: 0.5..<1, using: &random)
    },
  ]

  @Test(arguments: kinds, [ChunkStrength.head, .young, .cold])
  func eachKindFindsItsCodec(kind: Kind, strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 5)
    let count = strength == .head ? 60 : 1_024
    let cells = (0..<count).map { kind.value($0, &random).bitPattern }
    let bytes = encoded(cells, .float, strength: strength)
    #expect(try decoded(bytes, .float, count: count) == cells)
    #expect(ChunkDescription(bytes.span)?.codec == kind.codec)
    #expect(Double(bytes.count * 8) / Double(count) <= kind.bitCountMax)
  }

  @Test(arguments: ChunkStrength.allCases)
  func oddValuesAmongDecimalsSurvive(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 8)
    var cells = (0..<1_000).map { _ in
      (Double(Int.random(in: 0...500, using: &random)) / 10).bitPattern
    }
    cells[3] = (-0.0).bitPattern
    cells[77] = 0x7ff8_0000_dead_beef
    cells[500] = Double.infinity.bitPattern
    cells[501] = 0xfff0_0000_0000_0001
    cells[999] = Double.leastNonzeroMagnitude.bitPattern
    let bytes = encoded(cells, .float, strength: strength)
    #expect(try decoded(bytes, .float, count: 1_000) == cells)
    #expect(bytes.count < 1_000 * 3)
  }

  @Test func largeWholeNumbersAreExact() throws {
    for values in [
      [9_007_199_254_740_992, 9_007_199_254_740_994, 1.8e18], [-4e18, 3e18, 0],
      [2_251_799_813_685_248, 2_251_799_813_685_247, 1],
      [1e22, 2e22, 0.5], [0.1, 900_719_925_474_099.2, -900_719_925_474_099.1],
    ] {
      let cells = values.map(\.bitPattern)
      #expect(try decoded(encoded(cells, .float), .float, count: 3) == cells, "\(values)")
    }
  }

  @Test func anOldChoiceIsTriedFirstAndLeftWhenItDoesNotFit() throws {
    var encoder = ColumnEncoder(strength: .head)
    var hint = ColumnHint()
    var random = SeededRandom(seed: 4)
    for round in 0..<60 {
      let divisor: Double = round < 20 ? 10 : round < 40 ? 1_000 : 7
      let cells = (0..<60).map { _ in
        (Double(Int.random(in: 0...99, using: &random)) / divisor).bitPattern
      }
      var buffer = OutputBuffer()
      encoder.encode(
        cells.span,
        type: .float,
        strings: StringArena(),
        hint: &hint,
        into: &buffer
      )
      let bytes = buffer.array()
      #expect(try decoded(bytes, .float, count: 60) == cells)
      if round < 40 { #expect(ChunkDescription(bytes.span)?.exponent == (round < 20 ? 1 : 3)) }
    }
  }

  @Test func noiseFallsBackToRaw() {
    let cells = ChunkShapes.cells("noise", type: .float, count: 60, seed: 3)
    let bytes = encoded(cells, .float)
    #expect(bytes[0] == ChunkCodec.raw.rawValue)
    #expect(bytes.count == 1 + 8 * 60)
  }

  /// Most doubles of a bell lie in one binade: 46 bits of noise below its shape, which takes 4.4.
  @Test func coldNoiseCostsItsEntropy() throws {
    var random = SeededRandom(seed: 8)
    let cells = (0..<8_192).map { _ -> Cell in
      let bell = (0..<12).reduce(-6.0) { sum, _ in sum + .random(in: 0..<1, using: &random) }
      return (100 + 5 * bell).bitPattern
    }
    let bytes = encoded(cells, .float, strength: .cold)
    #expect(Double(bytes.count * 8) / 8_192 < 50.6)
    #expect(try decoded(bytes, .float, count: 8_192) == cells)
  }

  /// Whether the quotient by an inverse is the quotient, at every exponent and size.
  @Test func everyDecimalComesBackToTheBit() throws {
    var random = SeededRandom(seed: 9)
    for exponent in 0...9 {
      let power = (0..<exponent).reduce(1.0) { power, _ in power * 10 }
      for bits in [4, 10, 20, 31, 40, 50] {
        let cells = (0..<2_000).map { _ -> Cell in
          let integer = Int64(bitPattern: random.next() >> UInt64(64 - bits)) - 1 << (bits - 1)
          // Sums of 0 and a number have no −0.
          return (0 + Double(integer) / power).bitPattern
        }
        let bytes = encoded(cells, .float, strength: .young)
        #expect(try decoded(bytes, .float, count: 2_000) == cells, "\(exponent) \(bits)")
      }
    }
  }

  @Test func oddDoublesKeepEveryBit() throws {
    var random = SeededRandom(seed: 10)
    let odd: [Double] = [-0.0, 0, .nan, -.infinity, .leastNonzeroMagnitude, 0x1p-53, 3, 0x1p60]
    for strength in ChunkStrength.allCases {
      for value in odd {
        for range in [0.0..<1, -1..<1, 3..<70] {
          var cells = (0..<700).map { _ in Double.random(in: range, using: &random).bitPattern }
          cells[350] = value.bitPattern
          let bytes = encoded(cells, .float, strength: strength)
          #expect(try decoded(bytes, .float, count: 700) == cells, "\(value) \(range)")
        }
      }
    }
  }

  @Test func gorillaStaysReadable() throws {
    // 1, 1, 2, 4, 1.5: a repeat, three new windows or reuses.
    let bytes = Hex.bytes("03000000000000f03f0ecaff0bc061e97f")
    #expect(try decoded(bytes, .float, count: 5) == [1.0, 1, 2, 4, 1.5].map(\.bitPattern))
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

  @Test func damageIsNamed() {
    // Exponent 23; an exponent in an integer chunk; denominators 0 and too large; a dictionary in a
    // dictionary; an index beyond it.
    #expect(throws: ChunkError.malformed(.exponent)) {
      try decoded([0x97, 0, 0], .float, count: 2)
    }
    #expect(throws: ChunkError.malformed(.exponent)) {
      try decoded([0x81, 0, 0], .integer, count: 2)
    }
    #expect(throws: ChunkError.malformed(.denominator)) { try decoded([6, 0], .float, count: 2) }
    #expect(throws: ChunkError.malformed(.distinctCount)) { try decoded([7, 9], .float, count: 2) }
    #expect(throws: ChunkError.codec(7)) { try decoded([7, 2, 1, 7], .float, count: 2) }
    #expect(throws: ChunkError.malformed(.index)) {
      try decoded([7, 2, 4, 0x80, 1, 0, 0b10, 3, 4], .float, count: 2)
    }
    // A binary fraction over 1.
    #expect(throws: ChunkError.malformed(.exponent)) {
      try decoded([15, 0, 0, 0, 0], .float, count: 2)
    }
    #expect(throws: ChunkError.codec(15)) { try decoded([15, 1, 0, 0, 0], .integer, count: 2) }
    #expect(throws: ChunkError.malformed(.frame)) { try decoded([8, 1, 2, 3], .float, count: 2) }
  }
}
