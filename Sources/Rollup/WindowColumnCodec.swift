internal import Bytes
internal import Model

/// The members of one column's window (docs/format/window.md, "column").
///
///     kind := low 3 bits: form, high 5 bits: decimal exponent
///     0 same integer      | value zigzag |                     every value is the same; the sum
///                                                              is count times it
///     1 integers          | min zigzag | max, first, last: varint above min | sum wide |
///     2 same decimal      | scaled zigzag |
///     3 decimals          | min zigzag | max, first, last: varint above min | sum zigzag |
///     4 decimals, raw sum | min zigzag | max, first, last: varint above min | sum 8 bytes |
///     5 same bits         | value 8 bytes | sum 8 bytes |
///     6 bits              | min, max, first, last, sum: 8 bytes each |
///     7 text              | first: varint length, bytes | last: the same |
///
/// A decimal is an integer divided by 10^exponent, where that is the very double. The sum of
/// decimals is put on their grid when that moves it by no more than rounding could have.
enum WindowColumnCodec {
  static let exponentMax = 9
  /// Scaled integers stay exact in a double.
  static let scaledMax = 9_007_199_254_740_992.0

  static func encode(
    _ window: Window, _ type: ColumnType, _ strings: StringArena, into target: inout ByteWriter
  ) {
    switch type {
    case .float: encodeFloat(window, into: &target)
    case .integer, .unsigned, .boolean: encodeInteger(window, type, into: &target)
    case .string:
      target.writeByte(7)
      target.writeLengthPrefixed(strings.slice(window.first) ?? [])
      target.writeLengthPrefixed(strings.slice(window.last) ?? [])
    }
  }

  static func decode(
    _ reader: inout ByteReader, _ type: ColumnType, _ window: inout Window,
    _ strings: inout StringArena
  ) -> Bool {
    guard let kind = reader.readByte() else { return false }
    let form = kind & 7
    let isDone: Bool? =
      switch type {
      case .float: decodeFloat(&reader, form, Int(kind >> 3), &window)
      case .integer, .unsigned, .boolean: decodeInteger(&reader, form, type, &window)
      case .string: decodeText(&reader, form, &window, &strings)
      }
    return isDone == true && reader.remaining == 0
  }

  // MARK: Integers

  private static func encodeInteger(
    _ window: Window, _ type: ColumnType, into target: inout ByteWriter
  ) {
    let base = type == .integer ? Int128(Int64(bitPattern: window.min)) : Int128(window.min)
    let isSame =
      window.min == window.max && window.sum.integer == base &* Int128(window.count)
    target.writeByte(isSame ? 0 : 1)
    target.writeSignedVarint(Int64(bitPattern: window.min))
    guard !isSame else { return }
    for cell in [window.max, window.first, window.last] { target.writeVarint(cell &- window.min) }
    // What the sum has beyond count times the minimum: small and never negative.
    let rest = window.sum.integer &- base &* Int128(window.count)
    target.writeVarint(UInt64(truncatingIfNeeded: rest))
    target.writeSignedVarint(Int64(truncatingIfNeeded: rest >> 64))
  }

  private static func decodeInteger(
    _ reader: inout ByteReader, _ form: UInt8, _ type: ColumnType, _ window: inout Window
  ) -> Bool? {
    guard form <= 1, let low = reader.readSignedVarint() else { return nil }
    window.min = UInt64(bitPattern: low)
    let base = type == .integer ? Int128(low) : Int128(window.min)
    if form == 0 {
      window.max = window.min
      window.first = window.min
      window.last = window.min
      window.sum = WindowSum(integer: base &* Int128(window.count))
      return true
    }
    guard let max = reader.readVarint(), let first = reader.readVarint(),
      let last = reader.readVarint(), let restLow = reader.readVarint(),
      let restHigh = reader.readSignedVarint()
    else { return nil }
    window.max = window.min &+ max
    window.first = window.min &+ first
    window.last = window.min &+ last
    let rest = Int128(restHigh) << 64 | Int128(restLow)
    window.sum = WindowSum(integer: base &* Int128(window.count) &+ rest)
    return true
  }

  // MARK: Floats

  private static func encodeFloat(_ window: Window, into target: inout ByteWriter) {
    let isSame =
      window.min == window.max && window.first == window.min && window.last == window.min
    guard let exponent = exponent(window, isSame: isSame) else {
      target.writeByte(isSame ? 5 : 6)
      let members =
        isSame ? [window.min] : [window.min, window.max, window.first, window.last]
      for cell in members { target.writeInteger(cell) }
      target.writeInteger(window.sum.low)
      return
    }
    let power = DecimalScale.powers[exponent]
    let low = scaled(window.min, power)
    let tag = UInt8(exponent) << 3
    let sum = snappedSum(window, power)
    if isSame, let sum, sum == low &* Int64(truncatingIfNeeded: window.count) {
      target.writeByte(tag | 2)
      target.writeSignedVarint(low)
      return
    }
    target.writeByte(tag | (sum == nil ? 4 : 3))
    target.writeSignedVarint(low)
    for cell in [window.max, window.first, window.last] {
      target.writeVarint(UInt64(bitPattern: scaled(cell, power) &- low))
    }
    if let sum { target.writeSignedVarint(sum) } else { target.writeInteger(window.sum.low) }
  }

