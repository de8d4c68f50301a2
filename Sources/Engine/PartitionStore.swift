internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Query
internal import Ring

/// Everything made from one partition's batches: open rows, blocks, ring region, ledger.
///
/// Single writer: it belongs to its worker's thread. Queries get a ``StoreView``, which never
/// changes.
final class PartitionStore {
  let partition: PartitionID
  let catalog: Catalog
  let clock: any Clock
  let epoch: Epoch
  let decoder: RowDecoder
  let fieldSets: FieldSets
  let files: PartitionFiles
  let retention: Retention
  /// Open rows of a series that are worked on at once.
  let stretchRowCount: Int

  private(set) var table: PartitionLayouts
  private var knownVersion: UInt64 = 0
  /// Open rows that arrive now.
  private(set) var current: Generation
  /// Open rows that a cut is turning into blocks; still open rows to every reader.
  private(set) var cut: Cut?
  private(set) var manifest: Manifest
  private(set) var blocks: [BlockReader]
  /// Blocks that the manifest names and that cannot be opened now: queries say so.
  private(set) var unread: [BlockSummary]
  private(set) var rollups: RollupSet
  private(set) var ring: RingRegion
  private(set) var ringSnapshot: RingSnapshot
  private(set) var ledger: LedgerBook
  /// Deletes that were applied since the start.
  private(set) var deleteCount = 0
  private(set) var unreadableRowCount = 0
  let counters = PartitionCounters()
  /// Why and when the cut under way began.
  private var cutBegan: (cause: CutCause, at: UInt64)?
  /// Finds windows to announce, while anybody listens.
  private var tracker: WindowTracker?
  /// The freeze under way.
  private(set) var freezer: HourFreezer?
  /// Why the last freeze failed, until one succeeds.
  private(set) var freezeFailure: SystemError?
  /// When the last cut began, on the wall clock.
  private var cutBeganAt: Timestamp = 0
  /// Records that were found damaged at the start: the next cut folds their minutes again.
  private var damagedMinutes: [RingRecovery.DamagedMinute]

  init(
    partition: PartitionID,
    epoch: Epoch,
    catalog: Catalog,
    fieldSets: FieldSets,
    clock: any Clock,
    files: PartitionFiles,
    retention: Retention,
    manifest: Manifest,
    blocks: [BlockReader],
    rollups: [RollupReader] = [],
    unreadUpTo: Timestamp?,
    ring: RingRegion,
    damagedMinutes: [RingRecovery.DamagedMinute] = [],
    stretchRowCount: Int = RowStretches.rowCountMin
  ) {
    self.partition = partition
    self.epoch = epoch
    table = PartitionLayouts(partition: partition)
    self.catalog = catalog
    self.fieldSets = fieldSets
    self.clock = clock
    self.files = files
    self.retention = retention
    self.manifest = manifest
    self.blocks = blocks
    let readable = Set(blocks.map(\.summary.fileName))
    unread = manifest.blocks.filter { !readable.contains($0.fileName) }
    self.rollups = RollupSet(manifest.rollups, rollups)
    self.ring = ring
    self.damagedMinutes = damagedMinutes
    self.stretchRowCount = stretchRowCount
    decoder = RowDecoder(catalog: catalog)
    ringSnapshot = ring.snapshot
    ledger = LedgerBook(manifest.ledger)
    current = Generation(start: manifest.nextOffset, pool: slabs)
    refreshLayouts()
    for block in blocks { table.noteSealed(block) }
    for block in manifest.blocks { retention.observe(block.lastTimestamp) }
    retention.observe(manifest.rollups)
    if let unreadUpTo { table.seal(upTo: unreadUpTo) }
    counters.publish(self)
    counters.publishManifest(self)
  }

  /// The first offset that is not applied.
  var nextOffset: Offset { current.end }

  /// Memory that goes from one generation of open rows to the next.
  let slabs = RowSlabPool()

  /// Memory of all open rows.
  var openByteCount: Int { current.arena.byteCount + (cut?.generation.arena.byteCount ?? 0) }
  /// Log bytes that a recovery would replay.
  var openLogByteCount: Int { current.logByteCount + (cut?.generation.logByteCount ?? 0) }
  var openRowCount: Int { current.rowCount + (cut?.generation.rowCount ?? 0) }

