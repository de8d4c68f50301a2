internal import Blocks
internal import Model

/// What others see of a partition: both are values that never change.
extension PartitionStore {
  /// What a query sees of some series: one state, named by its manifest.
  ///
  /// - Parameter series: ascending.
  func view(of series: [SeriesID]) -> StoreView {
    var view = StoreView(
      partition: partition,
      blocks: blocks,
      unread: unread,
      ring: ringSnapshot,
      rollups: rollups,
      decoder: decoder,
      fieldSets: fieldSets,
      arenas: [],
      generations: [],
      stretchRowCount: stretchRowCount
    )
    let generations = [cut?.generation, current].compactMap { $0 }
    view.arenas = generations.map { $0.arena.reader() }
    view.generations = generations.map(\.start)
    let hasRows = generations.contains { $0.rowCount > 0 }
    view.series.reserveCapacity(series.count)
    for id in series {
      guard let slot = table.knownSlot(of: id) else { continue }
      let start = view.runs.count
      for layout in hasRows ? table.layouts(ofSlot: slot) : [] {
        let index = Int(layout.layout.rawValue)
        for (arena, generation) in generations.enumerated()
        where index < generation.runs.count && generation.runs[index].rowCount > 0 {
          view.runs.append((layout: layout, arena: arena, run: generation.runs[index]))
        }
      }
      view.series.append(
        StoreView.OpenSeries(
          series: id,
          lastSealed: table.lastSealed[slot],
          place: start..<view.runs.count
        )
      )
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
    for (key, points) in manifest.removals.counts {
      book.remove(points, key)
    }
    return book.entries.enumerated().map { index, entry in
      (entry, index < pending.count ? pending[index] : 0)
    }
  }
}
