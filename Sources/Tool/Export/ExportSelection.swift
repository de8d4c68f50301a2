internal import Catalog
internal import Engine
internal import Model
internal import Query

/// What the selectors want of one measurement.
struct ExportSelection {
  let measurement: MeasurementDefinition
  /// In order of their tags.
  let series: [SeriesDefinition]
  private let snapshot: DirectorySnapshot
  private let matches: [(match: SelectorMatch, fields: Set<FieldID>?)]

  /// - Parameter matches: of all measurements; none takes all.
  init(
    _ snapshot: DirectorySnapshot,
    _ measurement: MeasurementDefinition,
    _ matches: [SelectorMatch]
  ) {
    self.snapshot = snapshot
    self.measurement = measurement
    let fields = snapshot.fields(of: measurement.id)
    let own = matches.filter { $0.takes(measurement: measurement.name) }
    self.matches = own.map { match in
      guard !match.fields.isEmpty else { return (match, nil) }
      let wanted = Set(match.fields)
      return (match, Set(fields.filter { wanted.contains($0.name) }.map(\.id)))
    }
    series = snapshot.series(of: measurement.id) { tags in
      own.isEmpty || own.contains { $0.takes(tags: tags) }
    }
  }

  /// `nil` is all of them.
  func fields(of tags: [Tag]) -> Set<FieldID>? {
    var result: Set<FieldID> = []
    for (match, fields) in matches where match.takes(tags: tags) {
      guard let fields else { return nil }
      result.formUnion(fields)
    }
    return matches.isEmpty ? nil : result
  }

  /// The tags and fields that the rows will have: a header must not name more, or it would tell
  /// about the directory and not about the rows.
  ///
  /// - Parameter window: of rows that are windows.
  func table(in range: TimeRange, window: RollupUnit? = nil) -> ExportTable {
    var keys: Set<[UInt8]> = []
    var fields: Set<FieldID> = []
    for series in series {
      var found =
        window.map { snapshot.windowFields(of: series, unit: $0, in: range) }
        ?? snapshot.fields(of: series, in: range)
      if let wanted = self.fields(of: series.tags) { found.formIntersection(wanted) }
      guard !found.isEmpty else { continue }
      fields.formUnion(found)
      for tag in series.tags { keys.insert(tag.key) }
    }
    return ExportTable(
      measurement: measurement.name,
      tagKeys: keys.sorted { $0.lexicographicallyPrecedes($1) },
      fields: snapshot.fields(of: measurement.id).filter { fields.contains($0.id) }
        .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    )
  }
}
