internal import Bytes
internal import Model

/// The members of one column's window as small integers: the minimum, what the others lie above it,
/// and the sum (docs/format/window.md, "payload").
///
/// Differences are taken modulo 2^64, so that any window goes through, bit for bit.
struct WindowMembers {
  private var control: WindowControl
  private var base: UInt64
  private var max: UInt64
  private var first: UInt64
  private var last: UInt64
  private var sum = Sum()

  private struct Sum {
    /// In the unit of the form; or, with ``WindowControl/Sum/float`` and
    /// ``WindowControl/Sum/integer``, the sum's own bits.
    var low: UInt64 = 0
    var high: UInt64 = 0
    var correction: Int8 = 0
  }

  /// - Parameter countByteCount: bytes of the record's largest count.
  @inline(__always)
  init(_ window: Window, type: ColumnType, countByteCount: Int) {
    if type != .float {
      self.init(integers: window, type: type, countByteCount: countByteCount)
    } else if let decimals = DecimalWindow(window) {
      self.init(decimals, window, countByteCount: countByteCount)
    } else {
      self.init(ranks: window, countByteCount: countByteCount)
    }
  }

  // MARK: Integers

  private init(integers window: Window, type: ColumnType, countByteCount: Int) {
    base =
      type == .integer ? ZigZag.encode(Int64(bitPattern: window.min)) : window.min
    max = window.max &- window.min
    first = window.first &- window.min
    last = window.last &- window.min
    let lowest = type == .integer ? Int128(Int64(bitPattern: window.min)) : Int128(window.min)
    let excess = UInt128(
      truncatingIfNeeded: window.sum.integer &- lowest &* Int128(window.count)
    )
    control = WindowControl(
      base: base,
      spread: max | first | last,
      sum: .excess,
      isMonotone: first == 0 && last == max,
      form: .whole
    )
    let width = control.excessByteCount(countByteCount: countByteCount)
    if excess >> UInt128(8 * width) == 0 {
      sum.low = UInt64(truncatingIfNeeded: excess)
      sum.high = UInt64(truncatingIfNeeded: excess >> 64)
    } else {
      control.setSum(.integer)
      sum.low = window.sum.low
      sum.high = window.sum.high
    }
  }

  // MARK: Doubles

  @inline(__always)
  private init(_ decimals: DecimalWindow, _ window: Window, countByteCount: Int) {
    base = ZigZag.encode(decimals.min)
    max = UInt64(bitPattern: decimals.max &- decimals.min)
    first = UInt64(bitPattern: decimals.first &- decimals.min)
    last = UInt64(bitPattern: decimals.last &- decimals.min)
    control = WindowControl(
      base: base,
      spread: max | first | last,
      sum: .excess,
      isMonotone: first == 0 && last == max,
      form: decimals.form
    )
    let width = control.excessByteCount(countByteCount: countByteCount)
    guard let (excess, correction) = decimals.excess(window),
      width >= 8 || excess >> UInt64(8 * width) == 0
    else {
      control.setSum(.float)
      sum.low = window.sum.low
      return
    }
    sum.low = excess
    sum.correction = correction
    control.setSum(correction == 0 ? .excess : .corrected)
  }

  @inline(never)
  private init(ranks window: Window, countByteCount: Int) {
    let lowest = FloatOrder.key(window.min)
    base = UInt64(bitPattern: lowest)
    max = UInt64(bitPattern: FloatOrder.key(window.max) &- lowest)
    first = UInt64(bitPattern: FloatOrder.key(window.first) &- lowest)
    last = UInt64(bitPattern: FloatOrder.key(window.last) &- lowest)
    control = WindowControl(
      base: base,
      spread: max | first | last,
      sum: .excess,
      isMonotone: first == 0 && last == max,
      form: .ranks
    )
    let product = Double(bitPattern: window.min) * Double(window.count)
    let correction = Int64(bitPattern: window.sum.low &- product.bitPattern)
    if max | first | last == 0, product.isFinite, let small = Int8(exactly: correction) {
      sum.correction = small
      if small != 0 { control.setSum(.corrected) }
    } else {
      control.setSum(.float)
      sum.low = window.sum.low
    }
  }

  // MARK: Writing

  /// Appends the payload and returns its control word.
  @inline(__always)
  func write(into target: inout OutputBuffer, countByteCount: Int) -> WindowControl {
    target.writeLow(base, byteCount: control.baseByteCount)
    let spread = control.spreadByteCount
    if spread > 0 {
      target.writeLow(max, byteCount: spread)
      if !control.isMonotone {
        target.writeLow(first, byteCount: spread)
        target.writeLow(last, byteCount: spread)
      }
    }
    switch control.sum {
    case .excess, .corrected:
      let width = control.excessByteCount(countByteCount: countByteCount)
      target.writeLow(sum.low, byteCount: min(width, 8))
      if width > 8 { target.writeLow(sum.high, byteCount: width - 8) }
      target.writeLow(
        UInt64(UInt8(bitPattern: sum.correction)),
        byteCount: control.sum == .corrected ? 1 : 0
      )
    case .float: target.writeInteger(sum.low)
    case .integer:
      target.writeInteger(sum.low)
      target.writeInteger(sum.high)
    }
    return control
  }
}

extension WindowControl {
  @inline(__always)
  fileprivate mutating func setSum(_ sum: Sum) {
    rawValue = rawValue & ~(3 << 6) | sum.rawValue << 6
  }
}

extension OutputBuffer {
  /// Appends the low `byteCount` bytes (0 ... 8) of `value`.
  @inline(__always)
  fileprivate mutating func writeLow(_ value: UInt64, byteCount: Int) {
    let end = count &+ byteCount
    writeInteger(value)
    truncate(to: end)
  }
}
