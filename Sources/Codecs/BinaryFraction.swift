internal import Model

/// Doubles as integers over a power of two, bit for bit: every finite double but −0 is one, and
/// many columns share a small power. A random number generator's numbers between 0 and 1 are
/// multiples of 2^−53, in 53 bits instead of the 56 that their patterns span.
enum BinaryFraction {
  static let exponentMax = 255
  /// Integers have at most so many bits, so that differences fit too.
  static let integerBitCountMax = 62
  /// Integers that span more bits than doubles have gain nothing.
  static let usefulBitCountMax = 56

  /// 2^`exponent`.
  static func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }

  /// The smallest exponent that all cells belong to; `nil` when there is none or it gains nothing.
  static func exponent(of cells: Span<Cell>) -> Int? {
    var exponent = 0
    var top = Int.min
    for index in cells.indices {
      let value = Double(bitPattern: cells[index])
      guard value.isFinite else { return nil }
      if value == 0 {
        guard value.sign == .plus else { return nil }
        continue
      }
      // The lowest bit that is set stands for 2^lowest.
      let lowest = Int(value.exponent) - value.significandWidth
      exponent = max(exponent, -lowest)
      top = max(top, Int(value.exponent))
      guard exponent <= exponentMax, top + exponent < usefulBitCountMax else { return nil }
    }
    return exponent > 0 ? exponent : nil
  }

  /// Fills `target` with the cells times 2^exponent.
  ///
  /// - Returns: whether all cells belong to the exponent; if not, what `target` holds is
  ///   unspecified.
  static func scale(_ cells: Span<Cell>, exponent: Int, into target: Words) -> Bool {
    let power = power(exponent)
    let limit = Self.power(integerBitCountMax)
    var mismatch: UInt64 = 0
    for index in 0..<target.count {
      let scaled = Double(bitPattern: cells[index]) * power
      guard scaled.magnitude < limit else { return false }
      let integer = Int64(scaled)
      // −0 comes back as 0, and so shows here.
      mismatch |= (Double(integer) / power).bitPattern ^ cells[index]
      target[index] = UInt64(bitPattern: integer)
    }
    return mismatch == 0
  }

  /// Turns integers into the doubles they stand for, in place.
  static func unscale(_ words: Words, exponent: Int) {
    let power = power(-exponent)
    for index in 0..<words.count {
      words[index] = (Double(words.signed(index)) * power).bitPattern
    }
  }
}
