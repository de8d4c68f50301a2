import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: what a chunk says of its values is what they are, bit for bit, and no damage of it traps.
/// Method: columns of every shape, compared with the plainest fold of the decoded values.
@Suite struct ChunkStatisticsTests {
  static let numeric: [ColumnType] = [.float, .integer, .unsigned, .boolean]

  @Test(arguments: numeric, ChunkShapes.names)
  func statisticsAreThoseOfTheValues(type: ColumnType, shape: String) throws {
    for strength in ChunkStrength.allCases {
      for (seed, count) in [512, 513, 1_024, 3_000].enumerated() {
        let cells = ChunkShapes.cells(shape, type: type, count: count, seed: UInt64(seed))
        try expectTruth(cells, type, strength)
      }
    }
  }

  @Test(arguments: ChunkStrength.allCases)
  func floatsOfEveryKindSayTheirSum(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 8)
    for kind in FloatChunkTests.kinds {
      let cells = (0..<900).map { kind.value($0, &random).bitPattern }
      try expectTruth(cells, .float, strength)
    }
  }

  private func expectTruth(
    _ cells: [Cell],
    _ type: ColumnType,
    _ strength: ChunkStrength
  ) throws {
    let bytes = encoded(cells, type, strength: strength)
    let stated = try ColumnChunk.statistics(of: bytes.span, type: type, count: cells.count)
    #expect(stated == PlainFold.statistics(of: cells, type), "\(strength), \(cells.count)")
    #expect(stated == ChunkStatistics(of: cells.span, type: type))
    #expect(try decoded(bytes, type, count: cells.count) == cells)
  }

  @Test func shortChunksSayNothingUnlessTheyAreConstant() throws {
    let cells = ChunkShapes.cells("noise", type: .float, count: 511, seed: 1)
    let bytes = encoded(cells, .float, strength: .cold)
    #expect(try ColumnChunk.statistics(of: bytes.span, type: .float, count: 511) == nil)
    for type in Self.numeric {
      let same = encoded([Cell](repeating: 1, count: 60), type)
      let stated = try ColumnChunk.statistics(of: same.span, type: type, count: 60)
      #expect(stated == PlainFold.statistics(of: [Cell](repeating: 1, count: 60), type))
    }
    let text = encodedStrings((0..<600).map { "\($0 % 3)" })
    #expect(try ColumnChunk.statistics(of: text.span, type: .string, count: 600) == nil)
  }

  @Test(arguments: [
    0, -0.0, 1, 0.1, 1.0 / 3, -2.5, 1e300, -1e308, .leastNonzeroMagnitude, 4_503_599_627_370_497,
    .infinity, .nan,
  ])
  func aConstantColumnAddsUpAsItsValuesDo(value: Double) throws {
    for count in [1, 2, 59, 60, 512, 8_192, 65_535] {
      let cells = [Cell](repeating: value.bitPattern, count: count)
      let bytes = encoded(cells, .float)
      let stated = try ColumnChunk.statistics(of: bytes.span, type: .float, count: count)
      #expect(stated == ChunkStatistics(of: cells.span, type: .float), "\(value) \(count)")
    }
  }

  @Test func countersSayWhetherTheyFall() throws {
    var cells = (0..<1_000).map { Double($0 / 3).bitPattern }
    let rising = encoded(cells, .float)
    #expect(
      try ColumnChunk.statistics(of: rising.span, type: .float, count: 1_000)?.neverFalls == true
    )
    cells[700] = Double(1).bitPattern
    let reset = encoded(cells, .float)
    #expect(
      try ColumnChunk.statistics(of: reset.span, type: .float, count: 1_000)?.neverFalls == false
    )
    cells[700] = Double.nan.bitPattern
    let broken = encoded(cells, .float)
    #expect(
      try ColumnChunk.statistics(of: broken.span, type: .float, count: 1_000)?.neverFalls == false
    )
  }

  @Test(arguments: numeric, ChunkShapes.names)
  func someRowsDecodeToThemselves(type: ColumnType, shape: String) throws {
    var random = SeededRandom(seed: 77)
    for strength in ChunkStrength.allCases {
      for count in [2, 60, 129, 1_500] {
        let cells = ChunkShapes.cells(shape, type: type, count: count, seed: random.next())
        let bytes = encoded(cells, type, strength: strength)
        for round in 0..<6 {
          let start = round == 0 ? count - 1 : Int.random(in: 0..<count, using: &random)
          let end = round == 1 ? count : Int.random(in: start + 1...count, using: &random)
          var strings = StringArena()
          let rows = try ColumnChunk.decode(
            bytes.span,
            type: type,
            count: count,
            rows: start..<end,
            strings: &strings
          )
          #expect(rows == Array(cells[start..<end]), "\(strength) \(count): \(start) ..< \(end)")
        }
      }
    }
  }

  @Test(arguments: numeric)
  func noFlippedBitTraps(type: ColumnType) {
    for shape in ["decimals", "noise", "extremes", "counter"] {
      let bytes = encoded(ChunkShapes.cells(shape, type: type, count: 600, seed: 2), type)
      for bit in 0..<min(bytes.count, 80) * 8 {
        let damaged = bytes.flipping(bit: bit)
        _ = try? ColumnChunk.statistics(of: damaged.span, type: type, count: 600)
        var strings = StringArena()
        let rows = try? ColumnChunk.decode(
          damaged.span,
          type: type,
          count: 600,
          rows: 590..<600,
          strings: &strings
        )
        #expect(rows == nil || rows?.count == 10)
      }
      for cut in 0..<min(bytes.count, 40) {
        #expect(throws: ChunkError.self) {
          try decoded(Array(bytes[..<cut]), type, count: 600)
        }
      }
    }
  }

  /// Each says what no ten values can be: first above max, a sum above all maxima, max below min,
  /// a scale that there is none of, decimals of integers, two chunks of statistics.
  @Test func whatCannotBeIsRefused() {
    let integers: [[UInt8]] = [
      [14, 0, 2, 5, 6, 0, 10], [14, 0, 2, 5, 0, 6, 10], [14, 0, 2, 5, 0, 0, 51],
      [14, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0],
      [14, 1, 2, 5, 0, 0, 10], [14, 0x80, 2, 5, 0, 0, 10, 0],
      [14, 31, 2, 0, 0, 0] + [UInt8](repeating: 0, count: 8),
    ]
    for bytes in integers {
      #expect(throws: ChunkError.malformed(.statistics), "\(bytes)") {
        try decoded(bytes + [1], .integer, count: 10)
      }
    }
    #expect(throws: ChunkError.malformed(.statistics)) {
      try decoded([14, 0x80 | 23, 2, 5, 0, 0, 10, 0, 1], .float, count: 10)
    }
    #expect(throws: ChunkError.malformed(.statistics)) {
      try decoded([14, 0, 2, 5, 0, 0, 10, 1], .float, count: 10)
    }
    let sound: [UInt8] = [14, 0, 2, 5, 0, 0, 10]
    #expect(throws: ChunkError.codec(14)) { try decoded(sound + sound + [1], .integer, count: 10) }
    #expect(throws: ChunkError.codec(14)) { try decoded(sound + [1], .string, count: 10) }
    #expect(throws: ChunkError.truncated) { try decoded(sound, .integer, count: 10) }
  }
}

