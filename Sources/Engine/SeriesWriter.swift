internal import Blocks
internal import Catalog
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
  /// Encoded bytes of the rows of one chunk group, beyond its first row: long strings make small
  /// groups, so that what is decoded at once stays small.
  static let groupByteCountMax = BlockWriter.textByteCountMax
  /// Scale tables whose divisors are kept; beyond it all are forgotten.
  static let divisorTablesMax = 256

  let tenant: TenantID
  private let context: CutContext
  private var block: BlockWriter?
  private var series: [SeriesID] = []
  private var fieldSets: [FieldSetID: [(field: FieldID, type: ColumnType)]] = [:]
  private var cells: [Cell] = []
  private var integers = IntegerTile()
  private var divisors: [ScaleTableID: [Double]] = [:]
  private let scratch = MinuteScratch()

  init(_ context: CutContext, identity: BlockIdentity) throws(SystemError) {
    self.context = context
    tenant = identity.tenant
    block = try BlockWriter(
      disk: context.files.disk,
      directory: context.files.blocks,
      identity: identity
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

  /// Writes all rows of one series; many of them stretch by stretch (``RowStretches``), so that a
  /// series with millions of open rows needs little more memory than one with thousands.
  ///
  /// - Parameter layouts: its layouts that have rows in `generation`.
  /// - Returns: what became of its points, how many values were worked on, and how many minutes
  ///   had a window before.
  func write(
    _ layouts: [LayoutInfo],
    of generation: Generation
  ) throws(SystemError) -> (counts: CutCounts, values: Int, restated: Int) {
    let reader = generation.arena.reader()
    let runs = layouts.map { generation.runs[Int($0.layout.rawValue)] }
    let rowCount = runs.reduce(0) { $0 + Int($1.rowCount) }
    var minutes = MinuteTable(series: layouts[0].series, context: context, scratch: scratch)
    var counts = CutCounts()
    var values = 0
    if RowStretches.isNeeded(rowCount, perStretch: context.stretchRowCount) {
      let stretches = RowStretches(
        runs.map { (run: $0, reader: reader) },
        perStretch: context.stretchRowCount,
        unit: Nanoseconds.perMinute
      )
      for range in stretches.ranges {
        var rows: [RowReference] = []
        let isSorted = stretches.collect(range, into: &rows)
        // Rows of the minute that the stretch ends in may still come.
        let end = range.end == .max ? .max : Nanoseconds.minute(of: range.end)
        values += try write(rows, isSorted, layouts, &minutes, &counts, before: end)
      }
    } else {
      var rows: [RowReference] = []
      for (index, run) in runs.enumerated() { reader.collect(run, index: index, into: &rows) }
      let isSorted = layouts.count == 1 && runs[0].isAscending
      values = try write(rows, isSorted, layouts, &minutes, &counts, before: .max)
    }
    return (counts, values, minutes.restated.count)
  }

  /// Writes some rows of a series: all of their stretch of time.
  ///
  /// - Parameters:
  ///   - isSorted: whether they are strictly ascending and of one layout.
  ///   - end: the minute from which on more rows may come.
  /// - Returns: how many values were worked on.
  private func write(
    _ all: consuming [RowReference],
    _ isSorted: Bool,
    _ layouts: [LayoutInfo],
    _ minutes: inout MinuteTable,
    _ counts: inout CutCounts,
    before end: Int64
  ) throws(SystemError) -> Int {
    let lastSealed = context.table.lastSealed[layouts[0].seriesSlot]
    var rows = all
    for delete in context.deletes where delete.contains(layouts[0].series) {
      rows.removeAll { delete.range.contains($0.timestamp) }
    }
    var late: [RowReference] = []
    if rows.contains(where: { $0.timestamp <= lastSealed }) {
      late = rows.filter { $0.timestamp <= lastSealed }
      rows.removeAll { $0.timestamp <= lastSealed }
    }
    let values = (rows.count + late.count) * layouts[0].width
    let fresh = SeriesRows(
      layouts: layouts,
      rows: consume rows,
      isSorted: isSorted,
      decoder: context.decoder
    )
    counts += fresh.counts
    var pieces = fresh.runs.map { Piece.rows($0.layout, $0.rows) }
    for batch in fresh.merged {
      pieces += self.pieces(of: batch, layouts, isLate: false, &minutes)
    }
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
        pieces += self.pieces(of: batch, layouts, isLate: true, &minutes)
      }
    }
    pieces.sort { $0.order < $1.order }
    for piece in pieces { try write(piece, &minutes) }
    try minutes.finish(before: end) { range in self.batches(of: pieces, in: range) }
    return values
  }

  private func write(_ piece: Piece, _ minutes: inout MinuteTable) throws(SystemError) {
    switch piece {
    case .rows(let layout, let rows):
      let most = min(Self.groupRowCountMax, BlockWriter.rowCountMax(columnCount: layout.width))
      var start = 0
      while start < rows.count {
        let end = Self.groupEnd(rows, from: start, rowCountMax: most)
        try write(rows[start..<end], of: layout, &minutes)
        start = end
      }
    case .columns(let set, let batch, let isLate):
      try write(batch, fieldSet: set, isLate: isLate, &minutes)
    }
  }

  /// A merged batch as it goes into the block: in one piece when its set of fields has a name, else
  /// in parts along the layouts that it was merged from.
  ///
  /// Parts may repeat a value of another part, so their minutes are folded from raw rows, where it
  /// counts once.
  private func pieces(
    of batch: ColumnBatch,
    _ layouts: [LayoutInfo],
    isLate: Bool,
    _ minutes: inout MinuteTable
  ) -> [Piece] {
    if isLate { minutes.markDirty(batch.timestamps) }
    if let set = context.fieldSet(of: batch.columns.map(\.field)) {
      return [.columns(set, batch, isLate: isLate)]
    }
    if !isLate { minutes.markDirty(batch.timestamps) }
    let fields = Set(batch.columns.map(\.field))
    var left = fields
    var parts: [Piece] = []
    for layout in layouts
    where !left.isDisjoint(with: layout.fields) && fields.isSuperset(of: layout.fields) {
      parts.append(.columns(layout.fieldSet, batch.columns(of: layout.fields), isLate: true))
      left.subtract(layout.fields)
    }
    assert(left.isEmpty, "a merged row has the fields of its rows")
    return parts
  }

  /// Where the group that begins at `start` ends.
  private static func groupEnd(
    _ rows: [RowReference],
    from start: Int,
    rowCountMax: Int
  ) -> Int {
    var end = start + 1
    var byteCount = rows[start].payloadByteCount
    while end < rows.count, end - start < rowCountMax {
      byteCount += rows[end].payloadByteCount
      guard byteCount <= groupByteCountMax else { break }
      end += 1
    }
    return end
  }

  /// Decodes, encodes and folds rows of one layout, eight columns at a time.
  private func write(
    _ rows: ArraySlice<RowReference>,
    of layout: LayoutInfo,
    _ minutes: inout MinuteTable
  ) throws(SystemError) {
    let timestamps = rows.map(\.timestamp)
    var fold = minutes.beginGroup(timestamps, columnCount: layout.width)
    var strings = StringArena()
    var tile = RowTile(rows, types: layout.types) { table in
      self.divisors(table, columnCount: layout.width)
    }
    begin(layout.series, layout.fieldSet, layout.columns, timestamps, isLate: false)
    var column = 0
    while tile.columnsLeft > 0 {
      let count = min(RowTile.columnCountMax, tile.columnsLeft)
      if tile.next(count, into: &integers) {
        write(tile, layout.types[column..<column + count], timestamps, &fold)
        column += count
        continue
      }
      tile.next(count, into: &cells, strings: &strings)
      for offset in 0..<count {
        let start = offset * timestamps.count
        let span = cells.span.extracting(start..<start + timestamps.count)
        block?.appendColumn(span, type: layout.types[column], strings: strings)
        fold.add(span, type: layout.types[column], timestamps: timestamps.span)
        column += 1
      }
      if !layout.hasStrings { strings.removeAll() }
    }
    try block?.endGroup()
    fold.strings = strings
    minutes.endGroup(fold, fieldSet: layout.fieldSet, fields: layout.fields, types: layout.types)
  }

  /// Encodes and folds the columns that ``integers`` were decoded from.
  private func write(
    _ tile: borrowing RowTile,
    _ types: ArraySlice<ColumnType>,
    _ timestamps: [Timestamp],
    _ fold: inout MinuteTable.Fold
  ) {
    for offset in 0..<types.count {
      let type = types[types.startIndex + offset]
      if integers.holds(offset) {
        block?.appendColumn(integers, column: offset, type: type)
      } else {
        tile.cells(of: integers, offset, into: &cells)
        block?.appendColumn(cells.span, type: type)
      }
    }
    fold.add(&integers, types: types, timestamps: timestamps.span) { integers, offset in
      tile.cells(of: integers, offset, into: &cells)
      return cells
    }
  }

  /// Writes rows that are columns already: merged and late ones.
  private func write(
    _ batch: ColumnBatch,
    fieldSet: FieldSetID,
    isLate: Bool,
    _ minutes: inout MinuteTable
  ) throws(SystemError) {
    let columns = batch.columns.map { (field: $0.field, type: $0.type) }
    let most = min(
      Self.groupRowCountMax,
      BlockWriter.rowCountMax(columnCount: columns.count)
    )
    var start = 0
    while start < batch.timestamps.count {
      let end = batch.groupEnd(from: start, rowCountMax: most, Self.groupByteCountMax)
      let timestamps = Array(batch.timestamps[start..<end])
      var fold = minutes.beginGroup(timestamps, columnCount: columns.count)
      begin(minutes.series, fieldSet, columns, timestamps, isLate: isLate)
      for column in batch.columns {
        let span = column.cells.span.extracting(start..<end)
        block?.appendColumn(span, type: column.type, strings: batch.strings)
        // A late minute is folded from raw rows when the table is finished.
        if !isLate { fold.add(span, type: column.type, timestamps: timestamps.span) }
      }
      try block?.endGroup()
      fold.strings = batch.strings
      if !isLate {
        minutes.endGroup(
          fold,
          fieldSet: fieldSet,
          fields: columns.map(\.field),
          types: columns.map(\.type)
        )
      }
      start = end
    }
  }

  private func begin(
    _ id: SeriesID,
    _ fieldSet: FieldSetID,
    _ columns: [(field: FieldID, type: ColumnType)],
    _ timestamps: [Timestamp],
    isLate: Bool
  ) {
    if series.last != id { series.append(id) }
    if fieldSets[fieldSet] == nil { fieldSets[fieldSet] = columns }
    block?.beginGroup(
      series: id,
      fieldSet: fieldSet,
      fields: columns,
      timestamps: timestamps.span,
      isLate: isLate
    )
  }

  private func divisors(_ table: ScaleTableID, columnCount: Int) -> [Double] {
    // Table 0 has as many columns as are asked for.
    if table == .zero { return Array(repeating: 1, count: columnCount) }
    if let known = divisors[table], known.count == columnCount { return known }
    if divisors.count >= Self.divisorTablesMax { divisors.removeAll() }
    let made = context.decoder.divisors(table, columnCount: columnCount)
    divisors[table] = made
    return made
  }

  /// This cut's own rows of the series in `range`, as columns, in the order in which later ones
  /// win.
  private func batches(of pieces: [Piece], in range: TimeRange) -> [ColumnBatch] {
    var result: [ColumnBatch] = []
    for piece in pieces {
      switch piece {
      case .rows(let layout, let rows):
        let inside = rows.filter { range.contains($0.timestamp) }
        if !inside.isEmpty {
          result.append(context.decoder.columns(of: layout, rows: inside))
        }
      case .columns(_, let batch, _):
        let inside = batch.rows(in: range)
        if !inside.timestamps.isEmpty { result.append(inside) }
      }
    }
    return result
  }

  /// Ends the block.
  func finish(ledger: [LedgerEntry]) throws(SystemError) -> BlockSummary? {
    guard let block = block.take() else { return nil }
    return try block.finish(definitions: definitions(), ledger: ledger)
  }

  private func definitions() -> BlockDefinitions {
    let catalog = context.catalog
    let sets = fieldSets.keys.sorted().compactMap { catalog.fieldSet($0) }
    let fields = Set(sets.flatMap(\.fields)).sorted().compactMap { catalog.field($0) }
    return BlockDefinitions(
      tenant: tenant,
      tenantName: catalog.tenant(tenant)?.name ?? [],
      fields: fields,
      fieldSets: sets.map { .init(id: $0.id, measurement: $0.measurement, fields: $0.fields) },
      series: catalog.series(series).compactMap { $0 }
    )
  }

  func abandon() { block.take()?.abandon() }
}

