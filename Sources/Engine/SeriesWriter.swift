internal import Blocks
internal import Model
internal import Platform
internal import Ring
internal import Rollup

/// Writes the series of one tenant into the cut's block for it, and their windows into the ring.
///
/// Each tile of eight columns is decoded once, encoded into its chunks and folded into minutes
/// while it is in the first-level cache.
final class SeriesWriter {
  /// Rows of one chunk group.
  static let groupRowCountMax = 4096
  /// Scale tables whose divisors are kept; beyond it all are forgotten.
  static let divisorTablesMax = 256

  let tenant: TenantID
  private let context: CutContext
  private var block: BlockWriter
  private var definitions = DefinitionSet()
  private var cells: [Cell] = []
  private var windows: [Window] = []
  private var divisors: [ScaleTableID: [Double]] = [:]

  init(
    _ context: CutContext,
    tenant: TenantID,
    generation: Generation,
    index: Int,
    of count: Int
  ) throws(SystemError) {
    self.context = context
    self.tenant = tenant
    block = try BlockWriter(
      disk: context.files.disk,
      directory: context.files.blocks,
      partition: context.partition,
      tenant: tenant,
      range: generation.start..<generation.end,
      cut: context.cutNumber,
      epoch: context.epoch,
      index: index,
      count: count
    )
  }

  /// A part of a series that becomes chunk groups.
  private enum Piece {
    case rows(LayoutInfo, [RowReference])
    case columns(FieldSetID, ColumnBatch, isLate: Bool)

    var order: (fieldSet: FieldSetID, first: Timestamp) {
      switch self {
      case .rows(let layout, let rows): (layout.fieldSet, rows.first?.timestamp ?? .max)
      case .columns(let set, let batch, _): (set, batch.timestamps.first ?? .max)
      }
    }
  }

  /// Writes all rows of one series.
  ///
  /// - Parameter layouts: its layouts that have rows in `generation`.
  /// - Returns: what became of its points, and how many values were worked on.
  func write(
    _ layouts: [LayoutInfo],
    of generation: Generation
  ) throws(SystemError) -> (counts: CutCounts, values: Int) {
    let lastSealed = context.table.lastSealed[layouts[0].seriesSlot]
    let reader = generation.arena.reader()
    var rows: [RowReference] = []
    for (index, layout) in layouts.enumerated() {
      reader.collect(generation.runs[Int(layout.layout.rawValue)], index: index, into: &rows)
    }
    let run = generation.runs[Int(layouts[0].layout.rawValue)]
    let isSorted = layouts.count == 1 && run.isAscending
    var late: [RowReference] = []
    if rows.contains(where: { $0.timestamp <= lastSealed }) {
      late = rows.filter { $0.timestamp <= lastSealed }
      rows.removeAll { $0.timestamp <= lastSealed }
    }
    let fresh = SeriesRows(
      layouts: layouts,
      rows: rows,
      isSorted: isSorted,
      decoder: context.decoder
    )
    var counts = fresh.counts
    var pieces = fresh.runs.map { Piece.rows($0.layout, $0.rows) }
    for batch in fresh.merged {
      pieces.append(.columns(try fieldSet(of: batch, in: layouts[0]), batch, isLate: false))
    }
    var minutes = MinuteTable(series: layouts[0].series, context: context)
    if !late.isEmpty {
      let resolved = SeriesRows(
        layouts: layouts,
        rows: late,
        isSorted: isSorted,
        decoder: context.decoder
      )
      counts.duplicate += resolved.counts.duplicate
      counts.replaced += resolved.counts.replaced
      var batches = resolved.merged
      for run in resolved.runs {
        batches.append(context.decoder.columns(of: run.layout, rows: run.rows))
      }
      let comparison = LateRows(batches, series: layouts[0].series, blocks: context.blocks)
      counts += comparison.counts
      for batch in comparison.kept {
        pieces.append(.columns(try fieldSet(of: batch, in: layouts[0]), batch, isLate: true))
        minutes.markDirty(batch.timestamps)
      }
    }
    pieces.sort { $0.order < $1.order }
    for piece in pieces {
      switch piece {
      case .rows(let layout, let rows):
        var start = 0
        while start < rows.count {
          let end = min(rows.count, start + Self.groupRowCountMax)
          try write(
            rows[start..<end],
            of: layout,
            isWhole: pieces.count == 1 && end - start == rows.count,
            &minutes
          )
          start = end
        }
      case .columns(let set, let batch, let isLate):
        try write(batch, fieldSet: set, series: layouts[0].series, isLate: isLate, &minutes)
      }
    }
    try minutes.finish()
    return (counts, rows.count * layouts[0].width + late.count * layouts[0].width)
  }
}
