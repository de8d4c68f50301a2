public import Blocks
internal import Catalog
public import Model
internal import Rollup

extension DirectorySnapshot {
  /// The windows of one field of a series.
  public struct WindowColumn {
    public var field: FieldDefinition
    public var windows: RollupColumn
  }

  /// Gives the windows of a series to `body`, in pieces of ascending time. Two pieces share no
  /// window.
  ///
  /// They come from rollup files wherever these have the day, also where raw rows are left, so that
  /// the same windows come before these go and after; else they are folded from rows, as far as
  /// rows are there. A group of a rollup file is decoded once for all days of it. What cannot be
  /// read is added to ``findings``.
  ///
  /// - Parameters:
  ///   - fields: `nil` is all of them.
  ///   - range: of the first and the last window only the rows in it count, and nothing when no
  ///     rows are left.
  public func forEachWindowPiece<Failure: Error>(
    of series: SeriesDefinition,
    fields: Set<FieldID>? = nil,
    unit: RollupUnit,
    in range: TimeRange,
    _ body: ([WindowColumn]) throws(Failure) -> Void
  ) throws(Failure) {
    for part in windowParts(of: series, unit, range) {
      try give(part, of: series, fields, unit, body)
    }
  }

  /// The same all at once.
  public func windows(
    of series: SeriesDefinition,
    fields: Set<FieldID>? = nil,
    unit: RollupUnit,
    in range: TimeRange
  ) -> [WindowColumn] {
    var columns = WindowColumns()
    forEachWindowPiece(of: series, fields: fields, unit: unit, in: range) { piece in
      for column in piece { columns.add(column.windows) { _, _ in column.field } }
    }
    return columns.sorted
  }

  private func give<Failure: Error>(
    _ part: WindowPart,
    of series: SeriesDefinition,
    _ fields: Set<FieldID>?,
    _ unit: RollupUnit,
    _ body: ([WindowColumn]) throws(Failure) -> Void
  ) throws(Failure) {
    if let source = part.source {
      let days = part.days
      let found = rollups(
        of: series,
        fields,
        unit,
        part.range,
        .all,
        from: [source],
        notes: days.count == 1
      )
      if let found {
        var columns = WindowColumns()
        for column in found.sorted(by: { ($0.numbers.first ?? 0) < ($1.numbers.first ?? 0) }) {
          columns.add(column) { self.field($0, type: $1) }
        }
        let piece = columns.sorted
        if !piece.isEmpty { try body(piece) }
        return
      }
      if days.count > 1 {
        // What cannot be read is about some of the days.
        for day in days { try give(day, of: series, fields, unit, body) }
        return
      }
    }
    try forEachPiece(
      of: series,
      fields: fields,
      in: part.range,
      alignedTo: unit.nanoseconds
    ) { rows throws(Failure) in
      var columns = WindowColumns()
      for column in Self.fold(rows, unit) { columns.add(column) { self.field($0, type: $1) } }
      let piece = columns.sorted
      if !piece.isEmpty { try body(piece) }
    }
  }

  /// The days, counted from the epoch, on which a series may have windows in `range`.
  public func windowDays(
    of series: SeriesDefinition,
    unit: RollupUnit,
    in range: TimeRange
  ) -> Set<Int64> {
    var days = days(of: series, in: range)
    for column in rollups(of: series, nil, unit, range, []) ?? [] {
      days.formUnion(column.numbers.map { $0 * unit.nanoseconds / RollupUnit.nanosecondsPerDay })
    }
    return days
  }

  /// The fields of which a series has windows in `range`.
  public func windowFields(
    of series: SeriesDefinition,
    unit: RollupUnit,
    in range: TimeRange
  ) -> Set<FieldID> {
    let found = rollups(of: series, nil, unit, range, []) ?? []
    return fields(of: series, in: range)
      .union(found.filter { !$0.numbers.isEmpty }.map(\.field))
  }

