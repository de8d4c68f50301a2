internal import Model

/// Folds the points and windows of one field into the buckets of a grid.
///
/// Takes them in any order of time. Of points of several series at one timestamp, `first` keeps the
/// one that came first and `last` the one that came last: series are folded in order of their ids.
/// Keeps only what the wanted aggregates need, side by side.
struct StepAggregator {
  let type: ColumnType
  private let grid: StepGrid
  private let aggregates: [Aggregate]
  private let wantsSum: Bool
  private let wantsMin: Bool
  private let wantsMax: Bool
  private let wantsFirst: Bool
  private let wantsLast: Bool

  private var counts: [UInt64]
  private var sums: [Double] = []
  private var compensations: [Double] = []
  private var wideSums: [Int128] = []
  private var minima: [Cell] = []
  private var maxima: [Cell] = []
  private var firsts: [Cell] = []
  private var firstTimestamps: [Timestamp] = []
  private var lasts: [Cell] = []
  private var lastTimestamps: [Timestamp] = []
  /// Behind the firsts and lasts of a string column.
  private(set) var strings = StringArena()

  /// - Parameter aggregates: those that `type` cannot have are left out.
  init(type: ColumnType, grid: StepGrid, aggregates: [Aggregate]) {
    self.type = type
    self.grid = grid
    self.aggregates = aggregates.filter { $0.applies(to: type) }
    wantsSum = self.aggregates.contains { $0 == .sum || $0 == .avg }
    wantsMin = self.aggregates.contains(.min)
    wantsMax = self.aggregates.contains(.max)
    wantsFirst = self.aggregates.contains(.first)
    wantsLast = self.aggregates.contains(.last)
    counts = Array(repeating: 0, count: grid.count)
    if wantsSum, type == .float {
      sums = Array(repeating: 0, count: grid.count)
      compensations = sums
    } else if wantsSum {
      wideSums = Array(repeating: 0, count: grid.count)
    }
    let none = [Cell](repeating: 0, count: grid.count)
    let never = [Timestamp](repeating: 0, count: grid.count)
    if wantsMin { minima = none }
    if wantsMax { maxima = none }
    if wantsFirst { (firsts, firstTimestamps) = (none, never) }
    if wantsLast { (lasts, lastTimestamps) = (none, never) }
  }

  /// Bytes of the buckets of one field.
  static func byteCount(_ aggregates: [Aggregate], _ grid: StepGrid) -> Int {
    var perBucket = 8
    if aggregates.contains(where: { $0 == .sum || $0 == .avg }) { perBucket += 16 }
    if aggregates.contains(.min) { perBucket += 8 }
    if aggregates.contains(.max) { perBucket += 8 }
    if aggregates.contains(.first) { perBucket += 16 }
    if aggregates.contains(.last) { perBucket += 16 }
    return perBucket * grid.count + 512
  }

  /// Adds points in ascending order of time, all of them within the grid.
  mutating func add(
    timestamps: [Timestamp],
    cells: [Cell],
    rows: Range<Int>,
    strings source: StringArena
  ) {
    var row = rows.lowerBound
    while row < rows.upperBound {
      let bucket = grid.index(of: timestamps[row])
      let (end, overflowed) = grid.start(of: bucket).addingReportingOverflow(grid.step)
      var next = row + 1
      while next < rows.upperBound, overflowed || timestamps[next] < end { next += 1 }
      add(row..<next, of: cells, timestamps, source, to: bucket)
      row = next
    }
  }

  /// Adds points of one bucket.
  private mutating func add(
    _ rows: Range<Int>,
    of cells: [Cell],
    _ timestamps: [Timestamp],
    _ source: StringArena,
    to bucket: Int
  ) {
    let isNew = counts[bucket] == 0
    counts[bucket] += UInt64(rows.count)
    if wantsSum {
      if type == .float {
        SegmentFold.addFloats(
          cells,
          rows,
          sum: &sums[bucket],
          compensation: &compensations[bucket]
        )
      } else {
        wideSums[bucket] &+= SegmentFold.sum(cells, rows, type)
      }
    }
    if wantsMin { keepMin(SegmentFold.min(cells, rows, type), bucket, isNew) }
    if wantsMax { keepMax(SegmentFold.max(cells, rows, type), bucket, isNew) }
    let (first, last) = (rows.lowerBound, rows.upperBound - 1)
    if wantsFirst { keepFirst(cells[first], at: timestamps[first], source, bucket, isNew) }
    if wantsLast { keepLast(cells[last], at: timestamps[last], source, bucket, isNew) }
  }

