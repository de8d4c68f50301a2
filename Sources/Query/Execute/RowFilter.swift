internal import Blocks
internal import Model

/// The conditions of a request, with what they stand for: finds the rows of a series that meet all.
///
/// Reads the fields of the conditions alone, so that the fields of the answer are decoded only
/// where rows match.
struct RowFilter {
  private struct Term {
    let condition: RowCondition
    /// Where the condition's field stands in `fields`.
    let place: Int
  }

  /// Distinct.
  private let fields: [FieldDefinition]
  private let ids: [FieldID]
  private let terms: [Term]

  /// - Returns: `nil` when nothing can match, because nobody knows one of the fields.
  /// - Throws: `badData` for a value that the field's type cannot be compared with.
  init?(
    _ conditions: [RowCondition],
    field: ([UInt8]) -> FieldDefinition?
  ) throws(QueryError) {
    var fields: [FieldDefinition] = []
    var terms: [Term] = []
    for condition in conditions {
      guard let definition = field(condition.field) else { return nil }
      try condition.validate(for: definition.type)
      let known = fields.firstIndex { $0.id == definition.id }
      if known == nil { fields.append(definition) }
      terms.append(Term(condition: condition, place: known ?? fields.count - 1))
    }
    self.fields = fields
    ids = fields.map(\.id)
    self.terms = terms
  }

  /// Whether a field is the only one that is looked at, so that its values are known where rows
  /// match. Not of strings, which lie elsewhere.
  func looksOnly(at field: FieldDefinition) -> Bool {
    terms.count == 1 && ids[0] == field.id && field.type != .string
  }

  /// The timestamps of the rows of `series` that meet every condition. The caller gives back
  /// ``MatchingTimes/byteCount``.
  ///
  /// - Parameter withCells: whether the values of the only field are wanted.
  func times(
    of series: SeriesID,
    in range: TimeRange,
    from scan: PartitionScan,
    withCells: Bool = false,
    _ context: inout QueryContext
  ) throws(QueryError) -> MatchingTimes {
    var open = try OpenReading(
      of: series,
      ids,
      in: range,
      from: scan,
      counts: withCells,
      &context
    )
    defer { open.end(&context) }
    let late = try open.late(&context)
    var groups = context.groups(of: series, fields: ids, in: range, from: scan)
    drop(from: &groups, late: late, &context)
    var result = MatchingTimes(times: [], cells: [])
    let sealed = RawSweep(groups: groups, late: late, fields: fields, ranges: [range])
    try select(from: sealed, withCells, into: &result, &context)
    for index in open.freshRanges.indices {
      let part = try open.fresh(index, &context)
      defer { open.release(part, &context) }
      let fresh = RawSweep(groups: [], late: part.rows, fields: fields, ranges: [part.range])
      try select(from: fresh, withCells, into: &result, &context)
    }
    return result
  }

  /// Appends the rows that meet every condition.
  private func select(
    from rows: consuming RawSweep,
    _ withCells: Bool,
    into result: inout MatchingTimes,
    _ context: inout QueryContext
  ) throws(QueryError) {
    var matches: [Int] = []
    while let slice = try rows.next(&context) {
      var found: [Timestamp]?
      for term in terms {
        var times: [Timestamp] = []
        var cursor = MergeCursor(rows.inputs(for: term.place, in: slice))
        while let (input, run) = cursor.next() {
          matches.removeAll(keepingCapacity: true)
          term.condition.select(
            from: cursor.inputs[input],
            run,
            fields[term.place].type,
            into: &matches
          )
          let all = cursor.inputs[input].timestamps
          for row in matches { times.append(all[row]) }
          guard withCells else { continue }
          let cells = cursor.inputs[input].cells
          for row in matches { result.cells.append(cells[row]) }
        }
        found = found.map { Self.intersection($0, times) } ?? times
        if found?.isEmpty == true { break }
      }
      guard let found, !found.isEmpty else { continue }
      try context.charge(found.count * (withCells ? 16 : 8))
      result.times += found
    }
  }

  /// Drops the groups that say of themselves that no row of theirs can match.
  private func drop(
    from groups: inout [any SealedRows],
    late: [ColumnBatch],
    _ context: inout QueryContext
  ) {
    guard groups.contains(where: { $0.rowCount >= BlockReader.statisticsRowCountMin }) else {
      return
    }
    let isolation = GroupIsolation(groups, late: late, fields: ids, &context)
    var kept: [any SealedRows] = []
    for (index, group) in groups.enumerated() {
      // A group that cannot be read is told of when its rows are asked for.
      if isolation.isAlone(index), let found = try? group.statistics(of: ids) {
        context.statistics.chunksFromStatistics += found.known.count
        let isHopeless = found.known.contains { field, type, window in
          terms.contains { term in
            fields[term.place].id == field && fields[term.place].type == type
              && !term.condition.mayMatch(window, type)
          }
        }
        if isHopeless { continue }
      }
      kept.append(group)
    }
    groups = kept
  }

