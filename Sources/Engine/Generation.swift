internal import Model

/// Open rows between two cuts: everything of one partition from `start` on.
///
/// The worker appends; once sealed it never changes, so a cut reads it while newer rows go to the
/// next generation.
final class Generation {
  let start: Offset
  /// The first offset that is not in it.
  private(set) var end: Offset
  let arena: RowArena
  /// By layout id.
  private(set) var runs: [RowRun] = []
  /// Rows and points that arrived in them, and the layouts that have any.
  private(set) var counts = RunCounts()
  private var refused: [Int: [RefusalReason: LedgerTally.Refused]] = [:]
  /// Bytes of the log that it came from.
  private(set) var logByteCount = 0
  private(set) var batchCount = 0
  /// When the first batch was applied, on the monotonic clock.
  private(set) var firstAppliedAt: UInt64?

  init(start: Offset, pool: RowSlabPool? = nil) {
    self.start = start
    arena = RowArena(pool: pool)
    end = start
  }

  /// Layouts that have rows, in order of their first.
  var layouts: [Int] { counts.layouts }
  var rowCount: Int { counts.rowCount }
  /// Rows whose layout nobody knows, or that did not decode: counted, never silently gone.
  var unreadableRowCount: Int { counts.unreadableRowCount }
  /// What arrived, for the ledger.
  var tally: LedgerTally { LedgerTally(received: counts.received, refused: refused) }

  /// Whether a cut of it would change anything.
  var isEmpty: Bool { start == end }

  /// Applies one batch: copies its rows behind their layouts' runs.
  ///
  /// Cost: see ``RowArena``.
  func apply(_ batch: RowBatch, table: PartitionLayouts, at monotonic: UInt64) {
    if runs.count < table.hot.count {
      runs.append(contentsOf: repeatElement(RowRun(), count: table.hot.count - runs.count))
    }
    arena.append(batch, layouts: table.hot, runs: &runs, counts: &counts)
    pass(batch, at: monotonic)
  }

  /// Applies counts of refused lines.
  func apply(
    _ refusals: [RefusalCount],
    of batch: RowBatch,
    ledger: inout LedgerBook,
    at monotonic: UInt64
  ) {
    for refusal in refusals {
      let slot = ledger.slot(
        LedgerKey(tenant: batch.header.tenant, measurement: refusal.measurement)
      )
      refused[slot, default: [:]][refusal.reason, default: .init()].lines += refusal.lines
      refused[slot, default: [:]][refusal.reason, default: .init()].points += refusal.points
    }
    pass(batch, at: monotonic)
  }

  /// Steps over a batch whose body says nothing readable, or whose body is done.
  func pass(_ batch: RowBatch, at monotonic: UInt64) {
    if firstAppliedAt == nil { firstAppliedAt = monotonic }
    end = batch.header.offset.advanced(by: 1)
    batchCount += 1
    logByteCount += BatchHeader.byteCount + batch.bodyByteCount
  }

  /// Points in the open rows of each ledger slot, counted from the rows themselves.
  func pendingPoints(table: PartitionLayouts, into pending: inout [UInt64]) {
    for index in layouts {
      guard let info = table.infos[index] else { continue }
      while pending.count <= info.ledgerSlot { pending.append(0) }
      pending[info.ledgerSlot] += UInt64(runs[index].rowCount) * UInt64(info.width)
    }
  }
}