  /// Applies a durable batch. Replay and live running are this one function: a batch below
  /// ``nextOffset`` is known already and changes nothing.
  func apply(_ batch: RowBatch) {
    guard batch.header.offset >= current.end else { return }
    if batch.header.registryVersion > knownVersion { refreshLayouts() }
    switch batch.header.kind {
    case .rows:
      let before = current.unreadableRowCount
      current.apply(batch, table: table, at: clock.monotonic())
      unreadableRowCount += current.unreadableRowCount - before
    case .delete: preconditionFailure("a delete may have to wait: applyDelete")
    case .refusals:
      if let refusals = RefusalCodec.decode(batch) {
        current.apply(refusals, of: batch, ledger: &ledger, at: clock.monotonic())
      } else {
        unreadableRowCount += 1
        current.pass(batch, at: clock.monotonic())
      }
    }
    counters.applied(batch)
  }

  private func refreshLayouts() {
    knownVersion = catalog.version
    table.refresh(from: catalog, ledger: &ledger)
  }

  // MARK: Cuts

  /// Seals the open rows and starts turning them into blocks. No effect while a cut is under way or
  /// when nothing was applied since the last.
  func beginCut(_ cause: CutCause) {
    guard cut == nil, !current.isEmpty else { return }
    cutBegan = (cause, clock.monotonic())
    refreshLayouts()
    tracker?.look(at: current, table: table, now: clock.now())
    tracker?.sealed()
    let sealed = current
    current = Generation(start: sealed.end, pool: slabs)
    ring.dropHours(before: oldestRingHour)
    cutBeganAt = clock.now()
    cut = Cut(sealed, context: context)
  }

  /// Hours that take windows: those that have not ended more than ten minutes ago, and those that a
  /// row may lie in that is ahead of the clock.
  private var openHours: ClosedRange<Int64> {
    let now = max(0, clock.now())
    let margin = Limits.futureNanosecondsMax
    return max(0, now - margin) / Nanoseconds.perHour...(now + margin) / Nanoseconds.perHour
  }

  private var context: CutContext {
    // An hour of which rows are sealed already, while the ring has no slot for it, stays without:
    // its windows would not be all. An hour that the ring has takes them whatever the clock says,
    // for it answers queries: the clock may have stepped back.
    let hours = openHours.filter { hour in
      !manifest.blocks.contains { $0.meets(TimeRange.hour(hour)) }
    }
    return CutContext(
      partition: partition,
      epoch: epoch,
      cutNumber: manifest.cut + 1,
      table: table,
      manifest: manifest,
      // A cut never waits for a cold store: late rows of its times count as news.
      blocks: blocks.filter { $0.summary.cold == nil },
      ring: ring,
      ledger: ledger,
      catalog: catalog,
      decoder: decoder,
      fieldSets: fieldSets,
      files: files,
      hours: Set(hours).union(ring.hours),
      damagedMinutes: damagedMinutes,
      stretchRowCount: stretchRowCount
    )
  }

  enum CutStep {
    /// There is more to do.
    case goesOn
    case done
    /// The next step starts over.
    case failed(SystemError)
  }

  /// Does a part of the cut under way: some series, or the commit.
  func stepCut() -> CutStep {
    guard let cut else { return .done }
    do throws(SystemError) {
      guard try cut.step() else { return .goesOn }
      finish(cut, try cut.commit(onto: manifest))
      return .done
    } catch {
      // The sealed rows stay open rows; the next attempt starts from them.
      cut.abandon()
      return .failed(error)
    }
  }

  /// Makes what the manifest has committed the state that readers get.
  private func finish(_ cut: Cut, _ result: CutResult) {
    adopt(result.manifest, rollups: rollups)
    blocks.append(contentsOf: result.blocks)
    for block in result.blocks {
      table.noteSealed(block)
      retention.observe(block.summary.lastTimestamp)
    }
    ringSnapshot = ring.publish()
    // Slots that the ledger handed out during the cut stay.
    ledger = ledger.adding(cut.generation.tally, result.counts)
    self.cut = nil
    damagedMinutes = []
    setAsideDamagedFiles()
    counters.publishManifest(self)
    guard let cutBegan else { return }
    counters.cut(
      cutBegan.cause,
      rows: cut.generation.rowCount,
      bytes: result.blocks.reduce(0) { $0 + $1.summary.byteCount },
      restated: result.restatedWindowCount,
      nanoseconds: clock.monotonic() &- cutBegan.at
    )
  }

