public import Bytes
public import Model

/// Encodes the windows of one series in one hour, column by column (docs/format/hour.md): for each
/// column a run of up to sixty windows, and a head that all runs need.
///
/// Exact: what is read is bit for bit what was written.
public struct HourEncoder {
  public static let version: UInt8 = 1
  /// Windows of a column that a run takes.
  public static let minutesPerHour = HourTiming.minutesPerHour

  private let hour: Int64
  private let fieldSet: FieldSetID
  private let columnCount: Int
  private var timings: [HourTiming] = []
  private var latest = 0
  // Members of the windows that are there, kept for their memory.
  private var cells: [Cell] = []
  private var members: [Int64] = []
  private var part: [Int64] = []
  private var corrections: [Int64] = []
  private var present: [Window] = []

  /// - Parameters:
  ///   - hour: since the epoch.
  ///   - fieldSet: the field set whose columns the runs are, in its order.
  public init(hour: Int64, fieldSet: FieldSetID, columnCount: Int) {
    self.hour = hour
    self.fieldSet = fieldSet
    self.columnCount = columnCount
  }

  /// Appends the run of one column; nothing when it has no window.
  ///
  /// - Parameters:
  ///   - windows: sixty, by minute of the hour; one that is missing has a count of 0.
  ///   - strings: behind the first and last of a string column.
  /// - Complexity: about 50 ns a window.
  public mutating func encode(
    _ windows: Span<Window>,
    type: ColumnType,
    strings: StringArena,
    into target: inout OutputBuffer
  ) {
    precondition(windows.count == Self.minutesPerHour)
    present.removeAll(keepingCapacity: true)
    for minute in windows.indices where windows[minute].count > 0 {
      present.append(windows[minute])
    }
    guard !present.isEmpty else { return }
    writeTiming(windows, into: &target)
    switch type {
    case .float: encodeFloats(into: &target)
    case .integer, .unsigned, .boolean: encodeIntegers(type, into: &target)
    case .string: encodeTexts(strings, into: &target)
    }
  }

  /// Appends the head, once all runs are encoded.
  public func encodeHead(into target: inout OutputBuffer) {
    target.writeByte(Self.version)
    target.writeVarint(UInt64(fieldSet.rawValue))
    target.writeVarint(UInt64(columnCount))
    target.writeByte(UInt8(timings.count))
    for timing in timings { timing.encode(into: &target) }
  }

  // MARK: Timing

  private mutating func writeTiming(_ windows: Span<Window>, into target: inout OutputBuffer) {
    if latest < timings.count, timings[latest].holds(windows, hour: hour) {
      target.writeByte(UInt8(latest + 1))
      return
    }
    if let known = knownTiming(windows) {
      latest = known
      target.writeByte(UInt8(known + 1))
      return
    }
    let timing = HourTiming(windows, hour: hour)
    precondition(timing.isSound, "a window lies outside of its minute")
    if timings.count < HourRun.timingsMax {
      timings.append(timing)
      latest = timings.count - 1
      target.writeByte(UInt8(timings.count))
    } else {
      target.writeByte(0)
      timing.encode(into: &target)
    }
  }

  private func knownTiming(_ windows: Span<Window>) -> Int? {
    for index in timings.indices where timings[index].holds(windows, hour: hour) { return index }
    return nil
  }

  // MARK: Integers

  private mutating func encodeIntegers(_ type: ColumnType, into target: inout OutputBuffer) {
    var excesses: [Int64] = []
    var isWide = false
    for window in present {
      let least =
        type == .integer ? Int128(Int64(bitPattern: window.min)) : Int128(window.min)
      let excess = window.sum.integer &- least &* Int128(window.count)
      isWide = isWide || excess < 0 || excess > Int128(UInt64.max)
      excesses.append(Int64(truncatingIfNeeded: excess))
    }
    members.removeAll(keepingCapacity: true)
    for window in present { members.append(Int64(bitPattern: window.min)) }
    for window in present { members.append(Int64(bitPattern: window.max &- window.min)) }
    for window in present { members.append(Int64(bitPattern: window.first &- window.min)) }
    for window in present { members.append(Int64(bitPattern: window.last &- window.min)) }
    let flags = writeControl(.whole, sums: isWide ? .wide : .excess, into: &target)
    writeMember(0, into: &target)
    if isWide {
      for window in present {
        target.writeInteger(window.sum.low)
        target.writeInteger(window.sum.high)
      }
    } else {
      PackedArray.encode(excesses, into: &target)
    }
    writeSpreads(flags, into: &target)
  }

  // MARK: Doubles

