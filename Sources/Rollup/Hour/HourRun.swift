internal import Model

/// What stands before the arrays of a run (docs/format/hour.md, "run").
enum HourRun {
  /// Bits of the second control byte.
  enum Flags {
    /// Minimum, maximum, first and last of each window are one value.
    static let isSteady: UInt8 = 1 << 0
    /// The first value of each window is its minimum, the last its maximum.
    static let isRising: UInt8 = 1 << 1
    static let sumShift: UInt8 = 2
    static let known: UInt8 = 0b1111
  }

  /// How the sums are written.
  enum Sums: UInt8 {
    /// What each has beyond count times the minimum, in the integers of the form.
    case excess = 0
    /// The same, and the doubles between that and the sum proper.
    case corrected = 1
    /// The sums themselves: doubles by their rank.
    case ranks = 2
    /// 128-bit integers, 16 bytes each.
    case wide = 3
  }

  /// Timings that a head holds at most; a column of yet another one keeps its own.
  static let timingsMax = 15

  /// Corrections of more bits than these cost more than the sums.
  static let correctionMax: Int64 = 1 << 24

  /// Adding it to a number of smaller magnitude than 2^51 rounds to a whole one.
  static let rounder = 0x1.8p52
  static let wholeMax = 0x1p51

  /// The decimal forms in the order in which they are tried.
  static let decimalForms: [WindowControl.Form] = [
    .whole, .tenths, .hundredths, .thousandths, .tenThousandths, .millionths, .billionths,
    .trillionths,
  ]
}
