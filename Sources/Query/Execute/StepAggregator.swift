internal import Model

/// Folds the points and windows of one field into the buckets of a grid, for one or many series:
/// each has a slot, and the buckets of all slots lie side by side in a few arrays.
///
/// Takes them in any order of time. Of points of several series at one timestamp, `first` keeps the
/// one that came first and `last` the one that came last: series are folded in order of their ids.
/// Keeps only what the wanted aggregates need, side by side.
struct StepAggregator {
  let type: ColumnType
  let grid: StepGrid
  let slotCount: Int
  let aggregates: [Aggregate]
  private let wantsSum: Bool
  private let wantsMin: Bool
  private let wantsMax: Bool
  private let wantsFirst: Bool
  private let wantsLast: Bool

  private(set) var counts: [UInt64]
  private(set) var sums: [Double] = []
  private(set) var compensations: [Double] = []
  private(set) var wideSums: [Int128] = []
  private(set) var minima: [Cell] = []
  private(set) var maxima: [Cell] = []
  private(set) var firsts: [Cell] = []
  private var firstTimestamps: [Timestamp] = []
  private(set) var lasts: [Cell] = []
  private var lastTimestamps: [Timestamp] = []
  /// Behind the firsts and lasts of a string column.
  private(set) var strings = StringArena()

  /// - Parameter aggregates: those that `type` cannot have are left out.
  init(type: ColumnType, grid: StepGrid, aggregates: [Aggregate], slotCount: Int = 1) {
    self.type = type
    self.grid = grid
    self.slotCount = slotCount
    let count = grid.count * slotCount
    self.aggregates = aggregates.filter { $0.applies(to: type) }
    wantsSum = self.aggregates.contains { $0 == .sum || $0 == .avg }
    wantsMin = self.aggregates.contains(.min)
    wantsMax = self.aggregates.contains(.max)
    wantsFirst = self.aggregates.contains(.first)
    wantsLast = self.aggregates.contains(.last)
    counts = Array(repeating: 0, count: count)
    if wantsSum, type == .float {
      sums = Array(repeating: 0, count: count)
      compensations = sums
    } else if wantsSum {
      wideSums = Array(repeating: 0, count: count)
    }
    let none = [Cell](repeating: 0, count: count)
    let never = [Timestamp](repeating: 0, count: count)
    if wantsMin { minima = none }
    if wantsMax { maxima = none }
    if wantsFirst { (firsts, firstTimestamps) = (none, never) }
    if wantsLast { (lasts, lastTimestamps) = (none, never) }
  }