  /// Where the windows of a day, or a part of it, come from: as long as all of it is the same, so
  /// are they.
  public func windowSources(
    of series: SeriesDefinition,
    unit: RollupUnit,
    in range: TimeRange
  ) -> [Source] {
    guard let partition = partition(of: series) else { return [] }
    var sources: [Source] = []
    for part in windowParts(of: series, unit, range) {
      guard let unit = part.source else {
        sources += self.sources(of: series, in: part.range)
        continue
      }
      let day = part.range.start / RollupUnit.nanosecondsPerDay
      guard
        let reader = partition.rollups.reader(unit, series.tenant, span: unit.span(ofDay: day)),
        (try? reader.entries(of: series.id).isEmpty) == false
      else { continue }
      var source = Source(block: reader.file.fileName, offset: 0, rowCount: 0)
      source.isRollup = true
      source.content = UInt64(reader.file.byteCount) << 32 ^ reader.file.windowCount
      source.deleted = partition.manifest.rollups.deletedRanges(of: series.id, series.tenant)
        .filter { $0.start < part.range.end && part.range.start < $0.end }
      sources.append(source)
    }
    return sources
  }

  private func partition(of series: SeriesDefinition) -> SnapshotPartition? {
    catalog.partition(of: series.id).map { partitions[Int($0.rawValue)] }
  }

  /// What of a range comes from one file of rollups, or from rows.
  private struct WindowPart {
    var range: TimeRange
    /// Of the file; `nil` for rows.
    var source: RollupUnit?

    /// The same day by day.
    var days: [WindowPart] {
      let perDay = RollupUnit.nanosecondsPerDay
      var days: [WindowPart] = []
      var start = range.start
      while start < range.end {
        let end = min(range.end, (start / perDay + 1) * perDay)
        days.append(WindowPart(range: TimeRange(start: start, end: end), source: source))
        start = end
      }
      return days
    }
  }

  /// Whole windows that rollups have, and what lies beside them, in order of time.
  private func windowParts(
    of series: SeriesDefinition,
    _ unit: RollupUnit,
    _ range: TimeRange
  ) -> [WindowPart] {
    guard let partition = partition(of: series) else { return [] }
    let (perDay, length) = (RollupUnit.nanosecondsPerDay, unit.nanoseconds)
    let state = partition.rollupState
    // Days that some file may have: there may be centuries around them.
    let covered = state.coverage.values
    let first = max(range.start / perDay, covered.map(\.from).min() ?? .max)
    let end = min((range.end - 1) / perDay + 1, covered.map(\.until).max() ?? .min)
    var parts: [WindowPart] = []
    var position = range.start
    for day in first..<max(first, end) {
      guard let source = partition.rollupUnit(of: day, unit, series, state) else { continue }
      let start = (max(range.start, day * perDay) + length - 1) / length * length
      let end = min(range.end, (day + 1) * perDay) / length * length
      guard start < end else { continue }
      if position < start {
        parts.append(WindowPart(range: TimeRange(start: position, end: start)))
      }
      if let last = parts.last, last.source == source, last.range.end == start,
        source.span(ofDay: last.range.start / perDay) == source.span(ofDay: day)
      {
        parts[parts.count - 1].range.end = end
      } else {
        parts.append(WindowPart(range: TimeRange(start: start, end: end), source: source))
      }
      position = end
    }
    if position < range.end {
      parts.append(WindowPart(range: TimeRange(start: position, end: range.end)))
    }
    return parts
  }

  /// What rollups have of a series in `range`, of the days that they answer for. `nil` when
  /// something cannot be read and rows may answer.
  ///
  /// - Parameters:
  ///   - sources: the files that are asked; `nil` for all that windows of `unit` can come from.
  ///   - notes: whether what cannot be read is added to ``findings``; else it gives `nil`.
  private func rollups(
    of series: SeriesDefinition,
    _ fields: Set<FieldID>?,
    _ unit: RollupUnit,
    _ range: TimeRange,
    _ parts: RollupParts,
    from sources: [RollupUnit]? = nil,
    notes: Bool = true
  ) -> [RollupColumn]? {
    guard let partition = partition(of: series) else { return [] }
    let perDay = RollupUnit.nanosecondsPerDay
    let state = partition.rollupState
    let deleted = state.deletedRanges(of: series.id, series.tenant)
    var units: [Int64: RollupUnit?] = [:]
    var found: [RollupColumn] = []
    for source in sources ?? (unit == .hour ? [.hour, .minute] : [.minute]) {
      let readers = partition.rollups.readers.filter { reader in
        let days = reader.identity.days
        return reader.identity.unit == source && reader.identity.tenant == series.tenant
          && days.lowerBound * perDay < range.end && days.upperBound * perDay > range.start
      }
      for reader in readers.sorted(by: { $0.identity.span < $1.identity.span }) {
        do throws(BlockError) {
          for entry in try reader.entries(of: series.id, fields: fields.map(Array.init)) {
            for column in try reader.read(entry, fields: fields, parts: parts) {
              let kept = column.windows { place in
                let number = column.numbers[place]
                let start = number * source.nanoseconds
                let day = start / perDay
                if units[day] == nil {
                  units[day] = partition.rollupUnit(of: day, unit, series, state)
                }
                return units[day] == source && range.start <= start
                  && start + source.nanoseconds <= range.end
                  && !state.isDeleted(number, source, by: deleted)
              }
              found.append(source == unit ? kept : kept.hours)
            }
          }
        } catch {
          guard notes else { return nil }
          let day = max(range.start / perDay, reader.identity.days.lowerBound)
          let damage = Damage(
            severity: error.isRefusal ? .unreadable : .damage,
            path: reader.path,
            offset: 0,
            byteCount: reader.file.byteCount,
            what: error.text,
            range: "windows of series \(series.id.rawValue)"
          )
          guard partition.isRawGone(day, series) else {
            find(damage)
            return nil
          }
          miss(damage, range)
        }
      }
    }
    return found
  }

