internal import Blocks
internal import Model

/// Folds windows of rollups into buckets: of the times that the ring does not answer for, whatever
/// a rollup holds exactly.
struct RollupFold {
  private let grid: StepGrid
  private let kept: RollupBounds
  private let ids: [FieldID]
  private let wanted: Set<FieldID>
  private let places: [FieldID: Int]
  private let types: [ColumnType]
  private let measurement: MeasurementID?
  private let parts: RollupParts
  /// Units that lie within a bucket, the longest first.
  private let units: [RollupUnit]

  /// Some days, or a part of one, that one unit answers for.
  private struct Piece {
    var unit: RollupUnit
    var range: TimeRange
  }

  init(_ request: RangeRequest, grid: StepGrid, fields: [FieldDefinition]) {
    self.grid = grid
    kept = request.rollups
    ids = fields.map(\.id).sorted()
    wanted = Set(ids)
    places = Dictionary(
      fields.enumerated().map { ($1.id, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    types = fields.map(\.type)
    measurement = fields.first?.measurement
    parts = Self.parts(for: request.aggregates)
    units = kept.units.sorted(by: >).filter { grid.step % $0.nanoseconds == 0 }
  }

  /// Whether there is ever anything to fold.
  var isNeeded: Bool { !units.isEmpty }

  private static func parts(for aggregates: [Aggregate]) -> RollupParts {
    var parts: RollupParts = []
    for aggregate in aggregates {
      switch aggregate {
      case .count: break
      case .sum, .avg: parts.insert(.sum)
      case .min: parts.insert(.min)
      case .max: parts.insert(.max)
      case .first: parts.insert(.first)
      case .last: parts.insert(.last)
      }
    }
    return parts
  }

  /// Folds one series.
  ///
  /// - Parameters:
  ///   - ranges: the times that the ring does not answer for, ascending.
  ///   - late: open rows that may change what is folded: raw rows answer for their days.
  /// - Returns: the times that raw rows have to answer for.
  func fold(
    _ ranges: [TimeRange],
    _ series: SeriesID,
    _ slot: Int,
    _ scan: PartitionScan,
    _ late: [ColumnBatch],
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) -> [TimeRange] {
    guard let measurement else { return ranges }
    let lateDays = Set(late.flatMap { $0.timestamps.map { $0 / RollupUnit.nanosecondsPerDay } })
    var left: [TimeRange] = []
    for range in ranges {
      for piece in split(range, scan.rollups, context.tenant, measurement, lateDays, &left) {
        try fold(piece, series, slot, scan.rollups, &left, &aggregators, &context)
      }
    }
    let floor = kept.rawFloor(scan.rollups.state)
    return Self.joined(left).compactMap { range in
      let start = max(range.start, floor)
      return start < range.end ? TimeRange(start: start, end: range.end) : nil
    }
  }

  /// The same times ascending, neighbours as one.
  private static func joined(_ ranges: [TimeRange]) -> [TimeRange] {
    var result: [TimeRange] = []
    for range in ranges.sorted(by: { $0.start < $1.start }) {
      if let last = result.last, last.end == range.start {
        result[result.count - 1].end = range.end
      } else {
        result.append(range)
      }
    }
    return result
  }

  /// Takes out of a range what rollups answer for; the rest goes to `left`.
  private func split(
    _ range: TimeRange,
    _ rollups: RollupSet,
    _ tenant: TenantID,
    _ measurement: MeasurementID,
    _ lateDays: Set<Int64>,
    _ left: inout [TimeRange]
  ) -> [Piece] {
    let state = rollups.state
    guard !state.coverage.isEmpty else {
      left.append(range)
      return []
    }
    let perDay = RollupUnit.nanosecondsPerDay
    let last = state.coverage.values.map(\.until).max() ?? 0
    var pieces: [Piece] = []
    var cursor = range.start
    func leave(until end: Timestamp) {
      guard cursor < end else { return }
      if let before = left.last, before.end == cursor {
        left[left.count - 1].end = end
      } else {
        left.append(TimeRange(start: cursor, end: end))
      }
      cursor = end
    }
    while cursor < range.end, cursor / perDay < last {
      let day = cursor / perDay
      let dayEnd = min(range.end, (day + 1) * perDay)
      let isRawGone = day < state.rawFrom[measurement] ?? .min
      let unit = units.first { unit in
        state.holds(day, unit, measurement) && cursor >= kept.oldest(unit)
          && rollups.hasFile(of: day, unit, measurement, tenant)
          && (isRawGone || !lateDays.contains(day))
      }
      guard let unit else {
        leave(until: dayEnd)
        continue
      }
      // Whole windows; what is left at the ends of a range is raw.
      let start = (cursor + unit.nanoseconds - 1) / unit.nanoseconds * unit.nanoseconds
      let end = dayEnd / unit.nanoseconds * unit.nanoseconds
      guard start < end else {
        leave(until: dayEnd)
        continue
      }
      leave(until: start)
      if let before = pieces.last, before.unit == unit, before.range.end == start {
        pieces[pieces.count - 1].range.end = end
      } else {
        pieces.append(Piece(unit: unit, range: TimeRange(start: start, end: end)))
      }
      cursor = end
    }
    leave(until: range.end)
    return pieces
  }

  /// Folds the windows of a piece, file by file.
  ///
  /// - Parameter left: gets the times of files that cannot be read, where raw rows can answer.
  private func fold(
    _ piece: Piece,
    _ series: SeriesID,
    _ slot: Int,
    _ rollups: RollupSet,
    _ left: inout [TimeRange],
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext
  ) throws(QueryError) {
    let unit = piece.unit
    let perDay = RollupUnit.nanosecondsPerDay
    let lastDay = (piece.range.end - 1) / perDay
    let spans = unit.span(ofDay: piece.range.start / perDay)...unit.span(ofDay: lastDay)
    let deleted = rollups.state.deletedRanges(of: series, context.tenant)
    for span in spans {
      guard let reader = rollups.reader(unit, context.tenant, span: span) else { continue }
      try context.checkDeadline()
      let days = unit.days(ofSpan: span)
      var range = TimeRange(
        start: max(piece.range.start, days.lowerBound * perDay),
        end: min(piece.range.end, days.upperBound * perDay)
      )
      let raw = min(max(range.start, rawStart(rollups.state)), range.end)
      if let damage = reader.damages.first {
        // Nobody knows what else was in it: rows answer where all of them are there.
        if raw < range.end { left.append(TimeRange(start: raw, end: range.end)) }
        guard raw > range.start else { continue }
        context.warn("\(reader.path): \(damage.what)")
        range.end = raw
      }
      let groups: [RollupReader.Group]
      do throws(BlockError) {
        groups = try reader.groups(of: series, fields: ids)
      } catch {
        if raw < range.end { left.append(TimeRange(start: raw, end: range.end)) }
        if raw > range.start { context.warn("\(reader.path): \(error.text)") }
        continue
      }
      let byteCount = groups.reduce(0) { $0 + $1.byteCount }
      try context.charge(byteCount)
      defer { context.release(byteCount) }
      do throws(BlockError) {
        for group in groups {
          let columns = try group.columns(wanted, parts)
          for column in columns {
            add(column, range, unit, slot, &aggregators, &context) { number in
              rollups.state.isDeleted(number, unit, by: deleted)
            }
          }
        }
      } catch {
        context.warn("\(reader.path): \(error.text)")
      }
    }
  }

  /// From when on raw rows are all there: the beginning of a day.
  private func rawStart(_ state: RollupState) -> Timestamp {
    let perDay = RollupUnit.nanosecondsPerDay
    let day = measurement.flatMap { state.rawFrom[$0] } ?? 0
    let floor = kept.rawFloor(state)
    guard floor < .max - perDay else { return .max }
    return max(day * perDay, (floor + perDay - 1) / perDay * perDay)
  }

  private func add(
    _ column: RollupColumn,
    _ range: TimeRange,
    _ unit: RollupUnit,
    _ slot: Int,
    _ aggregators: inout [StepAggregator],
    _ context: inout QueryContext,
    isDeleted: (Int64) -> Bool
  ) {
    guard let place = places[column.field], types[place] == column.type else { return }
    let first = column.place(of: range.start / unit.nanoseconds)
    let rows = first..<column.place(of: range.end / unit.nanoseconds)
    for row in rows where !isDeleted(column.numbers[row]) {
      aggregators[place].add(
        column.windows[row],
        at: column.numbers[row] * unit.nanoseconds,
        strings: column.strings,
        slot: slot
      )
    }
    context.statistics.rollupWindows += rows.count
  }
}

extension RangeRequest {
  /// Says so when times are asked for of which only rollups are left, and they cannot answer.
  ///
  /// - Parameter measurement: `nil` when nobody knows it.
  func warnOfHiddenRollups(
    _ asked: TimeRange,
    _ measurement: MeasurementID?,
    _ views: [PartitionView?],
    _ context: inout QueryContext
  ) {
    guard newest == nil else { return }
    // Rows that went by bytes are gone before those that are too old.
    let days = views.compactMap { view in
      measurement.flatMap { view?.rollups.state.rawFrom[$0] }
    }
    let gone = (days.max() ?? 0) * RollupUnit.nanosecondsPerDay
    let kept = rollups.oldest.values.reduce(rollups.raw, min)
    let oldest = max(kept, min(gone, rollups.oldest.values.min() ?? .max))
    let start = firstUnanswered(asked.start, views)
    for unit in hiddenRollups.units {
      let first = max(start, hiddenRollups.oldest(unit))
      let hidden = TimeRange(start: first, end: max(first, min(asked.end, oldest)))
      let holds = views.contains { view in
        view?.rollups.state.files.contains { file in
          let days = file.identity.days
          return file.identity.unit == unit && file.identity.tenant == context.tenant
            && days.lowerBound < (hidden.end - 1) / RollupUnit.nanosecondsPerDay + 1
            && days.upperBound > hidden.start / RollupUnit.nanosecondsPerDay
        } ?? false
      }
      guard !hidden.isEmpty, holds else { continue }
      let bound = CivilTime(nanoseconds: oldest).rfc3339(decimals: 0)
      let way =
        conditions.isEmpty
        ? "ask with step=\(unit.name) or a multiple of it"
        : "conditions on fields need rows"
      let what = oldest > kept ? "not all rows are kept, only" : "only"
      context.warn("before \(bound) \(what) windows of \(unit.name) are kept: \(way)")
      return
    }
  }

  /// The first time from `start` on for which units have no windows that are made no more.
  private func firstUnanswered(_ start: Timestamp, _ views: [PartitionView?]) -> Timestamp {
    let perDay = RollupUnit.nanosecondsPerDay
    return rollups.ended.reduce(start) { start, unit in
      let days = views.compactMap { $0?.rollups.state.coverage[unit] }
      guard let until = days.map(\.until).min(),
        days.allSatisfy({ $0.from * perDay <= start })
      else { return start }
      return max(start, until * perDay)
    }
  }
}
