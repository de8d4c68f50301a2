internal import Bytes

/// Writes entropy bodies; keeps its scratch.
struct EntropyEncoder {
  /// About what the states and the head of a table take.
  static let headBitCount = 160.0
  /// Residuals that the choice of a placement looks at.
  static let surveyCountMax = 2_048
  /// About what a token costs in the table.
  static let tokenBitCount = 6.5
  /// Residuals that span fewer bits have no use for coarse tokens.
  static let coarseRangeMin = 8
  /// Numbers that all have as many open bits decode faster and may cost one part in so many more.
  static let evenGain = 256.0

  private var tokens: [UInt16] = []
  private var refills: [UInt16] = []

  /// Where the numbers begin, whether they have a sign, and how many low bits no token looks at.
  struct Placement {
    var centre: UInt64
    var isSigned: Bool
    var shift: UInt64 = 0
    /// About what the numbers cost, and what the table does.
    var numberBitCount = Double.infinity
    var tableBitCount = 0.0
    /// Whether all numbers have as many open bits.
    var isEven = false
    var bitCount: Double { numberBitCount + tableBitCount }
    /// What it costs in size, less what it is worth in time.
    var rank: Double { isEven ? bitCount * (1 - 1 / EntropyEncoder.evenGain) : bitCount }

    @inline(__always)
    func number(_ residual: UInt64) -> UInt64 {
      let distance = residual &- centre
      if !isSigned { return distance }
      return ZigZag.encode(Int64(bitPattern: distance))
    }
  }

  /// The cheapest placement of `residuals` (or of a part of them); of many, four pieces are looked
  /// at.
  ///
  /// - Parameters:
  ///   - isCoarse: whether tokens leave low bits of all numbers open; `nil` for what is cheaper.
  ///   - scratch: room for 256 words.
  static func placement(
    of residuals: Words,
    isCoarse: Bool? = nil,
    scratch: Words
  ) -> Placement {
    let sample = scratch.slice(0..<min(residuals.count, 255))
    for index in 0..<sample.count {
      sample[index] = residuals[index * residuals.count / sample.count]
    }
    sample.sort()
    var smallest = Int64.max
    var largest = Int64.min
    for index in 0..<residuals.count {
      smallest = min(smallest, residuals.signed(index))
      largest = max(largest, residuals.signed(index))
    }
    let base = UInt64(bitPattern: smallest)
    let middle = sample[sample.count / 2]
    let rangeBits = 64 - (UInt64(bitPattern: largest) &- base).leadingZeroBitCount
    let quartiles = sample[sample.count * 3 / 4] &- sample[sample.count / 4]
    let usualBits = 64 - quartiles.leadingZeroBitCount
    var best = Placement(centre: middle, isSigned: true)
    for isSigned in [true, false] {
      let plain = Placement(centre: isSigned ? middle : base, isSigned: isSigned)
      let top = max(
        plain.number(UInt64(bitPattern: smallest)),
        plain.number(UInt64(bitPattern: largest))
      )
      var shifts: [Int] = isCoarse == true ? [] : [0]
      if isCoarse ?? (rangeBits >= coarseRangeMin) {
        // Half of all lie between the quartiles: 16 to 32 tokens for those, or 64 for all.
        for shift in [58 - top.leadingZeroBitCount, usualBits - 4, usualBits - 5] {
          let shift = max(1, min(shift, EntropyBody.shiftMax))
          if !shifts.contains(shift) { shifts.append(shift) }
        }
      }
      for shift in shifts {
        var other = plain
        other.shift = UInt64(shift)
        other.isEven = top >> other.shift < TokenCode.exactMax
        measure(residuals, &other)
        if other.rank < best.rank { best = other }
      }
    }
    return best
  }

  private static func measure(_ residuals: Words, _ placement: inout Placement) {
    var counts = [UInt32](repeating: 0, count: TokenCode.tokenCountMax)
    let pieces = residuals.count > surveyCountMax ? 4 : 1
    let count = pieces == 1 ? residuals.count : surveyCountMax / 4
    let shift = placement.shift
    var span = counts.mutableSpan
    for piece in 0..<pieces {
      let start = pieces == 1 ? 0 : piece * (residuals.count - count) / 3
      for index in start..<start + count {
        let number = placement.number(residuals[index]) &>> shift
        unsafe span[unchecked: TokenCode.token(number)] &+= 1
      }
    }
    let bits = TokenCode.bitCount(of: counts, total: pieces * count) / Double(pieces * count)
    placement.numberBitCount = (bits + Double(shift)) * Double(residuals.count)
    let tokenCount = counts.reduce(0) { $0 + ($1 > 0 ? 1 : 0) }
    placement.tableBitCount = tokenBitCount * Double(tokenCount)
  }

  mutating func write(
    _ residuals: Words,
    _ placement: Placement,
    into buffer: inout OutputBuffer
  ) {
    var counts = [UInt32](repeating: 0, count: TokenCode.tokenCountMax)
    if tokens.count > residuals.count {
      tokens.removeLast(tokens.count - residuals.count)
    } else {
      tokens.append(contentsOf: repeatElement(0, count: residuals.count - tokens.count))
    }
    let shift = placement.shift
    var countSpan = counts.mutableSpan
    var tokenSpan = tokens.mutableSpan
    for index in 0..<residuals.count {
      let token = TokenCode.token(placement.number(residuals[index]) &>> shift)
      unsafe countSpan[unchecked: token] &+= 1
      unsafe tokenSpan[unchecked: index] = UInt16(truncatingIfNeeded: token)
    }
    var openBitCount = Int(shift) * residuals.count
    for token in counts.indices {
      openBitCount += Int(counts[token]) * TokenCode.openBitCount(token)
    }
    while counts.last == 0 { counts.removeLast() }
    let table = FrequencyTable(counts: counts, total: residuals.count)
    if shift > 0 { buffer.writeByte(UInt8(shift)) }
    buffer.writeSignedVarint(Int64(bitPattern: placement.centre))
    var bits = BitWriter(consume buffer, bitCountMax: 1 + FrequencyTable.bitCountMax)
    bits.write(placement.isSigned ? 1 : 0, 1)
    table.write(into: &bits)
    buffer = bits.finish()
    RangeCoder.encode(tokens, table, refills: &refills, into: &buffer)
    guard openBitCount > 0 else { return }
    var open = BitWriter(consume buffer, bitCountMax: openBitCount)
    let written = tokens.span
    for index in 0..<residuals.count {
      let token = Int(unsafe written[unchecked: index])
      let count = TokenCode.openBitCount(token) &+ Int(truncatingIfNeeded: shift)
      let mask = (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
      open.writeWide(placement.number(residuals[index]) & mask, count)
    }
    buffer = open.finish()
  }
}
