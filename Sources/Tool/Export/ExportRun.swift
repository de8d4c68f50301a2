internal import Catalog
package import Engine
package import Model
package import Platform
package import Query

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
    let selection = ExportSelection(snapshot, measurement, matches)
    let series = selection.series
    guard !series.isEmpty else { return }
    var table = ExportTable(measurement: measurement.name, tagKeys: [], fields: [])
    if format == .csv {
      table = selection.table(in: range)
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
}