  /// Folds whole windows of rows.
  private static func fold(_ rows: AlignedRows, _ unit: RollupUnit) -> [RollupColumn] {
    rows.columns.map { column in
      var timestamps = rows.timestamps
      var cells = column.cells
      if let isPresent = column.isPresent {
        timestamps = rows.timestamps.indices.filter { isPresent[$0] }.map { rows.timestamps[$0] }
        cells = column.cells.indices.filter { isPresent[$0] }.map { column.cells[$0] }
      }
      let runs = MinuteRun.split(timestamps.span)
      var windows: [Window] = []
      WindowFolder.fold(
        cells.span,
        type: column.field.type,
        timestamps: timestamps.span,
        runs: runs,
        into: &windows
      )
      let minutes = RollupColumn(
        field: column.field.id,
        type: column.field.type,
        numbers: runs.map(\.minute),
        windows: windows,
        strings: rows.strings
      )
      return unit == .hour ? minutes.hours : minutes
    }
  }
}

/// The windows of a series' fields, gathered in order of time.
private struct WindowColumns {
  private var columns: [FieldID: DirectorySnapshot.WindowColumn] = [:]

  /// Adds windows that are all later than those of the field so far.
  mutating func add(_ found: RollupColumn, _ field: (FieldID, ColumnType) -> FieldDefinition) {
    guard !found.windows.isEmpty else { return }
    let empty = DirectorySnapshot.WindowColumn(
      field: field(found.field, found.type),
      windows: RollupColumn(field: found.field, type: found.type)
    )
    columns[found.field, default: empty].windows.append(found, found.windows.indices)
  }

  /// Ascending by the fields' names.
  var sorted: [DirectorySnapshot.WindowColumn] {
    columns.values.sorted { $0.field.name.lexicographicallyPrecedes($1.field.name) }
  }
}

extension SnapshotPartition {
  /// What the manifest knows of rollups, with the deletes that only the log has.
  var rollupState: RollupState {
    var state = rollups.state
    for (tenant, delete) in openRollupDeletes {
      state.delete(delete, of: tenant, cut: manifest.cut)
    }
    return state
  }

  /// Whether rows of a day are removed by retention, so that windows are all that is left.
  func isRawGone(_ day: Int64, _ series: SeriesDefinition) -> Bool {
    day < rollups.state.rawFrom[series.measurement] ?? .min
  }

  /// The rollup that answers for a day of a series, as long as that is asked for in windows of
  /// `unit`; `nil` when rows have to.
  ///
  /// - Parameter state: ``rollupState``.
  func rollupUnit(
    of day: Int64,
    _ unit: RollupUnit,
    _ series: SeriesDefinition,
    _ state: RollupState
  ) -> RollupUnit? {
    let units = unit == .hour ? [RollupUnit.hour, .minute] : [.minute]
    let found = units.first { unit in
      state.holds(day, unit, series.measurement)
        && rollups.hasFile(of: day, unit, series.measurement, series.tenant)
    }
    guard let found else { return nil }
    let perDay = RollupUnit.nanosecondsPerDay
    let range = TimeRange(start: day * perDay, end: (day + 1) * perDay)
    // Rows that no block has yet are in no window.
    let isLate = openRuns(of: series.id).contains { _, run in
      range.meets(first: run.oldest, last: run.newest)
    }
    return isLate && !isRawGone(day, series) ? nil : found
  }
}
