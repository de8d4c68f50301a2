internal import Bytes
internal import Cold
internal import Engine
internal import Model

/// A day of a measurement that an export writes.
struct ParquetPlan {
  /// From the export's folder.
  var folder: String
  /// What of the day is wanted.
  var range: TimeRange
  /// A digest of where its rows lie.
  var inputs: String
}

/// Finds out which days of a measurement have rows, and where these lie.
struct ExportPlanner {
  private static let dayNanoseconds = 24 * Nanoseconds.perHour

  let snapshot: DirectorySnapshot
  let options: ParquetOptions

  /// The days that have rows, in order, and how many series do.
  func plan(
    _ selection: ExportSelection,
    _ schema: ExportSchema
  ) -> (plans: [ParquetPlan], seriesCount: Int) {
    var days: Set<Int64> = []
    var seriesCount = 0
    for series in selection.series {
      let found = self.days(of: series)
      if !found.isEmpty { seriesCount += 1 }
      days.formUnion(found)
    }
    let measurement = ExportKeeping.folder(of: schema.measurement)
    let plans = days.sorted().map { day in
      let start = day * Self.dayNanoseconds
      let (end, isEndless) = start.addingReportingOverflow(Self.dayNanoseconds)
      let date = CivilTime(nanoseconds: start).rfc3339(decimals: 0).prefix { $0 != "T" }
      let range = TimeRange(
        start: max(start, options.range.start),
        end: isEndless ? options.range.end : min(end, options.range.end)
      )
      return ParquetPlan(
        folder: "\(measurement)/date=\(date)",
        range: range,
        inputs: digest(of: selection, schema, in: range)
      )
    }
    return (plans, seriesCount)
  }

  /// Whether windows of a day come from rollup files.
  func isFromRollups(_ selection: ExportSelection, _ range: TimeRange) -> Bool {
    options.rollup != nil
      && selection.series.contains { sources(of: $0, in: range).contains(where: \.isRollup) }
  }

  private func days(of series: SeriesDefinition) -> Set<Int64> {
    options.rollup.map { snapshot.windowDays(of: series, unit: $0, in: options.range) }
      ?? snapshot.days(of: series, in: options.range)
  }

  private func sources(
    of series: SeriesDefinition,
    in range: TimeRange
  ) -> [DirectorySnapshot.Source] {
    options.rollup.map { snapshot.windowSources(of: series, unit: $0, in: range) }
      ?? snapshot.sources(of: series, in: range)
  }

  /// A digest of the schema, the series and where their rows lie.
  private func digest(
    of selection: ExportSelection,
    _ schema: ExportSchema,
    in range: TimeRange
  ) -> String {
    var hash = SHA256()
    for note in schema.parquet.notes { hash.update(Array("\(note.value)\n".utf8)) }
    hash.update(Array("\(schema.columns[0].type) \(range.start) \(range.end)\n".utf8))
    for series in selection.series {
      let sources = sources(of: series, in: range)
      guard !sources.isEmpty else { continue }
      for tag in series.tags { hash.update(tag.key + [0] + tag.value + [0]) }
      for source in sources {
        hash.update(
          Array(
            "\n\(source.block ?? "log") \(source.offset) \(source.rowCount) \(source.content)".utf8
          )
        )
        for range in source.deleted { hash.update(Array(" -\(range.start)-\(range.end)".utf8)) }
      }
    }
    return ParquetPart.hex(hash.finish())
  }
}
