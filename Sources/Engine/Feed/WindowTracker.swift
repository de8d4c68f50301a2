internal import Model
internal import Query
internal import Rollup

/// Finds out which windows of a partition have closed, have grown or have changed after they were
/// closed, by looking at its open rows once a second: rows cost nothing when they are applied.
///
/// Exists only while somebody listens; owned by the partition's worker. Every window that has rows
/// is told of as closed once, when the series' ``Watermark`` has passed its end, and as restated
/// for every later look that finds new rows in it. What was over when the tracker was made is not
/// told of.
///
/// Cost of a look: about 10 ns a layout with open rows and 2 ns a series; about 5 ns a row of a
/// series that has got rows in closed minutes.
struct WindowTracker {
  /// More minutes than that at once are looked for among the rows instead of told of one by one.
  private static let gapMinutesMax: Int64 = 4

  // By layout: what was seen of the open generation.
  private var seenCount: [UInt32] = []
  private var seenNewest: [Timestamp] = []
  private var slots: [Int32] = []
  // By series slot.
  private var newest: [Timestamp] = []
  private var lastGrowth: [Timestamp] = []
  /// The first minute that is not closed; `unborn` before the first row.
  private var firstOpen: [Int64] = []
  private static let unborn = Int64.min
  /// Whether time alone had closed the first open minute when the tracker was made. It is not told
  /// of, unless rows come that go on in it: whoever sends old rows is in the middle of it.
  private var isQuiet: [Bool] = []

  private var pending: [FeedPair] = []
  private var restated: Set<FeedPair> = []
  private var grown: [Int32] = []
  /// Whether more came than may wait: what was pending is forgotten.
  private var isFlooded = false
  private let pendingCountMax: Int
  /// Whether open windows that have grown are told of.
  var wantsGrowth = false

  /// Takes all that is there for known.
  ///
  /// - Parameters:
  ///   - sealed: open rows that a cut is working on.
  ///   - current: open rows that arrive.
  init(
    table: PartitionLayouts,
    sealed: Generation?,
    current: Generation,
    now: Timestamp,
    pendingCountMax: Int
  ) {
    self.pendingCountMax = pendingCountMax
    grow(to: table)
    for slot in newest.indices { newest[slot] = table.lastSealed[slot] }
    for generation in [sealed, current].compactMap({ $0 }) {
      for index in generation.layouts {
        guard let slot = slot(of: index, table) else { continue }
        newest[slot] = max(newest[slot], generation.runs[index].newest)
      }
    }
    for index in current.layouts { see(index, current.runs[index]) }
    for slot in newest.indices where newest[slot] > .min {
      // When its rows came is not known; they rarely come much later than they are stamped.
      lastGrowth[slot] = min(newest[slot], now)
      let end = reached(slot, now)
      let last = Nanoseconds.minute(of: newest[slot])
      isQuiet[slot] = end > last
      firstOpen[slot] = isQuiet[slot] ? last : end
    }
  }

  // MARK: Looking

  /// Looks at what came since the last look.
  ///
  /// - Parameter current: the open rows that arrive.
  mutating func look(at current: Generation, table: PartitionLayouts, now: Timestamp) {
    grow(to: table)
    var born: Set<Int> = []
    for index in current.layouts {
      let run = current.runs[index]
      let before = index < seenCount.count ? seenCount[index] : 0
      guard run.rowCount != before, let slot = slot(of: index, table) else { continue }
      if isQuiet[slot] { wake(slot, index, run, before, current) }
      if firstOpen[slot] == Self.unborn || born.contains(slot) {
        let first = Nanoseconds.minute(of: run.oldest)
        firstOpen[slot] = born.insert(slot).inserted ? first : min(first, firstOpen[slot])
      } else {
        noteRestated(slot, index, run, before, current, table)
      }
      newest[slot] = max(newest[slot], run.newest)
      if wantsGrowth, grown.last != Int32(slot) {
        grown.append(Int32(slot))
      }
      lastGrowth[slot] = now
      see(index, run)
    }
    close(now, current, table)
  }

  /// Forgets the layouts' runs: the generation was sealed, and a new one begins.
  mutating func sealed() {
    for index in seenCount.indices { seenCount[index] = 0 }
  }

  /// Takes what there is to tell of.
  mutating func take(
    _ table: PartitionLayouts
  ) -> (pairs: [FeedPair], grown: [FeedPair], isFlooded: Bool) {
    let pairs = pending + restated.sorted { ($0.minute, $0.series) < ($1.minute, $1.series) }
    let open = grown.compactMap { slot -> FeedPair? in
      let minute = Nanoseconds.minute(of: newest[Int(slot)])
      guard minute >= firstOpen[Int(slot)] else { return nil }
      return FeedPair(series: table.seriesOfSlot[Int(slot)].rawValue, kind: .open, minute: minute)
    }
    defer {
      pending = []
      restated = []
      grown = []
      isFlooded = false
    }
    return (pairs, open, isFlooded)
  }