  private static func scaled(_ cell: Cell, _ power: Double) -> Int64 {
    Int64((Double(bitPattern: cell) * power).rounded())
  }

  private static func isExact(_ cell: Cell, _ power: Double) -> Bool {
    let value = (Double(bitPattern: cell) * power).rounded()
    // Minus zero has no integer.
    guard abs(value) < scaledMax, value != 0 || cell == 0 else { return false }
    return (value / power).bitPattern == cell
  }

  /// The smallest exponent at which every member is an integer; `nil` when there is none.
  private static func exponent(_ window: Window, isSame: Bool) -> Int? {
    var exponent = 0
    for cell in isSame ? [window.min] : [window.min, window.max, window.first, window.last] {
      while !isExact(cell, DecimalScale.powers[exponent]) {
        exponent += 1
        guard exponent <= exponentMax else { return nil }
      }
    }
    // A larger exponent may break what a smaller one held (beyond 2^53).
    let power = DecimalScale.powers[exponent]
    let isWhole = [window.min, window.max, window.first, window.last].allSatisfy {
      isExact($0, power)
    }
    return isWhole ? exponent : nil
  }

  /// The sum as an integer of the decimals' grid, when the grid's sum is within the rounding of
  /// `count` additions.
  private static func snappedSum(_ window: Window, _ power: Double) -> Int64? {
    let sum = window.sum.float
    let value = (sum * power).rounded()
    guard abs(value) < scaledMax else { return nil }
    let largest = max(
      abs(Double(bitPattern: window.min)), abs(Double(bitPattern: window.max)))
    let bound = largest * Double(window.count) * 0x1p-50
    return abs(value / power - sum) <= bound ? Int64(value) : nil
  }

  private static func decodeFloat(
    _ reader: inout ByteReader, _ form: UInt8, _ exponent: Int, _ window: inout Window
  ) -> Bool? {
    guard exponent <= exponentMax else { return nil }
    let power = DecimalScale.powers[exponent]
    switch form {
    case 2:
      guard let low = reader.readSignedVarint() else { return nil }
      let cell = (Double(low) / power).bitPattern
      set(&window, cell, cell, cell, cell)
      let (sum, overflowed) = low.multipliedReportingOverflow(
        by: Int64(truncatingIfNeeded: window.count))
      guard !overflowed else { return nil }
      window.sum = WindowSum(float: Double(sum) / power)
      return true
    case 3, 4:
      guard let low = reader.readSignedVarint(), let max = reader.readVarint(),
        let first = reader.readVarint(), let last = reader.readVarint()
      else { return nil }
      let cells = [0, max, first, last].map {
        (Double(low &+ Int64(bitPattern: $0)) / power).bitPattern
      }
      set(&window, cells[0], cells[1], cells[2], cells[3])
      if form == 3 {
        guard let sum = reader.readSignedVarint() else { return nil }
        window.sum = WindowSum(float: Double(sum) / power)
      } else {
        guard let sum = reader.readInteger(UInt64.self) else { return nil }
        window.sum = WindowSum(low: sum, high: 0)
      }
      return true
    case 5:
      guard let cell = reader.readInteger(UInt64.self), let sum = reader.readInteger(UInt64.self)
      else { return nil }
      set(&window, cell, cell, cell, cell)
      window.sum = WindowSum(low: sum, high: 0)
      return true
    case 6:
      guard let min = reader.readInteger(UInt64.self), let max = reader.readInteger(UInt64.self),
        let first = reader.readInteger(UInt64.self), let last = reader.readInteger(UInt64.self),
        let sum = reader.readInteger(UInt64.self)
      else { return nil }
      set(&window, min, max, first, last)
      window.sum = WindowSum(low: sum, high: 0)
      return true
    default: return nil
    }
  }

  private static func set(
    _ window: inout Window, _ min: Cell, _ max: Cell, _ first: Cell, _ last: Cell
  ) {
    window.min = min
    window.max = max
    window.first = first
    window.last = last
  }

  // MARK: Text

  private static func decodeText(
    _ reader: inout ByteReader, _ form: UInt8, _ window: inout Window, _ strings: inout StringArena
  ) -> Bool? {
    guard form == 7, let first = reader.readLengthPrefixed(byteCountMax: reader.remaining),
      let last = reader.readLengthPrefixed(byteCountMax: reader.remaining),
      let firstCell = strings.append(first), let lastCell = strings.append(last)
    else { return nil }
    window.first = firstCell
    window.last = lastCell
    return true
  }
}
