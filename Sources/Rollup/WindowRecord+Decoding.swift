internal import Bytes
public import Model

extension WindowRecord {
  /// Reads some columns of a record.
  ///
  /// No byte pattern can trap here; what a checksum let pass is refused or reads as some window.
  ///
  /// - Parameters:
  ///   - bytes: a record, as it was encoded.
  ///   - types: the types of the columns of the field set that it names.
  ///   - wanted: indexes of the columns to decode, in any order (fastest ascending).
  ///   - minute: the minute that it belongs to.
  ///   - windows: gets a window for each of `wanted` appended; `nil` where the minute has no value.
  ///   - strings: gets the first and last string of string columns.
  /// - Throws: ``WindowError``; `windows` then has any number of elements more.
  /// - Complexity: about 20 ns a column decoded and 1 ns for each of up to 63 columns stepped over.
  public static func decode(
    _ bytes: Span<UInt8>,
    types: [ColumnType],
    wanted: [Int],
    minute: Int64,
    into windows: inout [Window?],
    strings: inout StringArena
  ) throws(WindowError) {
    let start = minute * Nanoseconds.perMinute
    let head = try WindowRecordHead(bytes, columnCount: types.count)
    var position = head.payloads
    var column = 0
    for target in wanted {
      precondition(target >= 0 && target < types.count)
      if target < column || target / stride != column / stride {
        column = target / stride * stride
        guard let place = head.place(ofColumn: column, bytes) else { throw .truncated }
        position = place
      }
      while column < target {
        position += head.control(column, bytes).payloadByteCount(
          countByteCount: head.countByteCount
        )
        column += 1
      }
      guard let timing = try head.timing(column, bytes) else {
        windows.append(nil)
        continue
      }
      var window = timing.emptyWindow(minuteStart: start)
      var payload = WindowPayload(bytes, position)
      try payload.read(
        head.control(column, bytes),
        types[target],
        head.countByteCount,
        &window,
        &strings
      )
      windows.append(window)
    }
  }
}

extension WindowTiming {
  @inline(__always)
  fileprivate func emptyWindow(minuteStart: Timestamp) -> Window {
    Window(
      count: count,
      sum: .zero,
      min: 0,
      max: 0,
      first: 0,
      last: 0,
      firstTimestamp: minuteStart &+ Int64(truncatingIfNeeded: first),
      lastTimestamp: minuteStart &+ Int64(truncatingIfNeeded: last)
    )
  }
}