  private mutating func encodeFloats(into target: inout OutputBuffer) {
    let count = present.count
    cells.removeAll(keepingCapacity: true)
    for window in present { cells.append(window.min) }
    for window in present { cells.append(window.max) }
    for window in present { cells.append(window.first) }
    for window in present { cells.append(window.last) }
    members.removeAll(keepingCapacity: true)
    let form = decimalForm() ?? .ranks
    if form == .ranks {
      for cell in cells { members.append(FloatOrder.key(cell)) }
    } else {
      let power = DecimalWindow.power(form)
      for cell in cells {
        let shifted = Double(bitPattern: cell) * power + HourRun.rounder
        members.append(Int64(bitPattern: shifted.bitPattern &- HourRun.rounder.bitPattern))
      }
    }
    for index in count..<4 * count { members[index] &-= members[index % count] }
    let sums = form == .ranks ? rankSums() : decimalSums(form)
    let flags = writeControl(form, sums: sums, into: &target)
    writeMember(0, into: &target)
    PackedArray.encode(part, into: &target)
    if sums == .corrected { PackedArray.encode(corrections, into: &target) }
    writeSpreads(flags, into: &target)
  }

  /// The first decimal form that gives every value back bit for bit.
  private func decimalForm() -> WindowControl.Form? {
    for form in HourRun.decimalForms {
      let power = DecimalWindow.power(form)
      // The first value alone refuses most forms.
      guard Self.isWhole(cells[0], power) else { continue }
      var isExact = true
      for cell in cells where isExact { isExact = Self.isWhole(cell, power) }
      if isExact { return form }
    }
    return nil
  }

  @inline(__always)
  private static func isWhole(_ cell: Cell, _ power: Double) -> Bool {
    let whole = (Double(bitPattern: cell) * power + HourRun.rounder) - HourRun.rounder
    return (whole / power).bitPattern == cell && whole.magnitude < HourRun.wholeMax
  }

  /// Puts the sums of decimals into `part` and `corrections`.
  private mutating func decimalSums(_ form: WindowControl.Form) -> HourRun.Sums {
    let power = DecimalWindow.power(form)
    part.removeAll(keepingCapacity: true)
    corrections.removeAll(keepingCapacity: true)
    var isCorrected = false
    for (index, window) in present.enumerated() {
      let shifted = window.sum.float * power + HourRun.rounder
      let whole = shifted - HourRun.rounder
      let sum = Int64(bitPattern: shifted.bitPattern &- HourRun.rounder.bitPattern)
      let correction = Int64(bitPattern: window.sum.low &- (whole / power).bitPattern)
      guard whole.magnitude < HourRun.wholeMax, correction.magnitude < HourRun.correctionMax
      else { return rankSums() }
      part.append(sum &- members[index] &* Int64(bitPattern: window.count))
      corrections.append(correction)
      isCorrected = isCorrected || correction != 0
    }
    return isCorrected ? .corrected : .excess
  }

  private mutating func rankSums() -> HourRun.Sums {
    part.removeAll(keepingCapacity: true)
    for window in present { part.append(FloatOrder.key(window.sum.low)) }
    return .ranks
  }

  // MARK: Texts

  private func encodeTexts(_ strings: StringArena, into target: inout OutputBuffer) {
    var numbers: [ArraySlice<UInt8>: Int64] = [:]
    var texts: [ArraySlice<UInt8>] = []
    func number(_ cell: Cell) -> Int64 {
      guard let text = strings.slice(cell) else {
        preconditionFailure("a string cell of another arena")
      }
      if let known = numbers[text] { return known }
      numbers[text] = Int64(texts.count)
      texts.append(text)
      return Int64(texts.count - 1)
    }
    let firsts = present.map { number($0.first) }
    let lasts = present.map { number($0.last) }
    target.writeByte(UInt8(WindowControl.Form.text.rawValue))
    target.writeByte(0)
    target.writeVarint(UInt64(texts.count))
    for text in texts {
      target.writeVarint(UInt64(text.count))
      target.writeBytes(text)
    }
    PackedArray.encode(firsts, into: &target)
    PackedArray.encode(lasts, into: &target)
  }

  // MARK: Parts

  /// Writes both control bytes and returns the flags.
  private func writeControl(
    _ form: WindowControl.Form,
    sums: HourRun.Sums,
    into target: inout OutputBuffer
  ) -> UInt8 {
    let count = present.count
    var flags = sums.rawValue << HourRun.Flags.sumShift
    if members[count...].allSatisfy({ $0 == 0 }) {
      flags |= HourRun.Flags.isSteady
    } else if (0..<count).allSatisfy({
      members[2 * count + $0] == 0 && members[3 * count + $0] == members[count + $0]
    }) {
      flags |= HourRun.Flags.isRising
    }
    target.writeByte(UInt8(form.rawValue))
    target.writeByte(flags)
    return flags
  }

  private mutating func writeMember(_ number: Int, into target: inout OutputBuffer) {
    let count = present.count
    let values = Array(members[number * count..<(number + 1) * count])
    PackedArray.encode(values, into: &target)
  }

  private mutating func writeSpreads(_ flags: UInt8, into target: inout OutputBuffer) {
    if flags & HourRun.Flags.isSteady != 0 { return }
    writeMember(1, into: &target)
    if flags & HourRun.Flags.isRising != 0 { return }
    writeMember(2, into: &target)
    writeMember(3, into: &target)
  }
}
