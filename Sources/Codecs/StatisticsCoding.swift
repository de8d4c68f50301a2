internal import Bytes
internal import Model

/// Statistics as they stand in front of a chunk (docs/format/chunk.md, "statistics").
///
///     | form u8 | min: zigzag varint | max, first, last: varints above min |
///     | sum: varint, or two, above values · min | units: zigzag varint |         decimals
///     | sum f64 |                                                                ordered bits
///     form := | scale u5 | never falls u1 | wide sum u1 | decimals u1 |
///
/// - `scale`: the integers are the column's own, over a power of ten where it is one of decimals;
///   31: ordered bits of floats, of which nothing more is known.
/// - `units`: how far the sum of the doubles lies from the quotient of the sum of the decimals.
struct StatisticsCoding {
  static let orderedScale: UInt8 = 31
  static let neverFallsFlag: UInt8 = 0x20
  static let wideFlag: UInt8 = 0x40
  static let decimalFlag: UInt8 = 0x80

  private let form: UInt8
  private let min: UInt64
  private let maxAbove: UInt64
  private let firstAbove: UInt64
  private let lastAbove: UInt64
  private let low: UInt64
  private let high: UInt64
  /// Units from the quotient, or the bits of the sum itself.
  private let sumBits: UInt64

  private var scale: UInt8 { form & 0x1f }

  // MARK: Reading

  /// Reads the bytes; what they mean depends on the column.
  init(_ reader: inout ChunkReader) throws(ChunkError) {
    form = try reader.byte()
    min = UInt64(bitPattern: try reader.signedVarint())
    maxAbove = try reader.varint()
    firstAbove = try reader.varint()
    lastAbove = try reader.varint()
    if form & 0x1f == Self.orderedScale {
      guard form & (Self.wideFlag | Self.decimalFlag) == 0 else { throw .malformed(.statistics) }
      low = 0
      high = 0
      sumBits = try reader.word()
    } else {
      low = try reader.varint()
      high = form & Self.wideFlag != 0 ? try reader.varint() : 0
      sumBits = form & Self.decimalFlag != 0 ? UInt64(bitPattern: try reader.signedVarint()) : 0
    }
  }

  /// What they say of `count` values.
  ///
  /// - Throws: `.malformed(.statistics)` for what no values can have.
  func statistics(type: ColumnType, count: Int) throws(ChunkError) -> ChunkStatistics {
    if scale == Self.orderedScale, type == .float { return try orderedStatistics() }
    guard Int(scale) <= (type == .float ? DecimalScale.exponentMax : 0),
      (form & Self.decimalFlag != 0) == (type == .float)
    else { throw .malformed(.statistics) }
    let max = min &+ maxAbove
    let isAscending =
      type == .unsigned ? max >= min : Int64(bitPattern: max) >= Int64(bitPattern: min)
    guard isAscending, firstAbove <= maxAbove, lastAbove <= maxAbove,
      high < UInt64(count), type != .boolean || max <= 1
    else { throw .malformed(.statistics) }
    let lowest = type == .unsigned ? Int128(min) : Int128(Int64(bitPattern: min))
    let above = Int128(high) << 64 | Int128(low)
    guard above <= Int128(maxAbove) * Int128(count) else { throw .malformed(.statistics) }
    let total = lowest * Int128(count) + above
    let sum: WindowSum
    if type == .float {
      let near = (Self.double(total) / DecimalScale.powers[Int(scale)]).bitPattern
      let bits = OrderedBits.flip(OrderedBits.flip(near) &+ sumBits)
      sum = WindowSum(low: bits, high: 0)
    } else {
      sum = WindowSum(integer: total)
    }
    return ChunkStatistics(
      sum: sum,
      min: cell(min, type),
      max: cell(max, type),
      first: cell(min &+ firstAbove, type),
      last: cell(min &+ lastAbove, type),
      neverFalls: form & Self.neverFallsFlag != 0
    )
  }

  /// The double nearest to a sum. The conversion from 128 bits is a slow general one, and few sums
  /// need them.
  private static func double(_ total: Int128) -> Double {
    let short = Int64(truncatingIfNeeded: total)
    return Int128(short) == total ? Double(short) : Double(total)
  }

