public import Bytes
public import Model

/// The windows of one series in one minute as bytes: what the ring stores (docs/format/window.md).
///
///     | version u8 | flags u8 | field set varint | columns varint |
///     | timings varint |                     unless all columns share one timing
///     | timing | ...                         count varint, first varint, span varint
///     | timing of each column u8 or u16 |    unless shared; 0: absent, else a timing's number + 1
///     | where columns 64, 128 ... begin u32 |
///     | control word of each column u16 |
///     | payload | ... | text | ...
///
/// - Little-endian. Times count from the minute's start, in the unit that `flags` names.
/// - A control word tells how long its payload is, so that a reader steps over the columns that it
///   does not want.
/// - Neither the minute nor a checksum is in it: the ring's record header has both.
public enum WindowRecord {
  public static let version: UInt8 = 1
  /// Columns between two places that the record notes.
  static let stride = 64

  /// The second byte of a record.
  enum Flags {
    static let unit: UInt8 = 0b11
    /// Columns have timings of their own.
    static let isMixed: UInt8 = 1 << 2
    /// They are named by 16 bits instead of 8.
    static let isWide: UInt8 = 1 << 3
    static let known: UInt8 = 0b1111
  }

  /// Appends a record of columns that need not have values in the same rows.
  ///
  /// - Parameters:
  ///   - fieldSet: names the columns and their types.
  ///   - minute: the minute's number since the epoch; all times of `windows` lie in it.
  ///   - types: the types of the field set's columns, 1 ... 65,535.
  ///   - windows: parallel to `types`; `nil` where the minute has no value of a column.
  ///   - strings: behind the first and last of string columns.
  /// - Complexity: about 40 ns a column.
  public static func encode(
    fieldSet: FieldSetID,
    minute: Int64,
    types: [ColumnType],
    windows: [Window?],
    strings: StringArena,
    into target: inout OutputBuffer
  ) {
    precondition(types.count == windows.count)
    let timings = WindowTimings(windows, minuteStart: minute * Nanoseconds.perMinute)
    encode(fieldSet, types, timings, strings, into: &target) { windows[$0] }
  }

  /// Appends a record of columns that were folded together: each has a value in every row.
  ///
  /// - Parameters:
  ///   - fieldSet: names the columns and their types.
  ///   - minute: the minute's number since the epoch, that of the run.
  ///   - types: the types of the field set's columns, 1 ... 65,535.
  ///   - windows: column by column the windows of `runCount` runs, as the fold has appended them.
  ///   - run: which of the runs this minute is.
  ///   - strings: behind the first and last of string columns.
  /// - Complexity: about 30 ns a column.
  public static func encode(
    fieldSet: FieldSetID,
    minute: Int64,
    types: [ColumnType],
    windows: [Window],
    run: Int,
    of runCount: Int,
    strings: StringArena,
    into target: inout OutputBuffer
  ) {
    precondition(run >= 0 && run < runCount)
    precondition(windows.count == types.count * runCount)
    precondition(!types.isEmpty)
    let timings = WindowTimings(
      sharedBy: windows[run],
      minuteStart: minute * Nanoseconds.perMinute
    )
    encode(fieldSet, types, timings, strings, into: &target) { windows[$0 &* runCount &+ run] }
  }

  @inline(__always)
  private static func encode(
    _ fieldSet: FieldSetID,
    _ types: [ColumnType],
    _ timings: WindowTimings,
    _ strings: StringArena,
    into target: inout OutputBuffer,
    window: (Int) -> Window?
  ) {
    precondition(!types.isEmpty)
    precondition(types.count <= Limits.fieldsPerRowMax)
    let start = target.count
    writeHead(fieldSet, types.count, timings, into: &target)
    let places = target.count
    for _ in 0..<(types.count - 1) / stride { target.writeInteger(UInt32(0)) }
    let controls = target.count
    for _ in types { target.writeInteger(WindowControl.absent.rawValue) }
    let width = timings.countByteCount
    let payloads = target.count
    var texts: [(place: Int, window: Window)] = []
    for column in types.indices {
      if column % stride == 0, column > 0 {
        target.replaceInteger(
          UInt32(target.count - payloads),
          at: places + (column / stride - 1) * 4
        )
      }
      guard let window = window(column) else { continue }
      let control: WindowControl
      if types[column] == .string {
        texts.append((target.count, window))
        control = WindowText.control
        target.writeInteger(UInt32(0))
      } else {
        control = WindowMembers(window, type: types[column], countByteCount: width)
          .write(into: &target, countByteCount: width)
      }
      target.replaceInteger(control.rawValue, at: controls + column * 2)
    }
    for text in texts {
      target.replaceInteger(UInt32(target.count - start), at: text.place)
      WindowText.write(text.window, strings, into: &target)
    }
  }

  private static func writeHead(
    _ fieldSet: FieldSetID,
    _ columnCount: Int,
    _ timings: WindowTimings,
    into target: inout OutputBuffer
  ) {
    let unitCode = WindowTiming.unitCode(timings.distinct)
    let isWide = timings.distinct.count > Int(UInt8.max)
    target.writeByte(version)
    target.writeByte(
      UInt8(unitCode) | (timings.numbers == nil ? 0 : Flags.isMixed)
        | (isWide ? Flags.isWide : 0)
    )
    target.writeVarint(UInt64(fieldSet.rawValue))
    target.writeVarint(UInt64(columnCount))
    if timings.numbers != nil { target.writeVarint(UInt64(timings.distinct.count)) }
    for timing in timings.distinct {
      timing.write(unit: WindowTiming.units[unitCode], into: &target)
    }
    for number in timings.numbers ?? [] {
      if isWide { target.writeInteger(number) } else { target.writeByte(UInt8(number)) }
    }
  }

  /// The field set that a record names; `nil` when the bytes are no record.
  public static func fieldSet(of bytes: Span<UInt8>) -> FieldSetID? {
    var reader = ByteReader(bytes)
    guard reader.readByte() == version, reader.readByte() != nil,
      let fieldSet = reader.readVarint(), let id = UInt32(exactly: fieldSet)
    else { return nil }
    return FieldSetID(id)
  }
}
