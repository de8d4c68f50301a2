internal import Catalog
package import Engine
package import Model
package import Platform

/// Writes what a snapshot holds: measurement by measurement in order of their names, series by
/// series in order of their tags, row by row in order of time. The same points give the same bytes,
/// wherever they lie and however they came.
package struct ExportRun {
  package struct Summary: Sendable {
    package var seriesCount = 0
    package var rowCount = 0
    package var pointCount = 0
    package var byteCount = 0
    /// What the format could not say.
    package var unsayableCount = 0
  }

  /// Bytes that are gathered before they are handed on.
  private static let bufferByteCount = 1 << 20

  private let snapshot: DirectorySnapshot
  private let tenant: TenantID
  private let range: TimeRange
  private let matches: [SelectorMatch]
  private let format: ExportFormat
  package private(set) var summary = Summary()
  private var buffer: [UInt8] = []

  /// - Parameter matches: a series is taken when any of them takes it; none takes all.
  package init(
    _ snapshot: DirectorySnapshot,
    tenant: TenantID,
    range: TimeRange,
    matches: [SelectorMatch],
    format: ExportFormat
  ) {
    self.snapshot = snapshot
    self.tenant = tenant
    self.range = range
    self.matches = matches
    self.format = format
  }

  /// - Parameter progress: told of the series that are done and of the series in all.
  package mutating func run(
    into target: inout some ExportTarget,
    progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws(SystemError) {
    let measurements = snapshot.measurements(of: tenant).filter { measurement in
      matches.isEmpty || matches.contains { $0.takes(measurement: measurement.name) }
    }
    let counts = measurements.map { snapshot.seriesCount(of: $0.id) }
    let total = counts.reduce(0, +)
    var done = 0
    for (index, measurement) in measurements.enumerated() {
      try export(measurement, into: &target) { progress(done + $0, total) }
      done += counts[index]
      progress(done, total)
    }
  }

  private mutating func export(
    _ measurement: MeasurementDefinition,
    into target: inout some ExportTarget,
    progress: (Int) -> Void
  ) throws(SystemError) {
    let selection = Selection(
      matches.filter { $0.takes(measurement: measurement.name) },
      fields: snapshot.fields(of: measurement.id)
    )
    let series = snapshot.series(of: measurement.id) { selection.takes($0) }
    guard !series.isEmpty else { return }
    var table = ExportTable(measurement: measurement.name, tagKeys: [], fields: [])
    if format == .csv {
      table = contents(of: measurement, series, selection)
      if table.fields.isEmpty { return }
    }
    var writer = format.writer(table)
    var isBegun = false
    for (index, series) in series.enumerated() {
      var hasRows = false
      let fields = selection.fields(of: series.tags)
      try snapshot.forEachPiece(of: series, fields: fields, in: range) { rows throws(SystemError) in
        if !isBegun {
          isBegun = true
          try target.begin(measurement.name)
          writer.begin(into: &buffer)
        }
        hasRows = true
        writer.write(rows, of: series, into: &buffer)
        count(rows)
        if buffer.count >= Self.bufferByteCount { try flush(into: &target) }
      }
      if hasRows { summary.seriesCount += 1 }
      progress(index + 1)
    }
    guard isBegun else { return }
    writer.end(into: &buffer)
    try flush(into: &target)
    try target.end()
    summary.unsayableCount += writer.unsayableCount
  }

  private mutating func count(_ rows: AlignedRows) {
    summary.rowCount += rows.timestamps.count
    for column in rows.columns {
      summary.pointCount += column.isPresent.map { $0.count { $0 } } ?? column.cells.count
    }
  }

  private mutating func flush(into target: inout some ExportTarget) throws(SystemError) {
    summary.byteCount += buffer.count
    try target.write(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// The tags and fields that the rows will have: a header must not name more, or it would tell
  /// about the directory and not about the rows.
  private func contents(
    of measurement: MeasurementDefinition,
    _ series: [SeriesDefinition],
    _ selection: Selection
  ) -> ExportTable {
    var keys: Set<[UInt8]> = []
    var fields: Set<FieldID> = []
    for series in series {
      var found = snapshot.fields(of: series, in: range)
      if let wanted = selection.fields(of: series.tags) { found.formIntersection(wanted) }
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

  /// What the selectors want of one measurement.
  private struct Selection {
    private let matches: [(match: SelectorMatch, fields: Set<FieldID>?)]

    init(_ matches: [SelectorMatch], fields: [FieldDefinition]) {
      self.matches = matches.map { match in
        guard !match.fields.isEmpty else { return (match, nil) }
        let wanted = Set(match.fields)
        return (match, Set(fields.filter { wanted.contains($0.name) }.map(\.id)))
      }
    }

    func takes(_ tags: [Tag]) -> Bool {
      matches.isEmpty || matches.contains { $0.match.takes(tags: tags) }
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
  }
}
