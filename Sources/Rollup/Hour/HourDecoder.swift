internal import Bytes
public import Model

/// Members of windows, some of which a reader wants.
public struct WindowParts: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The maximum; counts, minima and sums are always read.
  public static let maximum = WindowParts(rawValue: 1)
  /// First and last, and their times.
  public static let ends = WindowParts(rawValue: 2)
  public static let all: WindowParts = [.maximum, .ends]
}

/// Reads runs that ``HourEncoder`` wrote. No byte pattern can trap here.
public struct HourDecoder: Sendable {
  public private(set) var hour: Int64 = 0
  public private(set) var fieldSet = FieldSetID(0)
  public private(set) var columnCount = 0
  /// The bytes of the head that was read last: series of one layout mostly have the same.
  private var head: [UInt8] = []
  /// Those of the head, the first ``timingCount``, and behind them those of earlier ones, kept for
  /// their memory.
  private var timings: [HourTiming] = []
  private var timingCount = 0
  /// The timing of a run that has one of its own.
  private var ownTiming = HourTiming()
  // The arrays of a run, kept for their memory.
  private var minima: [Int64]
  private var sums: [Int64]
  private var corrections: [Int64]
  private var spreads: [Int64]
  private var firsts: [Int64]
  private var lasts: [Int64]

  /// A decoder that has read no head yet.
  public init() {
    let none = [Int64](repeating: 0, count: HourTiming.minutesPerHour)
    (minima, sums, corrections, spreads, firsts, lasts) = (none, none, none, none, none, none)
  }

  /// A decoder of one head's runs.
  public init(_ head: Span<UInt8>, hour: Int64) throws(WindowError) {
    self.init()
    try begin(head, hour: hour)
  }

  /// Reads a head; the runs that follow belong to it.
  ///
  /// - Parameter hour: the hour that it belongs to.
  /// - Throws: ``WindowError``.
  public mutating func begin(_ head: Span<UInt8>, hour: Int64) throws(WindowError) {
    self.hour = hour
    if isSame(head) { return }
    self.head.removeAll(keepingCapacity: true)
    var reader = PackedArrayReader(head)
    guard let version = reader.readByte() else { throw .truncated }
    guard version == HourEncoder.version else { throw .version(version) }
    guard let fieldSet = reader.readVarint(), let columns = reader.readVarint(),
      let timingCount = reader.readByte()
    else { throw .truncated }
    guard fieldSet <= UInt64(UInt32.max) else { throw .malformed(.fieldSet) }
    guard columns <= UInt64(Limits.fieldsPerRowMax) else {
      throw .columnCount(found: Int(clamping: columns), expected: Limits.fieldsPerRowMax)
    }
    guard Int(timingCount) <= HourRun.timingsMax else { throw .malformed(.timing) }
    self.fieldSet = FieldSetID(UInt32(fieldSet))
    columnCount = Int(columns)
    self.timingCount = Int(timingCount)
    for index in 0..<self.timingCount {
      if index == timings.count { timings.append(HourTiming()) }
      guard timings[index].read(&reader) else { throw .malformed(.timing) }
    }
    for index in head.indices { self.head.append(head[index]) }
  }

  /// Whether these are the bytes of the head that was read last.
  private func isSame(_ head: Span<UInt8>) -> Bool {
    guard head.count == self.head.count, !head.isEmpty else { return false }
    for index in head.indices where head[index] != self.head[index] { return false }
    return true
  }

