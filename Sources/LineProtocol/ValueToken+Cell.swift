internal import Model

extension ValueToken {
  /// The double that a float token stands for, its sign included; infinity when it is too large.
  ///
  /// - Parameter base: what the token's offsets count from.
  func double(_ base: UnsafeRawPointer) -> Double {
    let magnitude = unsafe NearestDouble.value(
      mantissa: mantissa,
      exponent: Int(exponent),
      isTruncated: !isExact,
      digits: UnsafeRawBufferPointer(start: base + Int(start), count: Int(end - start)),
      pointlessExponent: Int(pointlessExponent)
    )
    return isNegative ? -magnitude : magnitude
  }

  /// The double that equals an integer token, or `nil` when none does.
  var exactDouble: Double? {
    guard mantissa != 0 else { return 0 }
    let magnitude = Double(mantissa)
    // 2^64 itself is no UInt64, so compare only what converts back.
    guard magnitude < 0x1p64, UInt64(magnitude) == mantissa else { return nil }
    return isNegative ? -magnitude : magnitude
  }

  /// The 64 bits of an integer, unsigned or boolean token.
  var integerCell: Cell { isNegative ? 0 &- mantissa : mantissa }

  /// The integer that this decimal is after scaling by 10 to the power of `scale`, when that is an
  /// integer of 32 bits. Zero with a minus sign is none.
  func scaled(by scale: Int) -> Int32? {
    guard isExact else { return nil }
    guard mantissa != 0 else { return isNegative && kind == .float ? nil : 0 }
    var value = mantissa
    var power = Int(exponent) + scale
    while power < 0 {
      guard value % 10 == 0 else { return nil }
      value /= 10
      power += 1
    }
    while power > 0 {
      guard value <= UInt64(Int32.max) else { return nil }
      value *= 10
      power -= 1
    }
    guard value <= UInt64(Int32.max) else { return nil }
    let magnitude = Int32(truncatingIfNeeded: value)
    return isNegative ? -magnitude : magnitude
  }

  /// The fewest decimals that write this number, if it is then an integer of 32 bits and a scale
  /// table can say so.
  var decimalsWanted: UInt8? {
    guard isExact, mantissa != 0 else { return nil }
    var value = mantissa
    var decimals = -Int(exponent)
    while decimals > 0, value % 10 == 0 {
      value /= 10
      decimals -= 1
    }
    guard decimals <= DecimalScale.exponentMax, value <= UInt64(Int32.max) else { return nil }
    if decimals <= 0 { return scaled(by: 0) == nil ? nil : 0 }
    return UInt8(decimals)
  }
}
