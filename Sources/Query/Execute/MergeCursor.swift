internal import Model

/// One column of one batch in a merge.
struct MergeInput {
  let timestamps: [Timestamp]
  let cells: [Cell]
  let strings: StringArena
  /// Rows not yet handed out.
  fileprivate(set) var rows: Range<Int>

  /// The rows of `range`.
  ///
  /// - Parameter timestamps: strictly ascending, parallel to `cells`.
  init(timestamps: [Timestamp], cells: [Cell], strings: StringArena, range: TimeRange) {
    precondition(timestamps.count == cells.count)
    self.timestamps = timestamps
    self.cells = cells
    self.strings = strings
    let start = Self.lowerBound(timestamps, range.start)
    rows = start..<max(start, Self.lowerBound(timestamps, range.end))
  }

  /// The first index whose timestamp is not before `time`.
  private static func lowerBound(_ timestamps: [Timestamp], _ time: Timestamp) -> Int {
    guard let first = timestamps.first, let last = timestamps.last else { return 0 }
    if time <= first { return 0 }
    if time > last { return timestamps.count }
    return lowerBound(timestamps, time, in: 0..<timestamps.count)
  }

  fileprivate static func lowerBound(
    _ timestamps: [Timestamp],
    _ time: Timestamp,
    in range: Range<Int>
  ) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if timestamps[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Merges one field's columns by timestamp; of several values of one timestamp the last input's
/// wins.
///
/// Hands out runs of rows of one input rather than rows: where inputs do not overlap a run is a
/// whole input. Cost: a look at each input's head per run.
struct MergeCursor {
  private(set) var inputs: [MergeInput]

  /// - Parameter inputs: later ones win.
  init(_ inputs: [MergeInput]) {
    self.inputs = inputs.filter { !$0.rows.isEmpty }
  }

  /// The next rows in ascending order of time, or `nil` after the last.
  mutating func next() -> (input: Int, rows: Range<Int>)? {
    var best = -1
    var bestHead = Timestamp.max
    var limit: Timestamp?
    for index in inputs.indices where !inputs[index].rows.isEmpty {
      let head = inputs[index].timestamps[inputs[index].rows.lowerBound]
      if best >= 0, head == bestHead {
        dropHead(best)
        if let passed = self.head(best) { limit = min(limit ?? passed, passed) }
        best = index
      } else if best < 0 || head < bestHead {
        if best >= 0 { limit = min(limit ?? bestHead, bestHead) }
        best = index
        bestHead = head
      } else {
        limit = min(limit ?? head, head)
      }
    }
    guard best >= 0 else { return nil }
    let rows = inputs[best].rows
    let end = limit.map { Self.end(of: rows, in: inputs[best].timestamps, before: $0) }
    let run = rows.lowerBound..<(end ?? rows.upperBound)
    inputs[best].rows = run.upperBound..<rows.upperBound
    return (best, run)
  }

  private func head(_ index: Int) -> Timestamp? {
    let rows = inputs[index].rows
    return rows.isEmpty ? nil : inputs[index].timestamps[rows.lowerBound]
  }

  private mutating func dropHead(_ index: Int) {
    let rows = inputs[index].rows
    inputs[index].rows = (rows.lowerBound + 1)..<rows.upperBound
  }

  /// The first row of `rows` not before `limit`, by doubling steps: runs are often short. The first
  /// row is known to be before it.
  private static func end(
    of rows: Range<Int>,
    in timestamps: [Timestamp],
    before limit: Timestamp
  ) -> Int {
    var low = rows.lowerBound
    var stride = 1
    while low + stride < rows.upperBound, timestamps[low + stride] < limit {
      low += stride
      stride *= 2
    }
    let high = min(rows.upperBound, low + stride)
    return MergeInput.lowerBound(timestamps, limit, in: (low + 1)..<max(high, low + 1))
  }
}