  /// Reads the run of one column.
  ///
  /// - Parameters:
  ///   - run: its bytes; empty when the column has no window.
  ///   - type: the column's.
  ///   - parts: what is wanted beside counts, minima and sums; other members are anything.
  ///   - windows: gets the windows by minute of the hour, a missing one with a count of 0.
  ///   - start: where the hour's sixty begin in `windows`.
  ///   - strings: gets the texts of a string column.
  /// - Throws: ``WindowError``; `windows` then holds anything.
  /// - Complexity: about 10 ns a window.
  public mutating func decode(
    _ run: Span<UInt8>,
    type: ColumnType,
    parts: WindowParts = .all,
    into windows: inout [Window],
    at start: Int = 0,
    strings: inout StringArena
  ) throws(WindowError) {
    precondition(start >= 0)
    precondition(windows.count - start >= HourTiming.minutesPerHour)
    let minutes = start..<start + HourTiming.minutesPerHour
    guard !run.isEmpty else {
      for minute in minutes { windows[minute].count = 0 }
      return
    }
    var reader = PackedArrayReader(run)
    let count = try readTiming(&reader, parts, into: &windows, at: start)
    guard let code = reader.readByte(), let flags = reader.readByte() else { throw .truncated }
    guard let form = WindowControl.Form(rawValue: UInt16(code)),
      flags & ~HourRun.Flags.known == 0,
      let sumMode = HourRun.Sums(rawValue: flags >> HourRun.Flags.sumShift),
      Self.fits(form, sumMode, flags, type)
    else { throw .malformed(.control) }
    if form == .text {
      try readTexts(&reader, run, count, into: &windows, minutes, &strings)
      return
    }
    let sumsAt = try readArrays(&reader, count, sumMode, flags, parts)
    switch type {
    case .float: makeFloats(form, sumMode, flags, parts, &windows, minutes)
    default: makeIntegers(type, sumMode, flags, parts, run, sumsAt, &windows, minutes)
    }
  }

  /// Gives the windows the times that a run names or brings along.
  ///
  /// - Returns: how many windows there are.
  private mutating func readTiming(
    _ reader: inout PackedArrayReader,
    _ parts: WindowParts,
    into windows: inout [Window],
    at start: Int
  ) throws(WindowError) -> Int {
    let withTimes = parts.contains(.ends)
    guard let number = reader.readByte() else { throw .truncated }
    guard number <= timingCount else { throw .malformed(.timingIndex) }
    if number > 0 {
      let index = Int(number) - 1
      timings[index].lay(out: &windows, at: start, hour: hour, withTimes: withTimes)
      return timings[index].count
    }
    guard ownTiming.read(&reader) else { throw .malformed(.timing) }
    ownTiming.lay(out: &windows, at: start, hour: hour, withTimes: withTimes)
    return ownTiming.count
  }

  /// Whether the writer pairs these.
  private static func fits(
    _ form: WindowControl.Form,
    _ sums: HourRun.Sums,
    _ flags: UInt8,
    _ type: ColumnType
  ) -> Bool {
    switch type {
    case .float:
      form != .text && sums != .wide && (form != .ranks || sums == .ranks)
    case .integer, .unsigned, .boolean: form == .whole && (sums == .excess || sums == .wide)
    case .string: form == .text && flags == 0
    }
  }

  /// Reads all arrays of numbers.
  ///
  /// - Returns: where 128-bit sums begin.
  private mutating func readArrays(
    _ reader: inout PackedArrayReader,
    _ count: Int,
    _ sumMode: HourRun.Sums,
    _ flags: UInt8,
    _ parts: WindowParts
  ) throws(WindowError) -> Int {
    guard reader.read(count, into: &minima) != nil else { throw .truncated }
    let sumsAt = reader.position
    if sumMode == .wide {
      guard reader.take(16 * count) != nil else { throw .truncated }
    } else {
      guard reader.read(count, into: &sums) != nil else { throw .truncated }
    }
    if sumMode == .corrected {
      guard reader.read(count, into: &corrections) != nil else { throw .truncated }
    }
    if flags & HourRun.Flags.isSteady != 0 || parts.isEmpty { return sumsAt }
    guard reader.read(count, into: &spreads) != nil else { throw .truncated }
    if flags & HourRun.Flags.isRising != 0 || !parts.contains(.ends) { return sumsAt }
    guard reader.read(count, into: &firsts) != nil, reader.read(count, into: &lasts) != nil else {
      throw .truncated
    }
    return sumsAt
  }

  /// Maximum, first and last of a window in the integers of the form.
  @inline(__always)
  private func others(_ index: Int, _ flags: UInt8) -> (max: Int64, first: Int64, last: Int64) {
    let least = minima[index]
    if flags & HourRun.Flags.isSteady != 0 { return (least, least, least) }
    let greatest = least &+ spreads[index]
    if flags & HourRun.Flags.isRising != 0 { return (greatest, least, greatest) }
    return (greatest, least &+ firsts[index], least &+ lasts[index])
  }