  /// Whether a minute of a series was told of as closed, or was over when the tracker was made.
  func isClosed(_ minute: Int64, slot: Int) -> Bool {
    guard slot < firstOpen.count, firstOpen[slot] != Self.unborn else { return false }
    return minute < firstOpen[slot] || (isQuiet[slot] && minute == firstOpen[slot])
  }

  // MARK: Closing

  /// The first minute that the watermark of a series leaves open. Beyond its newest row nothing is
  /// closed, so that rows which come after a silence close their minutes in turn.
  private func reached(_ slot: Int, _ now: Timestamp) -> Int64 {
    let watermark = Watermark.of(newest: newest[slot], lastArrival: lastGrowth[slot], now: now)
    let last = Nanoseconds.minute(of: newest[slot])
    return min(Watermark.firstOpenMinute(at: watermark), last + 1)
  }

  /// Rows have come for a series that was silent when the tracker was made.
  private mutating func wake(
    _ slot: Int,
    _ index: Int,
    _ run: RowRun,
    _ before: UInt32,
    _ current: Generation
  ) {
    isQuiet[slot] = false
    let minute = firstOpen[slot]
    var goesOn = false
    current.arena.reader().forEachTimestamp(of: run, skipping: Int(before)) {
      if Nanoseconds.minute(of: $0) == minute { goesOn = true }
    }
    if !goesOn { firstOpen[slot] = minute + 1 }
  }

  private mutating func close(
    _ now: Timestamp,
    _ current: Generation,
    _ table: PartitionLayouts
  ) {
    let (lag, silence) = (Watermark.lagNanoseconds, Watermark.silenceNanoseconds)
    for slot in newest.indices where newest[slot] > .min {
      if isQuiet[slot] { continue }
      let start = firstOpen[slot]
      // The usual case first: neither has the newest row passed the open minute, nor is it silent.
      let isBehind = newest[slot] < (start &+ 1) &* Nanoseconds.perMinute &+ lag
      if isBehind, now &- lastGrowth[slot] < silence { continue }
      guard Nanoseconds.minute(of: newest[slot]) >= start else { continue }
      let end = reached(slot, now)
      guard end > start else { continue }
      firstOpen[slot] = end
      if end - start <= Self.gapMinutesMax {
        for minute in start..<end { tell(slot, minute, table) }
      } else {
        // Rows that were here before lie in the first two; what came since lies open.
        var minutes: Set<Int64> = [start, start + 1]
        for layout in table.layouts(ofSlot: slot) {
          let index = Int(layout.layout.rawValue)
          guard index < current.runs.count else { continue }
          current.arena.reader().forEachTimestamp(of: current.runs[index]) {
            let minute = Nanoseconds.minute(of: $0)
            if minute >= start, minute < end { minutes.insert(minute) }
          }
        }
        for minute in minutes.sorted() { tell(slot, minute, table) }
      }
    }
  }

  private mutating func noteRestated(
    _ slot: Int,
    _ index: Int,
    _ run: RowRun,
    _ before: UInt32,
    _ current: Generation,
    _ table: PartitionLayouts
  ) {
    let end = firstOpen[slot] * Nanoseconds.perMinute
    guard run.oldest < end else { return }
    // Rows of an ascending run are newer than those that were seen.
    if run.isAscending, before > 0, seenNewest[index] >= end - 1 { return }
    let series = table.seriesOfSlot[slot].rawValue
    var minutes: Set<Int64> = []
    current.arena.reader().forEachTimestamp(of: run, skipping: Int(before)) {
      if $0 < end { minutes.insert(Nanoseconds.minute(of: $0)) }
    }
    for minute in minutes {
      restated.insert(FeedPair(series: series, kind: .restated, minute: minute))
    }
    bound()
  }

  private mutating func tell(_ slot: Int, _ minute: Int64, _ table: PartitionLayouts) {
    pending.append(
      FeedPair(series: table.seriesOfSlot[slot].rawValue, kind: .closed, minute: minute)
    )
    bound()
  }

  private mutating func bound() {
    guard pending.count + restated.count > pendingCountMax else { return }
    pending = []
    restated = []
    isFlooded = true
  }

  // MARK: Tables

  private mutating func grow(to table: PartitionLayouts) {
    let more = table.lastSealed.count - newest.count
    guard more > 0 else { return }
    newest.append(contentsOf: repeatElement(.min, count: more))
    lastGrowth.append(contentsOf: repeatElement(.min, count: more))
    firstOpen.append(contentsOf: repeatElement(Self.unborn, count: more))
    isQuiet.append(contentsOf: repeatElement(false, count: more))
  }

  private mutating func see(_ index: Int, _ run: RowRun) {
    while seenCount.count <= index {
      seenCount.append(0)
      seenNewest.append(.min)
    }
    seenCount[index] = run.rowCount
    seenNewest[index] = run.newest
  }

  /// The series slot of a layout; `nil` for one that nobody knows.
  private mutating func slot(of index: Int, _ table: PartitionLayouts) -> Int? {
    while slots.count <= index { slots.append(-1) }
    if slots[index] >= 0 { return Int(slots[index]) }
    guard let info = table.infos[index] else { return nil }
    slots[index] = Int32(info.seriesSlot)
    return info.seriesSlot
  }
}