extension ColumnBatch {
  /// Where a group of at most so many rows and bytes of strings ends; it has one row at least.
  fileprivate func groupEnd(from start: Int, rowCountMax: Int, _ byteCountMax: Int) -> Int {
    let most = min(timestamps.count, start + rowCountMax)
    let texts = columns.filter { $0.type == .string }
    guard !texts.isEmpty else { return most }
    var end = start
    var byteCount = 0
    while end < most {
      // A string's length is the lower half of its cell.
      for column in texts { byteCount += Int(column.cells[end] & 0xffff_ffff) }
      guard byteCount <= byteCountMax || end == start else { break }
      end += 1
    }
    return end
  }

  /// Some of the columns; strings keep their arena.
  func columns(of fields: [FieldID]) -> ColumnBatch {
    let wanted = Set(fields)
    return ColumnBatch(
      timestamps: timestamps,
      columns: columns.filter { wanted.contains($0.field) },
      strings: strings
    )
  }

  /// The rows in `range`; strings keep their arena.
  func rows(in range: TimeRange) -> ColumnBatch {
    let start = timestamps.firstIndex { $0 >= range.start } ?? timestamps.count
    let end = timestamps.firstIndex { $0 >= range.end } ?? timestamps.count
    return ColumnBatch(
      timestamps: Array(timestamps[start..<end]),
      columns: columns.map {
        .init(field: $0.field, type: $0.type, cells: Array($0.cells[start..<end]))
      },
      strings: strings
    )
  }
}