  private static func intersection(_ left: [Timestamp], _ right: [Timestamp]) -> [Timestamp] {
    var result: [Timestamp] = []
    var (first, second) = (0, 0)
    while first < left.count, second < right.count {
      if left[first] == right[second] {
        result.append(left[first])
        first += 1
        second += 1
      } else if left[first] < right[second] {
        first += 1
      } else {
        second += 1
      }
    }
    return result
  }
}

extension RowCondition {
  /// Whether any value of a column of numbers may meet the condition.
  func mayMatch(_ window: Window, _ type: ColumnType) -> Bool {
    let (min, max) = (window.min, window.max)
    switch (type, operand) {
    case (.float, .float(let value)):
      return isFound(value, Double(bitPattern: min), Double(bitPattern: max), hidesNaN: true)
    case (.float, .integer(let value)):
      let value = Double(value)
      return isFound(value, Double(bitPattern: min), Double(bitPattern: max), hidesNaN: true)
    case (.integer, .integer(let value)):
      return isFound(value, Int128(Int64(bitPattern: min)), Int128(Int64(bitPattern: max)))
    case (.integer, .float(let value)):
      return isFound(value, Double(Int64(bitPattern: min)), Double(Int64(bitPattern: max)))
    case (.unsigned, .integer(let value)): return isFound(value, Int128(min), Int128(max))
    case (.unsigned, .float(let value)): return isFound(value, Double(min), Double(max))
    case (.boolean, .boolean(let value)):
      return isFound(value ? 1 : 0, min == 0 ? 0 : 1, max == 0 ? 0 : 1)
    default: return true
    }
  }

  /// Whether a value from `min` to `max` may meet the condition with `value`.
  ///
  /// - Parameter hidesNaN: whether there may be NaN beside them, which meets only `!=`.
  private func isFound<Value: Comparable>(
    _ value: Value,
    _ min: Value,
    _ max: Value,
    hidesNaN: Bool = false
  ) -> Bool {
    switch comparison {
    case .less: min < value
    case .lessOrEqual: min <= value
    case .greater: max > value
    case .greaterOrEqual: max >= value
    case .equal: min <= value && max >= value
    case .notEqual: hidesNaN || min != value || max != value
    }
  }

  /// Appends the rows that meet the condition.
  fileprivate func select(
    from input: MergeInput,
    _ rows: Range<Int>,
    _ type: ColumnType,
    into matches: inout [Int]
  ) {
    let cells = input.cells
    switch (type, operand) {
    case (.float, .float(let value)):
      select(rows, value, &matches) { Double(bitPattern: cells[$0]) }
    case (.float, .integer(let value)):
      select(rows, Double(value), &matches) { Double(bitPattern: cells[$0]) }
    case (.integer, .integer(let value)):
      if let small = Int64(exactly: value) {
        select(rows, small, &matches) { Int64(bitPattern: cells[$0]) }
      } else {
        select(rows, value, &matches) { Int128(Int64(bitPattern: cells[$0])) }
      }
    case (.integer, .float(let value)):
      select(rows, value, &matches) { Double(Int64(bitPattern: cells[$0])) }
    case (.unsigned, .integer(let value)):
      select(rows, value, &matches) { Int128(cells[$0]) }
    case (.unsigned, .float(let value)):
      select(rows, value, &matches) { Double(cells[$0]) }
    case (.boolean, .boolean(let value)):
      select(rows, value ? 1 : 0, &matches) { cells[$0] == 0 ? 0 : 1 }
    case (.string, .string(let text)):
      for row in rows {
        guard let slice = input.strings.slice(cells[row]) else { continue }
        if slice.elementsEqual(text) == (comparison == .equal) { matches.append(row) }
      }
    default: break  // refused by validate(for:)
    }
  }

  @inline(__always)
  private func select<Value: Comparable>(
    _ rows: Range<Int>,
    _ value: Value,
    _ matches: inout [Int],
    _ cell: (Int) -> Value
  ) {
    switch comparison {
    case .less: for row in rows where cell(row) < value { matches.append(row) }
    case .lessOrEqual: for row in rows where cell(row) <= value { matches.append(row) }
    case .greater: for row in rows where cell(row) > value { matches.append(row) }
    case .greaterOrEqual: for row in rows where cell(row) >= value { matches.append(row) }
    case .equal: for row in rows where cell(row) == value { matches.append(row) }
    case .notEqual: for row in rows where cell(row) != value { matches.append(row) }
    }
  }
}
