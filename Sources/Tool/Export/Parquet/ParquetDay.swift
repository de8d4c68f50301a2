internal import Cold
internal import Platform

/// Writes the rows of one measurement and day into as many files as they need.
final class ParquetDay {
  struct Outcome {
    var files: [ExportManifest.File] = []
    var pointCount = 0
    /// Points of each hour of the day.
    var hours = ExportManifest.Day.noHours
    /// Whether a time was no whole number of microseconds.
    var needsNanoseconds = false
  }

  private let disk: any Disk
  private let root: String
  private let folder: String
  private let schema: ExportSchema
  private let parquet: ParquetSchema
  private var part: ParquetPart?
  private var writer: ParquetWriter?
  private var partPointCount = 0
  /// Those that are whole and have no name yet.
  private var finished: [ParquetPart] = []
  private(set) var outcome = Outcome()

  init(disk: any Disk, root: String, folder: String, schema: ExportSchema) {
    self.disk = disk
    self.root = root
    self.folder = folder
    self.schema = schema
    parquet = schema.parquet
  }

  /// Bytes of rows that are held until they can be encoded.
  var heldByteCount: Int { writer?.groupByteCount ?? 0 }

  /// Takes some rows of a piece.
  ///
  /// - Throws: `SystemError`.
  func append(_ piece: ParquetPiece, _ rows: Range<Int>) throws(SystemError) {
    if !outcome.needsNanoseconds { outcome.needsNanoseconds = piece.needsNanoseconds(rows) }
    var start = rows.lowerBound
    while start < rows.upperBound {
      if writer == nil { try begin() }
      let end = try writer?.append(piece.rows, start..<rows.upperBound) ?? rows.upperBound
      partPointCount += piece.countPoints(start..<end, byHour: &outcome.hours)
      start = end
      if start < rows.upperBound { try self.end() }
    }
  }

  private func begin() throws(SystemError) {
    let part = try ParquetPart(
      disk: disk,
      root: root,
      folder: folder,
      number: outcome.files.count
    )
    self.part = part
    writer = try ParquetWriter(parquet, into: part, byteCountMax: ParquetPart.byteCountMax)
  }

  private func end() throws(SystemError) {
    try writer?.finish()
    let rowCount = writer?.rowCount ?? 0
    writer = nil
    guard let part else { return }
    self.part = nil
    let digest = try part.finish()
    finished.append(part)
    outcome.pointCount += partPointCount
    outcome.files.append(
      ExportManifest.File(
        path: part.path,
        byteCount: part.byteCount,
        rowCount: rowCount,
        pointCount: partPointCount,
        digest: digest
      )
    )
    partPointCount = 0
  }

  /// Ends the last file. None has its name before ``commit()``.
  func finish() throws(SystemError) { if part != nil { try end() } }

  /// Gives the files their names.
  func commit() throws(SystemError) {
    for part in finished { try part.commit() }
    finished = []
  }

  /// Takes away what has no name yet.
  func abandon() {
    for part in finished { part.abandon() }
    finished = []
    part?.abandon()
    part = nil
    writer = nil
  }
}
