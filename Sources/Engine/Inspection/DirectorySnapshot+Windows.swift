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

  /// The windows of a series on one day, or a part of it.
  ///
  /// They come from rollup files wherever these have the day, also where raw rows are left, so that
  /// the same windows come before these go and after; else they are folded from rows, as far as
  /// rows are there. What cannot be read is added to ``findings``.
  ///
  /// - Parameters:
  ///   - fields: `nil` is all of them.
  ///   - range: within one day; of the first and the last window only the rows in it count, and
  ///     nothing when no rows are left.
  public func windows(
    of series: SeriesDefinition,
    fields: Set<FieldID>? = nil,
    unit: RollupUnit,
    in range: TimeRange
  ) -> [WindowColumn] {
    var columns: [FieldID: WindowColumn] = [:]
    func add(_ found: RollupColumn) {
      guard !found.windows.isEmpty else { return }
      let empty = WindowColumn(
        field: field(found.field, type: found.type),
        windows: RollupColumn(field: found.field, type: found.type)
      )
      columns[found.field, default: empty].windows.append(found, found.windows.indices)
    }
    for part in windowParts(of: series, unit, range) {
      if part.isRollup, let found = rollups(of: series, fields, unit, part.range, .all) {
        for column in found.sorted(by: { ($0.numbers.first ?? 0) < ($1.numbers.first ?? 0) }) {
          add(column)
        }
      } else {
        forEachPiece(of: series, fields: fields, in: part.range, alignedTo: unit.nanoseconds) {
          for column in Self.fold($0, unit) { add(column) }
        }
      }
    }
    return columns.values.sorted { $0.field.name.lexicographicallyPrecedes($1.field.name) }
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
      guard part.isRollup else {
        sources += self.sources(of: series, in: part.range)
        continue
      }
      let day = part.range.start / RollupUnit.nanosecondsPerDay
      guard let unit = partition.rollupUnit(of: day, unit, series),
        let reader = partition.rollups.reader(unit, series.tenant, span: unit.span(ofDay: day)),
        (try? reader.entries(of: series.id).isEmpty) == false
      else { continue }
      var source = Source(block: reader.file.fileName, offset: 0, rowCount: 0)
      source.isRollup = true
      source.deleted = partition.manifest.rollups.deletedRanges(of: series.id, series.tenant)
        .filter { $0.start < part.range.end && part.range.start < $0.end }
      sources.append(source)
    }
    return sources
  }

  private func partition(of series: SeriesDefinition) -> SnapshotPartition? {
    catalog.partition(of: series.id).map { partitions[Int($0.rawValue)] }
  }

  /// Whole windows that rollups have, and what lies beside them.
  private func windowParts(
    of series: SeriesDefinition,
    _ unit: RollupUnit,
    _ range: TimeRange
  ) -> [(range: TimeRange, isRollup: Bool)] {
    let day = range.start / RollupUnit.nanosecondsPerDay
    let length = unit.nanoseconds
    let start = (range.start + length - 1) / length * length
    let end = range.end / length * length
    guard start < end, let partition = partition(of: series),
      partition.rollupUnit(of: day, unit, series) != nil
    else { return [(range, false)] }
    let parts = [
      (TimeRange(start: range.start, end: start), false), (TimeRange(start: start, end: end), true),
      (TimeRange(start: end, end: range.end), false),
    ]
    return parts.filter { !$0.0.isEmpty }.map { (range: $0.0, isRollup: $0.1) }
  }

  /// What rollups have of a series in `range`, of the days that they answer for. `nil` when
  /// something cannot be read and rows may answer.
  private func rollups(
    of series: SeriesDefinition,
    _ fields: Set<FieldID>?,
    _ unit: RollupUnit,
    _ range: TimeRange,
    _ parts: RollupParts
  ) -> [RollupColumn]? {
    guard let partition = partition(of: series) else { return [] }
    let perDay = RollupUnit.nanosecondsPerDay
    let state = partition.rollupState
    let deleted = state.deletedRanges(of: series.id, series.tenant)
    var units: [Int64: RollupUnit?] = [:]
    var found: [RollupColumn] = []
    for source in unit == .hour ? [RollupUnit.hour, .minute] : [.minute] {
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
                if units[day] == nil { units[day] = partition.rollupUnit(of: day, unit, series) }
                return units[day] == source && range.start <= start
                  && start + source.nanoseconds <= range.end
                  && !state.isDeleted(number, source, by: deleted)
              }
              found.append(source == unit ? kept : kept.hours)
            }
          }
        } catch {
          let day = max(range.start / perDay, reader.identity.days.lowerBound)
          let damage = Damage(
            severity: error.isRefusal ? .unreadable : .damage,
            path: reader.path,
            offset: 0,
            byteCount: reader.file.byteCount,
            what: error.text,
            range: "windows of series \(series.id.rawValue)"
          )
          miss(damage, range)
          if !partition.isRawGone(day, series) { return nil }
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
  func rollupUnit(of day: Int64, _ unit: RollupUnit, _ series: SeriesDefinition) -> RollupUnit? {
    let state = rollupState
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
