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

  private(set) var table: PartitionLayouts
  private var knownVersion: UInt64 = 0
  /// Open rows that arrive now.
  private(set) var current: Generation
  /// Open rows that a cut is turning into blocks; still open rows to every reader.
  private(set) var cut: Cut?
  private(set) var manifest: Manifest
  private(set) var blocks: [BlockReader]
  private(set) var ring: RingRegion
  private(set) var ringSnapshot: RingSnapshot
  private(set) var ledger: LedgerBook
  private(set) var unreadableRowCount = 0
  /// Bytes of all blocks.
  var blockByteCount: UInt64 { manifest.blocks.reduce(0) { $0 + UInt64($1.byteCount) } }

  init(
    partition: PartitionID,
    epoch: Epoch,
    catalog: Catalog,
    fieldSets: FieldSets,
    clock: any Clock,
    files: PartitionFiles,
    manifest: Manifest,
    blocks: [BlockReader],
    unreadUpTo: Timestamp?,
    ring: RingRegion
  ) {
    self.partition = partition
    self.epoch = epoch
    table = PartitionLayouts(partition: partition)
    self.catalog = catalog
    self.fieldSets = fieldSets
    self.clock = clock
    self.files = files
    self.manifest = manifest
    self.blocks = blocks
    self.ring = ring
    decoder = RowDecoder(catalog: catalog)
    ringSnapshot = ring.snapshot
    ledger = LedgerBook(manifest.ledger)
    current = Generation(start: manifest.nextOffset)
    refreshLayouts()
    for block in blocks { noteSealed(block) }
    if let unreadUpTo { table.seal(upTo: unreadUpTo) }
  }

  /// The first offset that is not applied.
  var nextOffset: Offset { current.end }

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
    case .refusals:
      if let refusals = RefusalCodec.decode(batch) {
        current.apply(refusals, of: batch, ledger: &ledger, at: clock.monotonic())
      } else {
        unreadableRowCount += 1
        current.pass(batch, at: clock.monotonic())
      }
    }
  }

  private func refreshLayouts() {
    knownVersion = catalog.version
    table.refresh(from: catalog, ledger: &ledger)
  }

  private func noteSealed(_ block: BlockReader) {
    do {
      try block.forEachGroup { entry in
        let slot = table.slot(of: entry.series)
        table.lastSealed[slot] = max(table.lastSealed[slot], entry.lastTimestamp)
      }
    } catch {
      table.seal(upTo: block.summary.lastTimestamp)
    }
  }

  // MARK: Cuts

  /// Seals the open rows and starts turning them into blocks. No effect while a cut is under way or
  /// when nothing was applied since the last.
  func beginCut() {
    guard cut == nil, !current.isEmpty else { return }
    refreshLayouts()
    let sealed = current
    current = Generation(start: sealed.end)
    ring.dropHours(before: openHours.lowerBound)
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
      blocks: blocks,
      ring: ring,
      ledger: ledger,
      catalog: catalog,
      decoder: decoder,
      fieldSets: fieldSets,
      files: files,
      hours: Set(hours).union(ring.hours)
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
      finish(cut, try cut.commit())
      return .done
    } catch {
      // The sealed rows stay open rows; the next attempt starts from them.
      cut.abandon()
      return .failed(error)
    }
  }

  /// Makes what the manifest has committed the state that readers get.
  private func finish(_ cut: Cut, _ result: CutResult) {
    manifest = result.manifest
    blocks.append(contentsOf: result.blocks)
    for block in result.blocks { noteSealed(block) }
    ringSnapshot = ring.publish()
    // Slots that the ledger handed out during the cut stay.
    ledger = ledger.adding(cut.generation.tally, result.counts)
    self.cut = nil
  }

  // MARK: Views

  /// What a query sees of some series: one state, named by its manifest.
  func view(of series: [SeriesID]) -> StoreView {
    var view = StoreView(
      partition: partition,
      blocks: blocks,
      ring: ringSnapshot,
      decoder: decoder,
      fieldSets: fieldSets,
      series: [:],
      arenas: []
    )
    let generations = [cut?.generation, current].compactMap { $0 }
    view.arenas = generations.map { $0.arena.reader() }
    for id in series {
      guard let slot = table.knownSlot(of: id) else { continue }
      var open = StoreView.OpenSeries(lastSealed: table.lastSealed[slot])
      for layout in table.layouts(ofSlot: slot) {
        let index = Int(layout.layout.rawValue)
        for (arena, generation) in generations.enumerated()
        where index < generation.runs.count && generation.runs[index].rowCount > 0 {
          open.runs.append((layout: layout, arena: arena, run: generation.runs[index]))
        }
      }
      view.series[id] = open
    }
    return view
  }

  /// The ledger with what is not cut yet: committed counts, plus what arrived, plus what is
  /// pending.
  func liveLedger() -> [(entry: LedgerEntry, pending: UInt64)] {
    var book = ledger
    var pending: [UInt64] = []
    for generation in [cut?.generation, current].compactMap({ $0 }) {
      book = book.adding(generation.tally, [:])
      generation.pendingPoints(table: table, into: &pending)
    }
    return book.entries.enumerated().map { index, entry in
      (entry, index < pending.count ? pending[index] : 0)
    }
  }
}
