/// The control word of one column in a window record (docs/format/window.md, "control word"): how
/// its payload reads, and how long it is.
///
///     bit   0     3       6     8        9      13
///           | base | spread | sum | monotone | form | zero |
///
/// - `base`, `spread`: widths, coded 0 ... 7 for 0, 1, 2, 3, 4, 5, 6 and 8 bytes.
/// - `monotone`: the first value is the minimum and the last the maximum; neither is written.
struct WindowControl {
  var rawValue: UInt16

  /// How the sum is written.
  enum Sum: UInt16 {
    /// By what it exceeds count times the minimum, in units of the form; nothing when every value
    /// is the same.
    case excess = 0
    /// The same, and how many doubles lie between it and the sum proper (one signed byte).
    case corrected = 1
    /// The double itself, 8 bytes.
    case float = 2
    /// The 128-bit integer itself, 16 bytes.
    case integer = 3
  }

  /// What the integers of a payload stand for.
  enum Form: UInt16 {
    /// Integers as they are, and doubles that are whole.
    case whole = 0
    /// Doubles that are an integer divided by a power of ten.
    case tenths = 1, hundredths, thousandths, tenThousandths, millionths, billionths, trillionths
    /// Doubles by their rank among all doubles.
    case ranks = 8
    /// A reference to the first and last string.
    case text = 9

    /// The exponent of the power of ten, of a form that is a decimal.
    var exponent: Int? {
      switch self {
      case .whole: 0
      case .tenths: 1
      case .hundredths: 2
      case .thousandths: 3
      case .tenThousandths: 4
      case .millionths: 6
      case .billionths: 9
      case .trillionths: 12
      case .ranks, .text: nil
      }
    }
  }

  static let absent = WindowControl(rawValue: 0)
  private static let isMonotone: UInt16 = 1 << 8
  private static let knownBits: UInt16 = 1 << 13 - 1

  init(rawValue: UInt16) { self.rawValue = rawValue }

  @inline(__always)
  init(base: UInt64, spread: UInt64, sum: Sum, isMonotone: Bool, form: Form) {
    rawValue =
      Self.widthCode(base) | Self.widthCode(spread) << 3 | sum.rawValue << 6
      | (isMonotone ? Self.isMonotone : 0) | form.rawValue << 9
  }

  /// The code of the narrowest width that holds `value`.
  @inline(__always)
  private static func widthCode(_ value: UInt64) -> UInt16 {
    UInt16(truncatingIfNeeded: min((71 &- value.leadingZeroBitCount) >> 3, 7))
  }

  @inline(__always)
  private static func width(_ code: UInt16) -> Int { Int(code) + (code == 7 ? 1 : 0) }

  @inline(__always) var baseByteCount: Int { Self.width(rawValue & 7) }
  @inline(__always) var spreadByteCount: Int { Self.width(rawValue >> 3 & 7) }
  @inline(__always) var isMonotone: Bool { rawValue & Self.isMonotone != 0 }
  @inline(__always) var sumCode: UInt16 { rawValue >> 6 & 3 }
  var sum: Sum { Sum(rawValue: sumCode) ?? .excess }
  /// `nil` for a form or a bit that the writer never sets.
  var form: Form? {
    rawValue & ~Self.knownBits == 0 ? Form(rawValue: rawValue >> 9) : nil
  }

  /// Bytes of the sum's excess: whatever fits the values that `count` of this spread can add up to.
  ///
  /// - Parameter countByteCount: bytes of the record's largest count.
  @inline(__always)
  func excessByteCount(countByteCount: Int) -> Int {
    spreadByteCount == 0 ? 0 : spreadByteCount + countByteCount
  }

  /// Bytes of the whole payload.
  @inline(__always)
  func payloadByteCount(countByteCount: Int) -> Int {
    let spread = spreadByteCount
    let values = baseByteCount + (isMonotone ? spread : 3 * spread)
    switch sumCode {
    case 0: return values + excessByteCount(countByteCount: countByteCount)
    case 1: return values + excessByteCount(countByteCount: countByteCount) + 1
    case 2: return values + 8
    default: return values + 16
    }
  }
}
