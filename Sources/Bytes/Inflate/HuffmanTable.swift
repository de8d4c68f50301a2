/// One canonical Huffman code of deflate (RFC 1951, 3.2.2), for decoding.
///
/// Codes of up to ``lookupBitCount`` bits are found in one step in a table of all values of so many
/// bits; longer ones, which are rare symbols, by their length, bit by bit. An entry packs what a
/// decoder needs to know of a symbol:
///
///     bits  0 ...  3   bits of the code, 0 when the code is longer than the table or is none
///     bits  4 ...  7   extra bits that follow it
///     bits  8 ...  9   the symbol's kind
///     bits 16 ... 31   the literal, or the least length or distance
struct HuffmanTable {
  static let lookupBitCount = 10
  static let codeBitCountMax = 15

  enum Kind {
    static let literal: UInt32 = 0
    /// A length, or a distance.
    static let copy: UInt32 = 1
    static let end: UInt32 = 2
    static let invalid: UInt32 = 3
  }

  /// 1 << ``lookupBitCount`` entries.
  private(set) var entries = [UInt32](repeating: 0, count: 1 << Self.lookupBitCount)
  /// Codes by length, and symbols in the order of their codes.
  private var counts = [UInt16](repeating: 0, count: Self.codeBitCountMax + 1)
  private var symbols: [UInt16] = []
  private var meanings: [UInt32] = []

  /// Builds the code of these lengths.
  ///
  /// - Parameters:
  ///   - lengths: bits of each symbol's code, 0 ... 15; 0 for a symbol that does not occur.
  ///   - meanings: an entry without its code's length for each symbol.
  ///   - mayBeSingle: whether a code of one symbol with one bit is complete enough.
  /// - Returns: `false` when the lengths are those of no code.
  mutating func build(
    _ lengths: ArraySlice<UInt8>,
    meanings: [UInt32],
    mayBeSingle: Bool
  ) -> Bool {
    for length in counts.indices { counts[length] = 0 }
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    var left = 1
    for length in 1...Self.codeBitCountMax {
      left = left * 2 - Int(counts[length])
      if left < 0 { return false }
    }
    let longest = counts.lastIndex { $0 > 0 } ?? 0
    if left > 0, longest != 0, !(mayBeSingle && longest == 1) { return false }

    var offsets = [Int](repeating: 0, count: Self.codeBitCountMax + 2)
    var codes = [UInt32](repeating: 0, count: Self.codeBitCountMax + 2)
    for length in 1...Self.codeBitCountMax {
      offsets[length + 1] = offsets[length] + Int(counts[length])
      codes[length + 1] = (codes[length] + UInt32(counts[length])) << 1
    }
    symbols = [UInt16](repeating: 0, count: lengths.count)
    self.meanings = meanings
    for index in entries.indices { entries[index] = 0 }
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      symbols[offsets[length]] = UInt16(symbol)
      offsets[length] += 1
      let code = codes[length]
      codes[length] += 1
      guard length <= Self.lookupBitCount else { continue }
      // The stream has a code's first bit lowest.
      var index = Int(code.reversed(bitCount: length))
      let entry = meanings[symbol] | UInt32(length)
      while index < entries.count {
        entries[index] = entry
        index += 1 << length
      }
    }
    return true
  }

  /// The entry of a code that the table does not hold.
  ///
  /// - Parameter bits: the stream, first bit lowest.
  /// - Returns: `nil` when `count` bits do not end a code; an invalid entry when no code does.
  func findLong(_ bits: UInt64, count: Int) -> UInt32? {
    var code = 0
    var first = 0
    var index = 0
    for length in 1...Self.codeBitCountMax {
      guard length <= count else { return nil }
      code |= Int(bits >> UInt64(length - 1) & 1)
      let codeCount = Int(counts[length])
      if code - first < codeCount {
        return meanings[Int(symbols[index + code - first])] | UInt32(length)
      }
      index += codeCount
      first = (first + codeCount) << 1
      code <<= 1
    }
    return Kind.invalid << 8 | UInt32(Self.codeBitCountMax)
  }
}

extension UInt32 {
  /// The lowest `bitCount` bits in the opposite order.
  fileprivate func reversed(bitCount: Int) -> UInt32 {
    var rest = self
    var result: UInt32 = 0
    for _ in 0..<bitCount {
      result = result << 1 | rest & 1
      rest >>= 1
    }
    return result
  }
}

/// What deflate's symbols mean, and its fixed code (RFC 1951, 3.2.5 and 3.2.6).
enum DeflateSymbols {
  /// 288 entries: literals, the end, lengths, two that may not occur.
  static let lengths: [UInt32] = {
    var result = (0..<256).map { HuffmanTable.Kind.literal << 8 | UInt32($0) << 16 }
    result.append(HuffmanTable.Kind.end << 8)
    var base: UInt32 = 3
    for code in 0..<28 {
      let extra = UInt32(code < 8 ? 0 : code / 4 - 1)
      result.append(copy(base, extra))
      base += 1 << extra
    }
    result.append(copy(258, 0))
    return result + Array(repeating: HuffmanTable.Kind.invalid << 8, count: 2)
  }()

  /// 32 entries, the last two of which may not occur.
  static let distances: [UInt32] = {
    var result: [UInt32] = []
    var base: UInt32 = 1
    for code in 0..<30 {
      let extra = UInt32(code < 4 ? 0 : code / 2 - 1)
      result.append(copy(base, extra))
      base += 1 << extra
    }
    return result + Array(repeating: HuffmanTable.Kind.invalid << 8, count: 2)
  }()

  /// 19 entries whose value is the symbol.
  static let codeLengths: [UInt32] = (0..<19).map { UInt32($0) << 16 }

  /// The order in which the lengths of the code lengths' code are sent.
  static let codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  static let fixedLengths: [UInt8] =
    Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112)
    + Array(repeating: 7, count: 24) + Array(repeating: 8, count: 8)

  static let fixedDistances = [UInt8](repeating: 5, count: 32)

  private static func copy(_ base: UInt32, _ extra: UInt32) -> UInt32 {
    HuffmanTable.Kind.copy << 8 | extra << 4 | base << 16
  }
}