  /// Bytes of the buckets of one field and slot.
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
    strings source: StringArena,
    slot: Int = 0
  ) {
    let base = slot * grid.count
    var row = rows.lowerBound
    while row < rows.upperBound {
      let bucket = grid.index(of: timestamps[row])
      let (end, overflowed) = grid.start(of: bucket).addingReportingOverflow(grid.step)
      var next = row + 1
      while next < rows.upperBound, overflowed || timestamps[next] < end { next += 1 }
      add(row..<next, of: cells, timestamps, source, to: base + bucket)
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
        // Run by run, so that a whole chunk adds up to what its statistics say.
        let sum = SegmentFold.sumFloats(cells, rows)
        SegmentFold.add(sum, to: &sums[bucket], &compensations[bucket])
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
  mutating func add(_ window: Window, minute: Int64, strings source: StringArena, slot: Int = 0) {
    guard window.count > 0 else { return }
    add(window, at: minute * Nanoseconds.perMinute, strings: source, slot: slot)
  }

  /// Adds the window that begins at `start`, all of it within one bucket.
  mutating func add(
    _ window: Window,
    at start: Timestamp,
    strings source: StringArena,
    slot: Int
  ) {
    add(window, source, to: slot * grid.count + grid.index(of: start))
  }

  /// Adds what is known of points of one bucket.
  mutating func add(_ window: Window, slot: Int) {
    add(window, StringArena(), to: slot * grid.count + grid.index(of: window.firstTimestamp))
  }

  /// Whether two times lie in one bucket.
  func isOneBucket(_ first: Timestamp, _ last: Timestamp) -> Bool {
    grid.index(of: first) == grid.index(of: last)
  }

  /// Adds windows of one hour.
  ///
  /// - Parameters:
  ///   - windows: sixty, by minute.
  ///   - wanted: a bit for each minute to add.
  /// - Returns: how many of them there were.
  mutating func add(
    _ windows: ArraySlice<Window>,
    hour: Int64,
    wanted: UInt64,
    strings source: StringArena,
    slot: Int
  ) -> Int {
    guard wanted != 0 else { return 0 }
    let base = slot * grid.count
    let first = wanted.trailingZeroBitCount
    let last = 63 - wanted.leadingZeroBitCount
    let start = (hour * 60 + Int64(first)) * Nanoseconds.perMinute
    var bucket = grid.index(of: start)
    var left = grid.step - (start - grid.start(of: bucket))
    if left > Int64(last - first) * Nanoseconds.perMinute, !wantsFirst, !wantsLast {
      return addAll(windows, wanted, to: base + bucket)
    }
    if !wantsFirst, !wantsLast {
      return addSpread(windows.span, wanted, to: base + bucket, left: left)
    }
    // The bucket follows the minutes without a division each.
    var count = 0
    var rest = wanted
    var place = first
    while rest != 0 {
      let index = rest.trailingZeroBitCount
      rest &= rest &- 1
      left -= Int64(index - place) * Nanoseconds.perMinute
      place = index
      while left <= 0 {
        left += grid.step
        bucket += 1
      }
      let window = windows[windows.startIndex + index]
      guard window.count > 0 else { continue }
      add(window, source, to: base + bucket)
      count += 1
    }
    return count
  }

  /// Adds the wanted ones of an hour's windows to the buckets of their minutes, aggregate by
  /// aggregate: each lies in an array of its own, which is then found once.
  ///
  /// - Parameters:
  ///   - start: the bucket of the first wanted minute.
  ///   - left: nanoseconds from there to the bucket's end.
  private mutating func addSpread(
    _ windows: Span<Window>,
    _ wanted: UInt64,
    to start: Int,
    left: Int64
  ) -> Int {
    var buckets = InlineArray<64, Int>(repeating: start)
    var (bucket, left) = (start, left)
    var place = wanted.trailingZeroBitCount
    var found: UInt64 = 0
    var isNew: UInt64 = 0
    let step = grid.step
    do {
      var counts = counts.mutableSpan
      var rest = wanted
      while rest != 0 {
        let index = rest.trailingZeroBitCount
        rest &= rest &- 1
        left -= Int64(index - place) * Nanoseconds.perMinute
        place = index
        while left <= 0 {
          left += step
          bucket += 1
        }
        let count = windows[index].count
        guard count > 0 else { continue }
        buckets[index] = bucket
        found |= 1 &<< UInt64(index)
        if counts[bucket] == 0 { isNew |= 1 &<< UInt64(index) }
        counts[bucket] += count
      }
    }
    if wantsSum { addSums(windows, found, buckets) }
    let type = type
    if wantsMin {
      var minima = minima.mutableSpan
      Self.forEach(found) { index in
        let (cell, bucket) = (windows[index].min, buckets[index])
        if isNew & 1 &<< UInt64(index) != 0 || CellOrder.isLess(cell, than: minima[bucket], type) {
          minima[bucket] = cell
        }
      }
    }
    if wantsMax {
      var maxima = maxima.mutableSpan
      Self.forEach(found) { index in
        let (cell, bucket) = (windows[index].max, buckets[index])
        if isNew & 1 &<< UInt64(index) != 0
          || CellOrder.isGreater(cell, than: maxima[bucket], type)
        {
          maxima[bucket] = cell
        }
      }
    }
    return found.nonzeroBitCount
  }

  private mutating func addSums(
    _ windows: Span<Window>,
    _ found: UInt64,
    _ buckets: InlineArray<64, Int>
  ) {
    if type == .float {
      // Moved out and back, so that both can be written to at once.
      var owned: [Double] = []
      swap(&owned, &compensations)
      do {
        var sums = sums.mutableSpan
        var compensations = owned.mutableSpan
        Self.forEach(found) { index in
          let bucket = buckets[index]
          SegmentFold.add(windows[index].sum.float, to: &sums[bucket], &compensations[bucket])
        }
      }
      swap(&owned, &compensations)
    } else {
      var sums = wideSums.mutableSpan
      Self.forEach(found) { sums[buckets[$0]] &+= windows[$0].sum.integer }
    }
  }

  /// Calls `body` with the place of each bit.
  @inline(__always)
  private static func forEach(_ bits: UInt64, _ body: (Int) -> Void) {
    var rest = bits
    while rest != 0 {
      body(rest.trailingZeroBitCount)
      rest &= rest &- 1
    }
  }

  /// Adds the wanted ones of an hour's windows to one bucket.
  private mutating func addAll(
    _ windows: ArraySlice<Window>,
    _ wanted: UInt64,
    to bucket: Int
  ) -> Int {
    var found = 0
    var points: UInt64 = 0
    var sum = wantsSum && type == .float ? sums[bucket] : 0
    var compensation = wantsSum && type == .float ? compensations[bucket] : 0
    var wide: Int128 = 0
    var isNew = counts[bucket] == 0
    var rest = wanted
    while rest != 0 {
      let index = rest.trailingZeroBitCount
      rest &= rest &- 1
      let window = windows[windows.startIndex + index]
      guard window.count > 0 else { continue }
      found += 1
      points += window.count
      if wantsSum {
        if type == .float {
          SegmentFold.add(window.sum.float, to: &sum, &compensation)
        } else {
          wide &+= window.sum.integer
        }
      }
      if wantsMin { keepMin(window.min, bucket, isNew) }
      if wantsMax { keepMax(window.max, bucket, isNew) }
      isNew = false
    }
    counts[bucket] += points
    if wantsSum {
      if type == .float {
        sums[bucket] = sum
        compensations[bucket] = compensation
      } else {
        wideSums[bucket] &+= wide
      }
    }
    return found
  }

  private mutating func add(_ window: Window, _ source: StringArena, to bucket: Int) {
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
}
