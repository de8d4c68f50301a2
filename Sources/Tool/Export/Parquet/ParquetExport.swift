internal import Bytes
internal import Catalog
internal import Cold
package import Engine
internal import Model
package import Platform
internal import Query

/// Writes what a snapshot holds as a folder of Parquet files,
/// `measurement=…/date=…/part-00000.parquet`.
///
/// A day of a measurement is a unit: it is written whole, noted in the journal and skipped by the
/// next run as long as its rows lie where they lay. The same points give the same files.
package struct ParquetExport {
  package struct Summary: Sendable {
    package var seriesCount = 0
    package var rowCount = 0
    package var pointCount = 0
    package var byteCount = 0
    package var fileCount = 0
    /// Files of an earlier run that were checked and kept.
    package var keptFileCount = 0
    /// Points of files that this run wrote.
    package var writtenPointCount = 0
    /// Days of measurements.
    package var dayCount = 0
    /// Those of which windows come from rollup files, all or some.
    package var rollupDayCount = 0
    /// Those that stay as an earlier run wrote them: retention has taken rows of them since.
    package var expiredDayCount = 0
    /// The same, because rows of them cannot be read now.
    package var unreadableDayCount = 0
    /// The same, because rows of them are gone that nobody has deleted.
    package var goneDayCount = 0
    /// Days that stay though files of them are damaged or missing: the directory has less of them.
    package var brokenDayCount = 0
  }

  package struct Fault: Error {
    package var message: String
  }

  let snapshot: DirectorySnapshot
  let options: ParquetOptions
  let disk: any Disk
  let directory: String
  let overwrites: Bool
  /// Of an export that the finished one is brought to: its files are there and not here.
  let remote: ExportManifest?
  /// Days of earlier runs by their folder.
  var known: [String: ExportManifest.Day] = [:]
  var keeping: ExportKeeping
  let prunes: Bool
  /// Days of exports that were finished.
  var finished: Set<String> = []
  var done: [ExportManifest.Day] = []
  package internal(set) var summary = Summary()

  /// - Parameters:
  ///   - overwrites: whether another export that is there is replaced.
  ///   - prunes: whether rows that retention has taken leave the export too.
  ///   - remote: of the place that the export is brought to, where that is another one.
  package init(
    _ snapshot: DirectorySnapshot,
    _ options: ParquetOptions,
    disk: any Disk,
    directory: String,
    overwrites: Bool,
    prunes: Bool = false,
    remote: ExportManifest? = nil
  ) {
    self.remote = remote
    self.prunes = prunes
    keeping = ExportKeeping(snapshot, options, earlier: [:], prunes: prunes)
    self.snapshot = snapshot
    self.options = options
    self.disk = disk
    self.directory = directory
    self.overwrites = overwrites
  }

  private var planner: ExportPlanner { ExportPlanner(snapshot: snapshot, options: options) }

  /// What was asked, for the manifest and to tell another export from the same one.
  var selection: JSONValue {
    .object([
      (key: "tenant", value: .bytes(options.tenantName)),
      (key: "from", value: .integer(options.range.start)),
      (key: "to", value: .integer(options.range.end)),
      (key: "match", value: .array(options.matchTexts.map(JSONValue.string))),
      (key: "timestamps", value: .string(options.unit.rawValue)),
      (key: "rollup", value: options.rollup.map { .string($0.name) } ?? .null),
      (key: "data_directory", value: .integer(snapshot.createdAt ?? 0)),
    ])
  }

  /// - Parameter progress: told of the days of series that are done, and of all.
  /// - Throws: ``Fault``, `SystemError`.
  package mutating func run(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws {
    try disk.createDirectory(directory)
    let lock = try lock()
    defer { lock.release() }
    let removals = try loadEarlier()
    keeping = ExportKeeping(snapshot, options, earlier: removals, prunes: prunes)
    let journal = try ExportJournal(
      disk,
      directory,
      selection: selection,
      removals: removals,
      days: known.values.sorted { $0.folder < $1.folder }
    )
    // From here on files may change: what says that all is whole goes first.
    let manifest = Path.join(directory, ExportManifest.name)
    if try disk.byteCount(of: manifest) != nil {
      try disk.remove(manifest)
      try disk.syncDirectory(directory)
    }
    let measurements = snapshot.measurements(of: options.tenant).filter { measurement in
      options.matches.isEmpty
        || options.matches.contains { $0.takes(measurement: measurement.name) }
    }
    for (index, measurement) in measurements.enumerated() {
      try export(measurement, journal) { done, total in
        // All measurements count alike: how many days the later ones have is not known yet.
        progress(index * 1_000 + done * 1_000 / max(1, total), measurements.count * 1_000)
      }
    }
    keepGoneDays()
    try removeStale()
    try ExportManifest(
      selection: selection,
      partitions: snapshot.partitions.map { partition in
        ExportManifest.Partition(
          index: partition.index,
          ranges: snapshot.offsetRanges(of: options.tenant, in: partition)
        )
      },
      days: done.filter { !$0.files.isEmpty },
      removals: keeping.removals
    ).save(disk, directory)
    try journal.remove(disk, directory)
    try disk.remove(Path.join(directory, Self.lockName))
  }

  /// Keeps others out of the folder: their unfinished files have the names of ours.
  private func lock() throws -> any FileLock {
    do throws(SystemError) {
      return try disk.lock(Path.join(directory, Self.lockName))
    } catch {
      guard error.code == SystemError.Code.wouldBlock else { throw error }
      throw Fault(message: "another export writes into \(directory); wait for its end")
    }
  }

  /// There while an export runs, and after a kill. Readers of folders leave such names out.
  private static let lockName = "_lock"

  // MARK: A measurement

  private mutating func export(
    _ measurement: MeasurementDefinition,
    _ journal: borrowing ExportJournal,
    progress: (Int, Int) -> Void
  ) throws {
    let selection = ExportSelection(snapshot, measurement, options.matches)
    let table = selection.table(in: options.range, window: options.rollup)
    guard !table.fields.isEmpty else { return }
    let first = done.count
    let before = summary
    do {
      var schema = schema(table, hasNanoseconds: options.unit == .ns && options.rollup == nil)
      let finer = self.schema(table, hasNanoseconds: true)
      if options.unit == .auto, options.rollup == nil, isKnownAsFiner(selection, finer) {
        schema = finer
      }
      try export(selection, schema, journal, progress: progress)
    } catch let inexact as InexactTimestamp {
      guard options.unit == .auto else {
        let name = TerminalText.escape(measurement.name)
        throw Fault(
          message: "measurement \(name) has a row at \(TimeFormat.rfc3339(inexact.time)), which is "
            + "no whole number of microseconds; --timestamps ns keeps it exact (Spark does not "
            + "read nanoseconds by default)"
        )
      }
      // All files of a measurement have one schema: from the start with nanoseconds.
      for day in done[first...] { known[day.folder] = day }
      done.removeSubrange(first...)
      summary = before
      try export(selection, schema(table, hasNanoseconds: true), journal, progress: progress)
    }
  }

  private func schema(_ table: ExportTable, hasNanoseconds: Bool) -> ExportSchema {
    ExportSchema(
      measurement: table.measurement,
      tagKeys: table.tagKeys,
      fields: table.fields.map { FieldName(name: $0.name, type: $0.type) },
      hasNanoseconds: hasNanoseconds,
      window: options.rollup
    )
  }

  /// Whether an earlier run has found a row that needs nanoseconds, on a day that has not changed:
  /// a beginning with microseconds would write all days before it in vain.
  private func isKnownAsFiner(_ selection: ExportSelection, _ schema: ExportSchema) -> Bool {
    guard known.values.contains(where: \.needsNanoseconds) else { return false }
    return planner.plan(selection, schema).plans.contains { plan in
      guard let earlier = known[plan.folder], earlier.needsNanoseconds else { return false }
      return earlier.inputs == plan.inputs
    }
  }

  private mutating func export(
    _ selection: ExportSelection,
    _ schema: ExportSchema,
    _ journal: borrowing ExportJournal,
    progress: (Int, Int) -> Void
  ) throws {
    let (plans, seriesCount) = planner.plan(selection, schema)
    if let first = plans.first { keeping.note(first: first) }
    summary.seriesCount += seriesCount
    let count = selection.series.count
    var dayCountMax = ParquetRun.dayCountMax(schema)
    var kept: (index: Int, day: ExportManifest.Day)?
    var index = 0
    while index < plans.count {
      if let earlier = kept?.index == index ? kept?.day : wholeDay(plans[index]) {
        summary.keptFileCount += earlier.files.count
        finish(earlier, plans[index], selection)
        index += 1
      } else {
        var end = index + 1
        kept = nil
        while kept == nil, end < min(plans.count, index + dayCountMax) {
          if let earlier = wholeDay(plans[end]) { kept = (end, earlier) } else { end += 1 }
        }
        let days = try write(selection, schema, Array(plans[index..<end]), journal) {
          progress(index * count + $0 * (end - index), plans.count * count)
        }
        // What did not fit once does not fit again.
        if days.count < end - index { dayCountMax = days.count }
        for (day, plan) in zip(days, plans[index...]) { finish(day, plan, selection) }
        index += days.count
      }
      progress(index * count, plans.count * count)
    }
  }

  /// A day as an earlier run wrote it, when its rows lie where they lay and its files are whole.
  private func wholeDay(_ plan: ParquetPlan) -> ExportManifest.Day? {
    guard let earlier = known[plan.folder], !earlier.isForeign, earlier.inputs == plan.inputs,
      isWhole(earlier)
    else { return nil }
    return earlier
  }

  private mutating func finish(
    _ day: ExportManifest.Day,
    _ plan: ParquetPlan,
    _ selection: ExportSelection
  ) {
    done.append(day)
    if planner.isFromRollups(selection, plan.range) { summary.rollupDayCount += 1 }
    count(day)
  }

  mutating func count(_ day: ExportManifest.Day) {
    summary.dayCount += 1
    summary.fileCount += day.files.count
    for file in day.files {
      summary.rowCount += file.rowCount
      summary.pointCount += file.pointCount
      summary.byteCount += file.byteCount
    }
  }

  /// Writes days side by side: all of them, or the first ones where memory does not do for all.
  private mutating func write(
    _ selection: ExportSelection,
    _ schema: ExportSchema,
    _ plans: [ParquetPlan],
    _ journal: borrowing ExportJournal,
    progress: (Int) -> Void
  ) throws -> [ExportManifest.Day] {
    let gapCount = snapshot.gaps.count
    let run = ParquetRun(
      disk: disk,
      root: directory,
      schema: schema,
      plans: plans,
      heldByteCountMax: options.heldByteCountMax
    )
    var days: [ExportManifest.Day] = []
    do {
      for (index, series) in selection.series.enumerated() {
        try write(series, selection.fields(of: series.tags), schema, run)
        progress(index + 1)
      }
      let gaps = snapshot.gaps.dropFirst(gapCount)
      var kept: [String: ExportManifest.Day] = [:]
      try run.finish { plan, outcome in
        kept[plan.folder] = self.kept(known[plan.folder], over: outcome.hours, gaps)
        return kept[plan.folder] == nil
      } _: { plan, outcome in
        let isWhole =
          !keeping.isLost(plan.range)
          && !gaps.contains { $0.start < plan.range.end && $0.end > plan.range.start }
        var new = ExportManifest.Day(
          folder: plan.folder,
          inputs: isWhole ? plan.inputs : "",
          files: outcome.files,
          needsNanoseconds: outcome.needsNanoseconds
        )
        new.hours = outcome.hours
        let day = kept[plan.folder] ?? new
        try journal.add(day)
        days.append(day)
        if kept[plan.folder] == nil { summary.writtenPointCount += outcome.pointCount }
      }
    } catch {
      run.abandon()
      throw error
    }
    return days
  }

  private func write(
    _ series: SeriesDefinition,
    _ fields: Set<FieldID>?,
    _ schema: ExportSchema,
    _ run: ParquetRun
  ) throws {
    do {
      if let unit = options.rollup {
        try snapshot.forEachWindowPiece(of: series, fields: fields, unit: unit, in: run.range) {
          let isEnough = try !run.append(WindowRows.piece($0, unit, of: series, schema))
          if isEnough { throw EnoughRows() }
        }
      } else {
        try snapshot.forEachPiece(of: series, fields: fields, in: run.range) { rows in
          let isEnough = try !run.append(ParquetPiece(rows, of: series, schema))
          if isEnough { throw EnoughRows() }
        }
      }
    } catch is EnoughRows {}
  }
}
