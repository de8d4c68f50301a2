internal import Model

/// Points of one field, as they are collected.
struct PointColumn {
  let type: ColumnType
  private(set) var timestamps: [Timestamp] = []
  private(set) var cells: [Cell] = []
  private var strings = StringArena()

  init(type: ColumnType) { self.type = type }

  /// Whether a further point is wanted: one beyond what a page has room for shows that there are
  /// more, on a full page too.
  func hasRoom(_ pointCountMax: Int, _ byteCountMax: Int) -> Bool {
    timestamps.isEmpty || timestamps.count < pointCountMax && byteCount <= byteCountMax
  }

  var byteCount: Int { timestamps.count * 16 + strings.bytes.count }

  mutating func append(
    _ input: MergeInput,
    _ rows: Range<Int>,
    _ pointCountMax: Int,
    _ byteCountMax: Int
  ) {
    let rows = rows.prefix(pointCountMax - timestamps.count)
    guard type == .string else {
      timestamps.append(contentsOf: input.timestamps[rows])
      cells.append(contentsOf: input.cells[rows])
      return
    }
    for row in rows where hasRoom(pointCountMax, byteCountMax) {
      guard let slice = input.strings.slice(input.cells[row]),
        let cell = strings.append(slice.span)
      else { continue }
      timestamps.append(input.timestamps[row])
      cells.append(cell)
    }
  }

  /// Points whose bytes fit; at least one when it is the page's first.
  func fittingCount(in byteCountMax: Int, isFirst: Bool) -> Int {
    if byteCount <= byteCountMax { return timestamps.count }
    guard type == .string else {
      return min(timestamps.count, max(isFirst ? 1 : 0, byteCountMax / 16))
    }
    var sum = 0
    var count = 0
    for cell in cells {
      sum += 16 + Int(cell & 0xffff_ffff)
      guard sum <= byteCountMax || (count == 0 && isFirst) else { break }
      count += 1
    }
    return count
  }

  /// These points and then `newer` ones, but only the last `count` of them.
  func followed(by newer: PointColumn, newest count: Int) -> PointColumn {
    if newer.timestamps.count >= count, newer.timestamps.count <= count { return newer }
    if newer.timestamps.isEmpty, timestamps.count <= count { return self }
    var column = PointColumn(type: type)
    for part in [suffix(count - min(count, newer.timestamps.count)), newer.suffix(count)] {
      column.timestamps += part.timestamps
      guard type == .string else {
        column.cells += part.cells
        continue
      }
      for cell in part.cells {
        guard let slice = part.strings.slice(cell), let copy = column.strings.append(slice.span)
        else { preconditionFailure("a column's own strings fit a column") }
        column.cells.append(copy)
      }
    }
    return column
  }

  private func suffix(_ count: Int) -> PointColumn {
    guard count < timestamps.count else { return self }
    var column = self
    column.timestamps = Array(timestamps.suffix(count))
    column.cells = Array(cells.suffix(count))
    return column
  }

  func prefix(_ count: Int) -> PointColumn {
    guard count < timestamps.count else { return self }
    var column = PointColumn(type: type)
    column.timestamps = Array(timestamps.prefix(count))
    guard type == .string else {
      column.cells = Array(cells.prefix(count))
      return column
    }
    for cell in cells.prefix(count) {
      guard let slice = strings.slice(cell), let copy = column.strings.append(slice.span) else {
        continue
      }
      column.cells.append(copy)
    }
    return column
  }

  var values: AnswerValues { AnswerValues(SharedColumn(cells), type, strings) }
}
