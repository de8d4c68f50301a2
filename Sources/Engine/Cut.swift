internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Ring

/// What a cut has made durable.
struct CutResult {
  var manifest: Manifest
  var blocks: [BlockReader]
  var counts: [Int: CutCounts]
  /// Minutes of series that had a window already.
  var restatedWindowCount: Int
}

/// Turns one generation of open rows into blocks and windows, some series at a time, and commits
/// blocks, ring progress, ledger and offset with one rename of the manifest.
///
/// A crash before the rename leaves files that nothing names; the log still has every row. A failed
/// step leaves the generation as it was: ``abandon()`` and start again.
final class Cut {
  /// Values after which ``step()`` lets the worker look at its other duties.
  static let valuesPerStep = 1 << 17
  static let refoldsPerStep = 16

  let generation: Generation
  private let store: CutContext
  /// Layouts of one series, in the order of the block: tenant, series, field set.
  private var work: [[LayoutInfo]] = []
  private var position = 0
  private var damagedPosition = 0
  private var tenants: [TenantID] = []
  private var writer: SeriesWriter?
  private var finished: [BlockSummary] = []
  private var counts: [Int: CutCounts] = [:]
  private var restatedWindowCount = 0

  init(_ generation: Generation, context: CutContext) {
    self.generation = generation
    store = context
    plan()
  }

  private func plan() {
    work = Self.series(of: generation, store.table)
    for layouts in work where tenants.last != layouts[0].tenant {
      tenants.append(layouts[0].tenant)
    }
    // A cut without rows (refused lines only) still covers its offsets with a block.
    if tenants.isEmpty { tenants = [.default] }
  }

  /// The layouts that have rows, those of a series together, in the order of blocks.
  static func series(of generation: Generation, _ table: PartitionLayouts) -> [[LayoutInfo]] {
    let infos = generation.layouts.compactMap { table.infos[$0] }.sorted {
      ($0.tenant, $0.series, $0.fieldSet) < ($1.tenant, $1.series, $1.fieldSet)
    }
    var result: [[LayoutInfo]] = []
    for info in infos {
      if let last = result.last?.first, last.series == info.series {
        result[result.count - 1].append(info)
      } else {
        result.append([info])
      }
    }
    return result
  }

  /// Writes some series.
  ///
  /// - Returns: whether all are written.
  func step() throws(SystemError) -> Bool {
    var values = 0
    while position < work.count, values < Self.valuesPerStep {
      let layouts = work[position]
      let series = try seriesWriter(for: layouts[0].tenant)
      let (count, points, restated) = try series.write(layouts, of: generation)
      restatedWindowCount += restated
      counts[layouts[0].ledgerSlot, default: CutCounts()] += count
      values += points
      position += 1
    }
    guard position == work.count else { return false }
    return try refoldDamaged()
  }

  /// Folds some of the minutes again whose records are damaged, unless the cut's own rows have had
  /// that done.
  ///
  /// - Returns: whether none is left.
  private func refoldDamaged() throws(SystemError) -> Bool {
    let end = min(damagedPosition + Self.refoldsPerStep, store.damagedMinutes.count)
    for damaged in store.damagedMinutes[damagedPosition..<end] {
      guard store.ring.hasHour(damaged.minute / 60),
        case .damaged = store.ring.existing(series: damaged.series, minute: damaged.minute)
      else { continue }
      var minutes = MinuteTable(
        series: damaged.series,
        context: store,
        scratch: MinuteScratch()
      )
      minutes.markDirty([damaged.minute * Nanoseconds.perMinute])
      try minutes.finish { _ in [] }
    }
    damagedPosition = end
    return end == store.damagedMinutes.count
  }

  private func seriesWriter(for tenant: TenantID) throws(SystemError) -> SeriesWriter {
    if let writer, writer.tenant == tenant { return writer }
    try finishWriter()
    let next = try SeriesWriter(
      store,
      identity: BlockIdentity(
        partition: store.partition,
        tenant: tenant,
        epoch: store.epoch,
        a: generation.start,
        b: generation.end,
        cut: store.cutNumber,
        index: UInt32(finished.count),
        count: UInt32(tenants.count)
      )
    )
    writer = next
    return next
  }

  private func finishWriter() throws(SystemError) {
    guard let writer else { return }
    self.writer = nil
    if let summary = try writer.finish(ledger: ledgerAfter.entries) { finished.append(summary) }
  }

  private var ledgerAfter: LedgerBook { store.ledger.adding(generation.tally, counts) }

  /// Ends the blocks, syncs the ring and renames the manifest.
  ///
  /// - Parameter current: the committed one; its blocks may be others than at the beginning.
  func commit(onto current: Manifest) throws(SystemError) -> CutResult {
    if finished.isEmpty, writer == nil { _ = try seriesWriter(for: tenants[0]) }
    try finishWriter()
    // What blocks and windows refer to is durable before they count.
    let catalogVersion = store.catalog.version
    try store.catalog.sync(upTo: catalogVersion)
    CrashPoint.blocksWritten.reach()
    try store.ring.sync()
    CrashPoint.ringSynced.reach()
    var manifest = current
    manifest.cut = store.cutNumber
    manifest.epoch = store.epoch
    manifest.catalogVersion = catalogVersion
    manifest.nextOffset = generation.end
    manifest.blocks.append(contentsOf: finished)
    manifest.ringProgress = store.ring.progress
    manifest.ledger = ledgerAfter.entries
    let readers = try store.files.open(finished)
    // Days that are folded already and have got rows now are folded again.
    manifest.rollups.note(
      readers.flatMap { $0.times(before: manifest.rollups) },
      cut: store.cutNumber
    )
    try store.files.manifests.commit(manifest)
    CrashPoint.cutCommitted.reach()
    return CutResult(
      manifest: manifest,
      blocks: readers,
      counts: counts,
      restatedWindowCount: restatedWindowCount
    )
  }

  /// Forgets what was written so far and starts over at the next ``step()``.
  func abandon() {
    writer?.abandon()
    writer = nil
    // Finished blocks stay: the manifest's rename may have happened although it reported an error.
    // The next attempt writes the same names again, and a start removes what no manifest names.
    finished = []
    counts = [:]
    restatedWindowCount = 0
    position = 0
    damagedPosition = 0
    store.ring.rollBack()
  }
}