  private func makeIntegers(
    _ type: ColumnType,
    _ sumMode: HourRun.Sums,
    _ flags: UInt8,
    _ parts: WindowParts,
    _ run: Span<UInt8>,
    _ sumsAt: Int,
    _ windows: inout [Window],
    _ minutes: Range<Int>
  ) {
    var wide = PackedArrayReader(run, sumsAt)
    var index = 0
    for minute in minutes where windows[minute].count > 0 {
      let least = minima[index]
      let (greatest, first, last) = others(index, flags)
      windows[minute].min = UInt64(bitPattern: least)
      if parts.contains(.maximum) { windows[minute].max = UInt64(bitPattern: greatest) }
      if parts.contains(.ends) {
        windows[minute].first = UInt64(bitPattern: first)
        windows[minute].last = UInt64(bitPattern: last)
      }
      if sumMode == .wide {
        windows[minute].sum = WindowSum(low: wide.readWord() ?? 0, high: wide.readWord() ?? 0)
      } else {
        let base = type == .integer ? Int128(least) : Int128(UInt64(bitPattern: least))
        let excess = Int128(UInt64(bitPattern: sums[index]))
        windows[minute].sum = WindowSum(
          integer: base &* Int128(windows[minute].count) &+ excess
        )
      }
      index += 1
    }
  }

  private func makeFloats(
    _ form: WindowControl.Form,
    _ sumMode: HourRun.Sums,
    _ flags: UInt8,
    _ parts: WindowParts,
    _ windows: inout [Window],
    _ minutes: Range<Int>
  ) {
    let power = DecimalWindow.power(form)
    @inline(__always)
    func cell(_ value: Int64) -> Cell {
      form == .ranks ? FloatOrder.cell(value) : (Double(value) / power).bitPattern
    }
    var index = 0
    for minute in minutes where windows[minute].count > 0 {
      let least = minima[index]
      let (greatest, first, last) = others(index, flags)
      windows[minute].min = cell(least)
      if parts.contains(.maximum) { windows[minute].max = cell(greatest) }
      if parts.contains(.ends) {
        windows[minute].first = cell(first)
        windows[minute].last = cell(last)
      }
      if sumMode == .ranks {
        windows[minute].sum = WindowSum(low: FloatOrder.cell(sums[index]), high: 0)
      } else {
        let scaled = least &* Int64(bitPattern: windows[minute].count) &+ sums[index]
        let nearest = (Double(scaled) / power).bitPattern
        let correction = sumMode == .corrected ? corrections[index] : 0
        windows[minute].sum = WindowSum(
          low: nearest &+ UInt64(bitPattern: correction),
          high: 0
        )
      }
      index += 1
    }
  }

  private mutating func readTexts(
    _ reader: inout PackedArrayReader,
    _ run: Span<UInt8>,
    _ windowCount: Int,
    into windows: inout [Window],
    _ minutes: Range<Int>,
    _ strings: inout StringArena
  ) throws(WindowError) {
    guard let count = reader.readVarint() else { throw .truncated }
    guard count <= UInt64(2 * HourTiming.minutesPerHour) else { throw .malformed(.text) }
    var cells: [Cell] = []
    for _ in 0..<count {
      guard let length = reader.readVarint(), length <= UInt64(run.count),
        let range = reader.take(Int(length)), let cell = strings.append(run.extracting(range))
      else { throw .malformed(.text) }
      cells.append(cell)
    }
    guard reader.read(windowCount, into: &firsts) != nil,
      reader.read(windowCount, into: &lasts) != nil
    else { throw .truncated }
    var index = 0
    for minute in minutes where windows[minute].count > 0 {
      guard cells.indices.contains(Int(firsts[index])), cells.indices.contains(Int(lasts[index]))
      else { throw .malformed(.text) }
      windows[minute].first = cells[Int(firsts[index])]
      windows[minute].last = cells[Int(lasts[index])]
      (windows[minute].min, windows[minute].max) = (0, 0)
      windows[minute].sum = .zero
      index += 1
    }
  }
}
