import Bytes
import Model
import Rollup
import TestSupport
import Testing

/// Version 1 of the window record (docs/format/window.md) opens for ever, and is still what is
/// written.
@Suite struct WindowFormatTests {
  static let minute: Int64 = 28_333_333
  static let types: [ColumnType] = [
    .float, .float, .float, .integer, .unsigned, .boolean, .string, .float,
  ]

  /// A server's minute: a gauge, a constant, noise, a counter that fell, a big counter, a flag, a
  /// state, and a value that nobody could measure.
  static func windows(_ strings: inout StringArena) -> [Window?] {
    let text = [strings.append([UInt8](text: "idle")), strings.append([UInt8](text: "busy"))]
    let start = minute * Nanoseconds.perMinute
    func window(
      _ sum: WindowSum,
      _ min: Cell,
      _ max: Cell,
      _ first: Cell,
      _ last: Cell
    ) -> Window {
      Window(
        count: 60,
        sum: sum,
        min: min,
        max: max,
        first: first,
        last: last,
        firstTimestamp: start,
        lastTimestamp: start + 59 * Nanoseconds.perSecond
      )
    }
    func float(
      _ sum: Double,
      _ min: Double,
      _ max: Double,
      _ first: Double,
      _ last: Double
    ) -> Window {
      window(
        WindowSum(float: sum),
        min.bitPattern,
        max.bitPattern,
        first.bitPattern,
        last.bitPattern
      )
    }
    return [
      float((1404.3).nextUp, 20.1, 31.2, 23.4, 25.6),
      float(2550, 42.5, 42.5, 42.5, 42.5),
      float(94.5, 1.0 / 3, 2.0 / 3, 0.5, 1.0 / 3),
      window(WindowSum(integer: -300), UInt64(bitPattern: -10), 5, 5, UInt64(bitPattern: -10)),
      window(WindowSum(integer: Int128(UInt64.max) * 60 - 7), .max - 7, .max, .max - 7, .max),
      window(WindowSum(integer: 60), 1, 1, 1, 1),
      window(.zero, 0, 0, text[0] ?? 0, text[1] ?? 0),
      float(.nan, .nan, .nan, .nan, .nan),
    ]
  }

  static func uniform() -> [UInt8] {
    var strings = StringArena()
    let windows = windows(&strings)
    return encoded(windows, strings)
  }

  /// The same with columns missing and rows of another time.
  static func mixed() -> [UInt8] {
    var strings = StringArena()
    var windows = windows(&strings)
    windows[1] = nil
    windows[4] = nil
    windows[3]?.count = 2
    windows[3]?.sum = WindowSum(integer: -5)
    windows[3]?.firstTimestamp += 1
    windows[5]?.lastTimestamp -= 1_500_000
    return encoded(windows, strings)
  }

  private static func encoded(_ windows: [Window?], _ strings: StringArena) -> [UInt8] {
    var buffer = OutputBuffer()
    WindowRecord.encode(
      fieldSet: FieldSetID(300),
      minute: minute,
      types: types,
      windows: windows,
      strings: strings,
      into: &buffer
    )
    return buffer.array()
  }

  @Test func aUniformRecordIsWrittenAsEver() throws {
    #expect(try Fixtures.matches("format-v1/window.uniform", Self.uniform()))
  }

  @Test func aMixedRecordIsWrittenAsEver() throws {
    #expect(try Fixtures.matches("format-v1/window.mixed", Self.mixed()))
  }

  @Test func aUniformRecordIsRead() throws {
    let bytes = try Fixtures.bytes("format-v1/window.uniform")
    #expect(WindowRecord.fieldSet(of: bytes.span) == FieldSetID(300))
    var strings = StringArena()
    var expectedStrings = StringArena()
    let expected = Self.windows(&expectedStrings)
    let found = try decoded(bytes, &strings)
    #expect(found == expected)
    #expect(strings.bytes == expectedStrings.bytes)
  }

  @Test func aMixedRecordIsRead() throws {
    let bytes = try Fixtures.bytes("format-v1/window.mixed")
    var strings = StringArena()
    let found = try decoded(bytes, &strings)
    #expect(found[1] == nil)
    #expect(found[4] == nil)
    #expect(found[3]?.count == 2)
    #expect(found[3]?.sum.integer == -5)
    #expect(found[3]?.firstTimestamp == Self.minute * Nanoseconds.perMinute + 1)
    #expect(found[5]?.lastTimestamp == Self.minute * Nanoseconds.perMinute + 58_998_500_000)
    #expect(found[7]?.min == Double.nan.bitPattern)
    #expect(strings.slice(found[6]?.last ?? 0) == [UInt8](text: "busy")[...])
  }

  private func decoded(
    _ bytes: [UInt8],
    _ strings: inout StringArena
  ) throws(WindowError) -> [Window?] {
    var windows: [Window?] = []
    try WindowRecord.decode(
      bytes.span,
      types: Self.types,
      wanted: Array(Self.types.indices),
      minute: Self.minute,
      into: &windows,
      strings: &strings
    )
    return windows
  }
}