  /// Adds a minute's window, all of it within one bucket.
  mutating func add(_ window: Window, minute: Int64, strings source: StringArena) {
    guard window.count > 0 else { return }
    let bucket = grid.index(of: minute * Nanoseconds.perMinute)
    let isNew = counts[bucket] == 0
    counts[bucket] += window.count
    if wantsSum {
      if type == .float {
        SegmentFold.add(window.sum.float, to: &sums[bucket], &compensations[bucket])
      } else {
        wideSums[bucket] &+= window.sum.integer
      }
    }
    if wantsMin { keepMin(window.min, bucket, isNew) }
    if wantsMax { keepMax(window.max, bucket, isNew) }
    if wantsFirst { keepFirst(window.first, at: window.firstTimestamp, source, bucket, isNew) }
    if wantsLast { keepLast(window.last, at: window.lastTimestamp, source, bucket, isNew) }
  }

  private mutating func keepMin(_ cell: Cell, _ bucket: Int, _ isNew: Bool) {
    if isNew || CellOrder.isLess(cell, than: minima[bucket], type) { minima[bucket] = cell }
  }

  private mutating func keepMax(_ cell: Cell, _ bucket: Int, _ isNew: Bool) {
    if isNew || CellOrder.isGreater(cell, than: maxima[bucket], type) { maxima[bucket] = cell }
  }

  private mutating func keepFirst(
    _ cell: Cell,
    at timestamp: Timestamp,
    _ source: StringArena,
    _ bucket: Int,
    _ isNew: Bool
  ) {
    guard isNew || timestamp < firstTimestamps[bucket] else { return }
    firsts[bucket] = kept(cell, source)
    firstTimestamps[bucket] = timestamp
  }

  private mutating func keepLast(
    _ cell: Cell,
    at timestamp: Timestamp,
    _ source: StringArena,
    _ bucket: Int,
    _ isNew: Bool
  ) {
    guard isNew || timestamp >= lastTimestamps[bucket] else { return }
    lasts[bucket] = kept(cell, source)
    lastTimestamps[bucket] = timestamp
  }

  /// A cell that outlives its batch: a string moves into the aggregator's own arena. One that has
  /// no room there is lost; the query's budget ends long before.
  private mutating func kept(_ cell: Cell, _ source: StringArena) -> Cell {
    guard type == .string else { return cell }
    guard let slice = source.slice(cell) else { return 0 }
    return strings.append(slice.span) ?? 0
  }

  /// The buckets as columns, in the order of the wanted aggregates; `nil` when all are empty.
  consuming func finish() -> RangeAnswer.Content? {
    var present = BucketSet(count: grid.count)
    for bucket in counts.indices where counts[bucket] > 0 { present.insert(bucket) }
    guard !present.isEmpty else { return nil }
    var columns: [(aggregate: Aggregate, values: AnswerValues)] = []
    for aggregate in aggregates {
      let values: AnswerValues =
        switch aggregate {
        case .count: .unsigned(counts)
        case .sum: type == .float ? .float(floatSums()) : .sum(wideSums, isSigned: isSigned)
        case .avg: .float(averages())
        case .min: values(minima)
        case .max: values(maxima)
        case .first: values(firsts)
        case .last: values(lasts)
        }
      columns.append((aggregate, values))
    }
    return .buckets(present: present, columns: columns)
  }

  private var isSigned: Bool { type != .unsigned }

  /// Cells of the column's own type; booleans are the numbers 0 and 1.
  private func values(_ cells: [Cell]) -> AnswerValues {
    switch type {
    case .float: .float(cells)
    case .integer: .integer(cells)
    case .unsigned, .boolean: .unsigned(cells)
    case .string: .string(cells, strings)
    }
  }

  private func floatSums() -> [Cell] {
    counts.indices.map {
      SegmentFold.value(sum: sums[$0], compensation: compensations[$0]).bitPattern
    }
  }

  private func averages() -> [Cell] {
    counts.indices.map { bucket in
      guard counts[bucket] > 0 else { return 0 }
      let sum =
        type == .float
        ? SegmentFold.value(sum: sums[bucket], compensation: compensations[bucket])
        : SegmentFold.value(sum: wideSums[bucket])
      return (sum / Double(counts[bucket])).bitPattern
    }
  }
}
