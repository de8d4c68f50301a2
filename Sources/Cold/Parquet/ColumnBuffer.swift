internal import Model

/// One column's values of the row group that is being gathered.
struct ColumnBuffer {
  let type: ParquetType
  let isOptional: Bool
  /// Of the rows that have a value; of strings their numbers in ``strings``.
  private(set) var cells: [UInt64] = []
  private(set) var rows = RowBits()
  private(set) var strings = StringTable()

  init(_ column: ParquetColumn) {
    type = column.type
    isOptional = column.isOptional
  }

  mutating func removeAll() {
    cells.removeAll(keepingCapacity: true)
    rows.removeAll()
    if strings.count > 0 { strings.removeAll() }
  }

  mutating func appendNothing(count: Int) { rows.append(false, count: count) }

  /// - Parameter value: the string of all the rows.
  mutating func append(_ value: [UInt8], count: Int) {
    let index = UInt64(strings.index(of: value[...]))
    cells.append(contentsOf: repeatElement(index, count: count))
    rows.append(true, count: count)
  }

  /// Appends the cells of rows `range`.
  mutating func append(
    _ source: [Cell],
    isPresent: [Bool]?,
    _ range: Range<Int>,
    _ texts: StringArena
  ) {
    if type == .string {
      for row in range {
        guard isPresent.map({ $0[row] }) ?? true else {
          rows.append(false)
          continue
        }
        cells.append(UInt64(strings.index(of: texts.slice(source[row]) ?? [])))
        rows.append(true)
      }
    } else if let isPresent {
      for row in range {
        if isPresent[row] { cells.append(source[row]) }
        rows.append(isPresent[row])
      }
    } else {
      cells.append(contentsOf: source[range])
      rows.append(true, count: range.count)
    }
  }
}