  // MARK: Compaction

  var blockList: BlockList {
    BlockList(
      summaries: manifest.blocks,
      readers: blocks,
      deletes: manifest.deletes,
      deleteCount: deleteCount,
      rollups: rollups,
      cut: manifest.cut,
      nextOffset: manifest.nextOffset,
      hasRemovals: !manifest.removals.isEmpty
    )
  }

  /// Takes over a manifest that was committed, with the rollups that it names.
  func adopt(_ committed: Manifest, rollups named: RollupSet) {
    manifest = committed
    if !unread.isEmpty {
      let readable = Set(blocks.map(\.summary.fileName))
      let names = Set(committed.blocks.map(\.fileName)).subtracting(readable)
      unread.removeAll { !names.contains($0.fileName) }
    }
    rollups =
      named.state == committed.rollups ? named : RollupSet(committed.rollups, named.readers)
    counters.publishManifest(self)
  }

  /// Puts merged blocks in the place of their inputs: what the next cut commits as well. Whoever
  /// reads the inputs now goes on doing so.
  func replaceBlocks(_ replacement: BlockReplacement) -> BlockSwap {
    guard let next = replacement.applied(to: blockList) else { return .refused }
    var committed = manifest
    committed.blocks = next.summaries
    committed.removals.add(replacement.removed)
    committed.deletes.replace(
      replacement.inputs,
      with: replacement.outputs,
      before: replacement.deletesEnd
    )
    for (measurement, day) in replacement.rawFrom {
      committed.rollups.noteRawGone(measurement, before: day)
    }
    do throws(SystemError) {
      try files.manifests.commit(committed)
    } catch {
      return .failed(error)
    }
    blocks = next.readers
    adopt(committed, rollups: rollups)
    // Of a delete that came while they were merged.
    for block in replacement.readers { manifest.deletes.leaveOutRows(of: block) }
    CrashPoint.compactionCommitted.reach()
    return .done
  }

  // MARK: Deletes

  /// Applies a delete to the blocks, and passes it.
  ///
  /// - Returns: why that was not possible; nothing has changed then.
  func applyDelete(_ batch: RowBatch) -> SystemError? {
    guard let record = DeleteCodec.decode(batch) else {
      unreadableRowCount += 1
      current.pass(batch, at: clock.monotonic())
      return nil
    }
    if case .failed(let failure) = delete(record, batch.header) { return failure }
    deleteCount += 1
    current.pass(batch, at: clock.monotonic())
    counters.applied(batch)
    return nil
  }

  /// Commits a manifest that names fewer blocks or more deletes, without the ring's hours that may
  /// have windows of what is gone.
  func commit(
    _ next: Manifest,
    blocks kept: [BlockReader],
    droppingHours isGone: (Int64) -> Bool
  ) -> BlockSwap {
    precondition(cut == nil)
    if let freezer {
      freezer.abandon()
      ring.cancelFreeze(freezer.hour)
      self.freezer = nil
    }
    for hour in ring.hours where isGone(hour) { ring.dropHour(hour) }
    var next = next
    do throws(SystemError) {
      // What the ring has dropped stays dropped: blocks answer for it.
      try catalog.sync(upTo: catalog.version)
      try ring.sync()
      next.ringProgress = ring.progress
      try files.manifests.commit(next)
    } catch {
      return .failed(error)
    }
    blocks = kept
    ringSnapshot = ring.publish()
    adopt(next, rollups: rollups)
    CrashPoint.removalCommitted.reach()
    return .done
  }

  // MARK: Changes

  /// What there is to announce since the last call. The first one begins to look: it announces
  /// nothing.
  func scan(wantsGrowth: Bool, pendingCountMax: Int) -> FeedScan {
    let now = clock.now()
    var scan = FeedScan(partition: partition, next: nextOffset)
    if tracker == nil {
      refreshLayouts()
      tracker = WindowTracker(
        table: table,
        sealed: cut?.generation,
        current: current,
        now: now,
        pendingCountMax: pendingCountMax
      )
    } else {
      tracker?.look(at: current, table: table, now: now)
      if let found = tracker?.take(table) {
        scan.pairs = found.pairs
        scan.grown = found.grown
        scan.isFlooded = found.isFlooded
      }
    }
    tracker?.wantsGrowth = wantsGrowth
    return scan
  }

