internal import Bytes
internal import Model

/// Reads the payload of one column.
struct WindowPayload: ~Escapable {
  private let bytes: Span<UInt8>
  private var position: Int

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>, _ position: Int) {
    self.bytes = bytes
    self.position = position
  }

  /// A little-endian integer of `byteCount` bytes (0 ... 8); `nil` when they run out.
  @inline(__always)
  mutating func read(_ byteCount: Int) -> UInt64? {
    guard position <= bytes.count &- byteCount else { return nil }
    if position <= bytes.count &- 8 {
      // A whole word at once, where the record goes on for that long.
      var reader = ByteReader(bytes.extracting(position..<position &+ 8))
      position &+= byteCount
      return reader.readInteger(UInt64.self).map {
        byteCount == 8 ? $0 : $0 & (1 << UInt64(8 &* byteCount) &- 1)
      }
    }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      value |= UInt64(bytes[position &+ index]) &<< UInt64(8 &* index)
    }
    position &+= byteCount
    return value
  }

  mutating func read(
    _ control: WindowControl,
    _ type: ColumnType,
    _ countByteCount: Int,
    _ window: inout Window,
    _ strings: inout StringArena
  ) throws(WindowError) {
    guard let form = control.form, Self.fits(form, control.sum, type) else {
      throw .malformed(.control)
    }
    let spread = control.spreadByteCount
    guard let base = read(control.baseByteCount), let max = read(spread) else { throw .truncated }
    if form == .text {
      guard let text = WindowText.read(bytes, at: Int(clamping: base), into: &strings) else {
        throw .malformed(.text)
      }
      (window.first, window.last) = text
      return
    }
    var first: UInt64 = 0
    var last = max
    if !control.isMonotone {
      guard let read1 = read(spread), let read2 = read(spread) else { throw .truncated }
      first = read1
      last = read2
    }
    let lowest =
      type == .integer || form.exponent != nil && type == .float
      ? UInt64(bitPattern: ZigZag.decode(base)) : base
    window.min = lowest
    window.max = lowest &+ max
    window.first = lowest &+ first
    window.last = lowest &+ last
    guard let sum = readSum(control, form, type, lowest, window.count, countByteCount) else {
      throw .truncated
    }
    window.sum = sum
    if type == .float { Self.makeFloats(&window, form) }
  }

  /// Whether the writer pairs these.
  private static func fits(
    _ form: WindowControl.Form,
    _ sum: WindowControl.Sum,
    _ type: ColumnType
  ) -> Bool {
    switch type {
    case .float: form != .text && sum != .integer
    case .integer, .unsigned, .boolean: form == .whole && (sum == .excess || sum == .integer)
    case .string: form == .text
    }
  }

  private mutating func readSum(
    _ control: WindowControl,
    _ form: WindowControl.Form,
    _ type: ColumnType,
    _ lowest: UInt64,
    _ count: UInt64,
    _ countByteCount: Int
  ) -> WindowSum? {
    switch control.sum {
    case .float:
      guard let bits = read(8) else { return nil }
      return WindowSum(low: bits, high: 0)
    case .integer:
      guard let low = read(8), let high = read(8) else { return nil }
      return WindowSum(low: low, high: high)
    case .excess, .corrected:
      let width = control.excessByteCount(countByteCount: countByteCount)
      guard let low = read(min(width, 8)), let high = read(max(width - 8, 0)) else { return nil }
      if type != .float {
        let excess = Int128(truncatingIfNeeded: UInt128(high) << 64 | UInt128(low))
        let base = type == .integer ? Int128(Int64(bitPattern: lowest)) : Int128(lowest)
        return WindowSum(integer: base &* Int128(count) &+ excess)
      }
      let sum: Double
      if form == .ranks {
        sum = Double(bitPattern: FloatOrder.cell(Int64(bitPattern: lowest))) * Double(count)
      } else {
        let scaled = Int64(bitPattern: lowest &* count &+ low)
        sum = Double(scaled) / DecimalWindow.power(form)
      }
      guard control.sum == .corrected else { return WindowSum(float: sum) }
      guard let byte = read(1) else { return nil }
      let correction = Int64(Int8(truncatingIfNeeded: byte))
      return WindowSum(low: sum.bitPattern &+ UInt64(bitPattern: correction), high: 0)
    }
  }

  /// Turns the integers of a float column into the doubles that they stand for.
  @inline(__always)
  private static func makeFloats(_ window: inout Window, _ form: WindowControl.Form) {
    if form == .ranks {
      window.min = FloatOrder.cell(Int64(bitPattern: window.min))
      window.max = FloatOrder.cell(Int64(bitPattern: window.max))
      window.first = FloatOrder.cell(Int64(bitPattern: window.first))
      window.last = FloatOrder.cell(Int64(bitPattern: window.last))
    } else {
      let power = DecimalWindow.power(form)
      window.min = (Double(Int64(bitPattern: window.min)) / power).bitPattern
      window.max = (Double(Int64(bitPattern: window.max)) / power).bitPattern
      window.first = (Double(Int64(bitPattern: window.first)) / power).bitPattern
      window.last = (Double(Int64(bitPattern: window.last)) / power).bitPattern
    }
  }
}