/// The fold of a column in the plainest way.
private enum PlainFold {
  static func statistics(of cells: [Cell], _ type: ColumnType) -> ChunkStatistics {
    let numbers = cells.filter { !isNaN($0, type) }
    let ordered = numbers.sorted { isLess($0, $1, type) }
    let pairs = zip(cells, cells.dropFirst())
    return ChunkStatistics(
      sum: sum(cells, type),
      min: ordered.first ?? cells[0],
      max: ordered.last ?? cells[0],
      first: cells[0],
      last: cells[cells.count - 1],
      neverFalls: numbers.count == cells.count
        && pairs.allSatisfy { value($0, type) <= value($1, type) }
    )
  }

  private static func sum(_ cells: [Cell], _ type: ColumnType) -> WindowSum {
    guard type == .float else {
      return WindowSum(integer: cells.reduce(Int128(0)) { $0 + integer($1, type) })
    }
    var total = CompensatedSum()
    for cell in cells { total.add(Double(bitPattern: cell)) }
    return WindowSum(float: total.value)
  }

  private static func isNaN(_ cell: Cell, _ type: ColumnType) -> Bool {
    type == .float && Double(bitPattern: cell).isNaN
  }

  private static func isLess(_ left: Cell, _ right: Cell, _ type: ColumnType) -> Bool {
    guard type == .float else { return integer(left, type) < integer(right, type) }
    let (a, b) = (Double(bitPattern: left), Double(bitPattern: right))
    return a == b ? a.sign == .minus && b.sign == .plus : a < b
  }

  private static func integer(_ cell: Cell, _ type: ColumnType) -> Int128 {
    type == .integer ? Int128(Int64(bitPattern: cell)) : Int128(cell)
  }

  /// A number in the order of the values.
  private static func value(_ cell: Cell, _ type: ColumnType) -> OrderedNumber {
    type == .float ? .float(Double(bitPattern: cell)) : .integer(integer(cell, type))
  }

  private enum OrderedNumber {
    case float(Double)
    case integer(Int128)

    static func <= (left: OrderedNumber, right: OrderedNumber) -> Bool {
      switch (left, right) {
      case (.float(let a), .float(let b)): a <= b
      case (.integer(let a), .integer(let b)): a <= b
      default: false
      }
    }
  }
}