  /// Nobody listens any more.
  func endScans() { tracker = nil }

  /// Which minutes of some series are closed by now; all that nobody tracks.
  func areClosed(_ pairs: [FeedPair]) -> [Bool] {
    pairs.map { pair in
      guard let tracker, let slot = table.knownSlot(of: SeriesID(pair.series)) else { return true }
      return tracker.isClosed(pair.minute, slot: slot)
    }
  }

  // MARK: Freezing

  /// The oldest hour that the ring keeps.
  private var oldestRingHour: Int64 {
    max(
      max(0, clock.now() / Nanoseconds.perHour - Self.ringHourCount),
      retention.oldestOfLongest(now: clock.now()) / Nanoseconds.perHour
    )
  }

  /// Hours that the ring keeps beside the open one.
  static let ringHourCount: Int64 = 48

  /// Whether there is anything to do for ``stepFreeze()``.
  var isFreezing: Bool { freezer != nil || ring.hasFrozenToCommit }

  /// Begins to freeze the oldest closed hour that needs it, or to make one from blocks. No effect
  /// while a cut or a freeze is under way.
  func beginFreeze() {
    guard cut == nil, freezer == nil, !ring.hasFrozenToCommit else { return }
    // Rows that came in time are in the ring once a cut has begun ten minutes after the hour.
    let sealedUntil = current.isEmpty ? clock.now() : min(cutBeganAt, clock.now())
    let closed = (sealedUntil - Limits.futureNanosecondsMax) / Nanoseconds.perHour
    guard closed > oldestRingHour else { return }
    for hour in oldestRingHour..<closed {
      switch ring.need(of: hour) {
      case .nothing: continue
      case .freeze:
        guard let freeze = ring.beginFreeze(hour, cut: manifest.cut) else { continue }
        begin(freeze)
      case .rebuild:
        // Nor does a freeze: hours that a cold block holds are answered from blocks.
        let held = manifest.blocks.filter { $0.meets(TimeRange.hour(hour)) }
        guard !held.isEmpty, held.allSatisfy({ $0.cold == nil }) else { continue }
        begin(ring.beginRebuild(hour, cut: manifest.cut))
      }
      return
    }
  }

  private func begin(_ freeze: RingFreeze) {
    do throws(SystemError) {
      let writer = try ring.makeWriter(for: freeze)
      let context = FreezeContext(catalog: catalog, fieldSets: fieldSets, blocks: blocks)
      freezer = HourFreezer(freeze, writer: writer, context: context)
    } catch {
      freezeFailure = error
      ring.cancelFreeze(freeze.hour)
    }
  }

  /// Does a part of the freeze under way: some columns, or the commit.
  ///
  /// - Returns: whether it went well.
  func stepFreeze() -> Bool {
    do throws(SystemError) {
      if let freezer, try freezer.step() {
        self.freezer = nil
        do throws(SystemError) {
          _ = ring.install(try freezer.finish())
          CrashPoint.hourFrozen.reach()
        } catch {
          freezer.abandon()
          ring.cancelFreeze(freezer.hour)
          throw error
        }
      }
      // A cut that is under way commits it with its own rows.
      if freezer == nil, cut == nil, ring.hasFrozenToCommit { try commitRing() }
      freezeFailure = nil
    } catch {
      freezeFailure = error
      if let freezer {
        freezer.abandon()
        ring.cancelFreeze(freezer.hour)
      }
      freezer = nil
    }
    return freezeFailure == nil
  }

  /// Commits the ring's files with a rename of the manifest that changes nothing else.
  private func commitRing() throws(SystemError) {
    ring.dropHours(before: oldestRingHour)
    try catalog.sync(upTo: catalog.version)
    try ring.sync()
    var next = manifest
    next.ringProgress = ring.progress
    try files.manifests.commit(next)
    CrashPoint.freezeCommitted.reach()
    manifest = next
    ringSnapshot = ring.publish()
    counters.publishManifest(self)
    setAsideDamagedFiles()
  }

  private func setAsideDamagedFiles() {
    for file in ring.takeDamagedFiles() { files.quarantine(file.path) }
  }
}
