/// Decides how much merging may take, and how fast rows may come, by what waits to be merged.
///
/// Up to half of the limit rows come as they like, and merging takes a growing share of processors.
/// Beyond it they come as fast as blocks are merged, and faster by what there is still room for: so
/// what waits goes towards seven eighths of the limit ever more slowly. Who sends less than that is
/// not slowed at all, however much waits.
///
/// A value: the same looks give the same decisions.
package struct DebtControl {
  /// Room below seven eighths of the limit is given away over this time. Longer than rows stay in
  /// memory at full load, for what was let in earlier still comes.
  package static let roomSeconds = 120.0
  /// What is always taken, of the rate before rows were slowed.
  package static let shareMin = 0.1
  /// How far back rates are measured: of merging and receiving, and of how many bytes of rows
  /// become one of a block.
  private static let rateSeconds = 20.0
  private static let ratioSeconds = 120.0
  /// Merging must have been seen at work for so long before it says what it can do.
  private static let busySecondsMin = 5.0

  /// The state of things at a moment. Counts are since the start.
  package struct Look {
    package var monotonic: UInt64
    /// Bytes of blocks that could be merged now, without what running merges have done of theirs.
    package var waitingByteCount: Int
    /// Merges that wait.
    package var mergeCount: Int
    /// Bytes of blocks that merges have worked on.
    package var mergedByteCount: UInt64
    /// Bytes of blocks that cuts have written.
    package var cutByteCount: UInt64
    /// Bytes of line protocol that were received.
    package var receivedByteCount: UInt64

    package init(
      monotonic: UInt64,
      waitingByteCount: Int,
      mergeCount: Int,
      mergedByteCount: UInt64,
      cutByteCount: UInt64,
      receivedByteCount: UInt64
    ) {
      self.monotonic = monotonic
      self.waitingByteCount = waitingByteCount
      self.mergeCount = mergeCount
      self.mergedByteCount = mergedByteCount
      self.cutByteCount = cutByteCount
      self.receivedByteCount = receivedByteCount
    }
  }

  package struct Decision: Equatable {
    /// Of one processor, for each thread that merges.
    package var processorPercent: Int
    package var threadCount: Int
    /// Bytes of line protocol a second that are taken; `nil` for as many as come.
    package var bytesPerSecond: Double?
    /// What is not taken of the rate before rows were slowed: 0 ... 0.9.
    package var slowedRatio = 0.0
    /// Whether rows come as fast as they may: also where nobody knows how fast they came before.
    package var isSlowing = false
  }

  let limit: Int
  let partitionCount: Int
  let processorPercent: Int
  let threadCountMax: Int
  private var last: Look?
  private var merged = Average(seconds: Self.rateSeconds)
  private var received = Average(seconds: Self.rateSeconds)
  private var cutOfAll = Average(seconds: Self.ratioSeconds)
  private var receivedOfAll = Average(seconds: Self.ratioSeconds)
  package private(set) var decision: Decision

  /// A mean over about the last seconds.
  private struct Average {
    let seconds: Double
    private(set) var amount = 0.0
    private(set) var weight = 0.0

    init(seconds: Double) { self.seconds = seconds }

    var perSecond: Double { weight > 0 ? amount / weight : 0 }

    mutating func add(_ more: UInt64, over passed: Double) {
      let kept = seconds / (seconds + passed)
      amount = amount * kept + Double(more)
      weight = weight * kept + passed
    }
  }

  /// - Parameter limit: bytes, 1 or more.
  package init(limit: Int, partitionCount: Int, processorPercent: Int, threadCountMax: Int) {
    precondition(limit >= 1 && partitionCount >= 1 && threadCountMax >= 1)
    self.limit = limit
    self.partitionCount = partitionCount
    self.processorPercent = processorPercent
    self.threadCountMax = threadCountMax
    decision = Decision(processorPercent: processorPercent, threadCount: 1)
  }

  /// Takes a look into account and decides anew. Looks come about once a second.
  package mutating func note(_ look: Look) {
    let isAtRate = isAtRate(look)
    measure(look)
    last = look
    let rate = rate(look)
    let before = received.perSecond
    let slowedRatio = rate.map { before > $0 ? 1 - $0 / before : 0 } ?? 0
    decision = Decision(
      processorPercent: share(look),
      threadCount: threads(look),
      bytesPerSecond: rate,
      slowedRatio: slowedRatio,
      isSlowing: rate != nil && (slowedRatio > 0 || isAtRate)
    )
  }

  /// Whether nearly all that might come since the last look did; half of it where rows were slowed
  /// already, so that it does not come and go from second to second.
  private func isAtRate(_ look: Look) -> Bool {
    guard let last, let rate = decision.bytesPerSecond, look.monotonic > last.monotonic else {
      return false
    }
    let passed = Double(look.monotonic - last.monotonic) / 1e9
    return Double(look.receivedByteCount &- last.receivedByteCount)
      >= (decision.isSlowing ? 0.5 : 0.95) * rate * passed
  }

  private mutating func measure(_ look: Look) {
    guard let last, look.monotonic > last.monotonic else { return }
    let passed = Double(look.monotonic - last.monotonic) / 1e9
    let more = look.receivedByteCount &- last.receivedByteCount
    cutOfAll.add(look.cutByteCount &- last.cutByteCount, over: passed)
    receivedOfAll.add(more, over: passed)
    // Who is slowed would come faster.
    if decision.slowedRatio == 0 { received.add(more, over: passed) }
    // Without anything to merge it is no wonder that nothing is.
    if last.waitingByteCount > 0, look.waitingByteCount > 0 {
      merged.add(look.mergedByteCount &- last.mergedByteCount, over: passed)
    }
  }

  /// What waits makes merging faster, so that it does not grow.
  private func share(_ look: Look) -> Int {
    let byMerges = processorPercent * max(1, 2 * look.mergeCount / partitionCount)
    let part = min(limit, 8 * look.waitingByteCount)
    let byBytes = processorPercent + (100 - processorPercent) * part / limit
    return min(100, max(byMerges, byBytes))
  }

  /// All threads at half of the limit, before rows are slowed.
  private func threads(_ look: Look) -> Int {
    let more = 2 * threadCountMax * look.waitingByteCount / limit
    return min(threadCountMax, 1 + more)
  }

  /// Bytes of line protocol a second that may come.
  private func rate(_ look: Look) -> Double? {
    guard look.waitingByteCount >= limit / 2, merged.weight >= Self.busySecondsMin,
      cutOfAll.amount > 0, receivedOfAll.amount > 0
    else { return nil }
    // An eighth is for what is cut at once.
    let room = Double(limit - limit / 8 - look.waitingByteCount) / Self.roomSeconds
    // When too much waits half as much comes as goes.
    let blocks = max(merged.perSecond / 2, merged.perSecond + room)
    let lines = blocks * receivedOfAll.amount / cutOfAll.amount
    return max(lines, received.perSecond * Self.shareMin)
  }
}