  private func orderedStatistics() throws(ChunkError) -> ChunkStatistics {
    let statistics = ChunkStatistics(
      sum: WindowSum(low: sumBits, high: 0),
      min: OrderedBits.flip(min),
      max: OrderedBits.flip(min &+ maxAbove),
      first: OrderedBits.flip(min &+ firstAbove),
      last: OrderedBits.flip(min &+ lastAbove),
      neverFalls: form & Self.neverFallsFlag != 0
    )
    let (least, greatest) = (Double(bitPattern: statistics.min), Double(bitPattern: statistics.max))
    guard least.isNaN ? maxAbove == 0 : least <= greatest else { throw .malformed(.statistics) }
    return statistics
  }

  private func cell(_ word: UInt64, _ type: ColumnType) -> Cell {
    guard type == .float else { return word }
    return (Double(Int64(bitPattern: word)) / DecimalScale.powers[Int(scale)]).bitPattern
  }

  // MARK: Writing

  /// Appends the statistics of `cells`.
  ///
  /// - Parameters:
  ///   - exponent: of floats that are all integers over that power of ten; `nil` for others.
  ///   - scratch: for as many words.
  static func write(
    _ cells: Span<Cell>,
    type: ColumnType,
    exponent: Int?,
    scratch: inout WordStore,
    into buffer: inout OutputBuffer
  ) {
    let statistics = ChunkStatistics(of: cells, type: type)
    if type != .float {
      let total = statistics.sum.integer
      let words = [statistics.min, statistics.max, statistics.first, statistics.last]
      write(0, statistics, words, total, count: cells.count, type, into: &buffer)
      return
    }
    let words = scratch.words(cells.count)
    if let exponent, DecimalScale.scale(cells, exponent: exponent, into: words) {
      let decimals = ChunkStatistics(decimals: words)
      let total = decimals.sum.integer
      let extremes = [decimals.min, decimals.max, decimals.first, decimals.last]
      let scale = UInt8(exponent)
      write(scale, statistics, extremes, total, count: cells.count, type, into: &buffer)
      let near = (double(total) / DecimalScale.powers[exponent]).bitPattern
      let units = OrderedBits.flip(statistics.sum.low) &- OrderedBits.flip(near)
      buffer.writeSignedVarint(Int64(bitPattern: units))
      return
    }
    buffer.writeByte(orderedScale | (statistics.neverFalls ? neverFallsFlag : 0))
    let least = OrderedBits.flip(statistics.min)
    buffer.writeSignedVarint(Int64(bitPattern: least))
    for cell in [statistics.max, statistics.first, statistics.last] {
      buffer.writeVarint(OrderedBits.flip(cell) &- least)
    }
    buffer.writeInteger(statistics.sum.low)
  }

  /// - Parameter words: min, max, first and last as integers.
  private static func write(
    _ scale: UInt8,
    _ statistics: ChunkStatistics,
    _ words: [UInt64],
    _ total: Int128,
    count: Int,
    _ type: ColumnType,
    into buffer: inout OutputBuffer
  ) {
    let least = words[0]
    let lowest = type == .unsigned ? Int128(least) : Int128(Int64(bitPattern: least))
    let above = total - lowest * Int128(count)
    let high = UInt64(truncatingIfNeeded: above >> 64)
    var form = scale | (type == .float ? decimalFlag : 0)
    if statistics.neverFalls { form |= neverFallsFlag }
    if high > 0 { form |= wideFlag }
    buffer.writeByte(form)
    buffer.writeSignedVarint(Int64(bitPattern: least))
    for word in words[1...] { buffer.writeVarint(word &- least) }
    buffer.writeVarint(UInt64(truncatingIfNeeded: above))
    if high > 0 { buffer.writeVarint(high) }
  }
}

extension ChunkStatistics {
  /// Those of decimals as integers.
  fileprivate init(decimals words: Words) {
    self = words.withSpan { ChunkStatistics(of: $0, type: .integer) }
  }
}
