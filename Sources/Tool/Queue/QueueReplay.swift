internal import ArgumentParser
internal import Catalog
internal import Engine
internal import Model
internal import Platform

/// Folds the log's rows again.
struct QueueReplay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Derive windows from the log again, show what would change, and restate it.",
    discussion: """
      Compares every value that the log still holds with what blocks hold, and folds the minutes \
      that differ again: values that a damaged block has lost come back so. Where the log itself \
      has lost batches, values that blocks have stay as they are (doubtful_points). --dry-run \
      changes nothing and may run beside a live server; --diff lists the windows. Without \
      --dry-run no server may use the directory: the values that differ are applied once more, as \
      rows that come late, and their windows are restated. What retention or deletes have removed \
      stays removed (expired_points). What lies in blocks that cannot be read now, as when a cold \
      store does not answer, is not known: values of such times stay as they are \
      (unreadable_points), and the exit status is 1. Rows that differ are held in 64 MiB at most; \
      where there are more the log is read again for the rest. Exit status: 0 done, also when \
      nothing differs; 1 it failed, or something could not be read.
      """
  )

  @Argument(help: "The topic: a measurement. (default: all)")
  var topic: String?

  @Option(help: "The data directory.")
  var data: String

  @Option(
    parsing: .unconditional,
    help: "Batches that arrived since a time (-2h, RFC 3339), or from an offset (a whole number)."
  )
  var from: String

  @Option(help: "Only this partition.")
  var partition: Int?

  @Option(help: "Only this tenant.")
  var tenant: String?

  @Flag(help: "Change nothing.")
  var dryRun = false

  @Flag(help: "List the windows that change: as they are, and as the log makes them.")
  var diff = false

  @Flag(help: "Print JSON.")
  var json = false

  /// Windows that are listed; the rest is counted.
  private static let listedCountMax = 10_000

  private func start() throws -> LogReplay.Start {
    if let offset = UInt64(from) { return .offset(Offset(offset)) }
    return .arrival(try Check.time(from, option: "from", now: RealClock().now()))
  }

  func validate() throws {
    _ = try start()
    try Check.range(partition ?? 0, 0...Int.max, option: "partition")
  }

  func run() throws {
    let log = try QueueCommand.open(data)
    let tenant = try QueueCommand.tenant(tenant, in: log)
    try QueueCommand.expect(partition: partition, in: log)
    try QueueCommand.expect(topic: topic, of: tenant, in: log)
    let from = try start()
    if case .offset(let offset) = from {
      let remark = try QueueCommand.expect(
        offset: offset.rawValue,
        partition: partition,
        in: log
      )
      if let remark { StandardOutput.writeError(remark + "\n") }
    }
    let progress = ProgressLine("replay the log", unit: .parts)
    var table = Self.table
    let restatement = Restatement(
      path: data,
      from: from,
      partition: partition.map { PartitionID(UInt16($0)) },
      topic: topic.map { Array($0.utf8) },
      tenant: tenant.flatMap { log.catalog.tenant($0)?.name }
    )
    let outcome: Restatement.Outcome
    do {
      outcome = try restatement.run(dryRun: dryRun) {
        progress.update($0, of: $1)
      } change: { change, snapshot in
        if diff, table.rowCount < Self.listedCountMax { Self.add(change, snapshot, to: &table) }
      }
    } catch let error as EngineError {
      throw Failure(reading: error)
    }
    progress.end()
    QueueCommand.report(outcome.damages)
    show(outcome, table)
    if outcome.summary.rowCount == 0 {
      StandardOutput.writeError("the log holds no such rows from there on\n")
    }
    let isDamaged = outcome.damages.contains { $0.severity != .note }
    if isDamaged || outcome.rejectedRowCount > 0 || outcome.unsayablePointCount > 0
      || outcome.summary.unreadablePointCount > 0
    {
      throw ExitCode(1)
    }
  }

  // MARK: Text

  private static var table: TextTable {
    TextTable([
      "tenant", "topic", "tags", "field", "minute", "count>", "count_after>", "sum>", "sum_after>",
      "min>", "min_after>", "max>", "max_after>",
    ])
  }

  private static func add(
    _ change: LogReplay.Change,
    _ snapshot: DirectorySnapshot,
    to table: inout TextTable
  ) {
    let type = change.field.type
    let tags = change.series.tags.map {
      TerminalText.escape($0.key) + "=" + TerminalText.escape($0.value)
    }
    func cell(_ window: Window?, _ value: (Window) -> Cell) -> TextTable.Cell {
      guard let window, type != .string else { return .none }
      switch type {
      case .float: return .decimal(Double(bitPattern: value(window)), 3)
      case .integer: return .integer(Int(Int64(bitPattern: value(window))))
      default: return .unsigned(value(window))
      }
    }
    func sum(_ window: Window?) -> TextTable.Cell {
      guard let window, type != .string else { return .none }
      return type == .float
        ? .decimal(window.sum.float, 3) : .text("\(window.sum.integer)")
    }
    let (before, after) = (change.stored, change.derived)
    table.add([
      .name(snapshot.catalog.tenant(change.tenant)?.name ?? []),
      .name(change.series.measurementName), .text(tags.joined(separator: ",")),
      .name(change.field.name), .time(change.minute * Nanoseconds.perMinute),
      .unsigned(before?.count ?? 0), .unsigned(after.count), sum(before), sum(after),
      cell(before, \.min), cell(after, \.min), cell(before, \.max), cell(after, \.max),
    ])
  }

  private func show(_ outcome: Restatement.Outcome, _ table: TextTable) {
    let summary = outcome.summary
    var report = TextReport()
    report.fact("batches", .integer(summary.batchCount))
    report.fact("expired_batches", .integer(summary.expiredBatchCount))
    report.fact("rows", .integer(summary.rowCount))
    report.fact("points", .integer(summary.pointCount))
    report.fact("first_arrival", summary.firstArrival.map { .time($0) } ?? .none)
    report.fact("last_arrival", summary.lastArrival.map { .time($0) } ?? .none)
    report.fact("changed_points", .integer(summary.changedPointCount))
    report.fact("changed_windows", .integer(summary.changedWindowCount))
    if summary.doubtfulPointCount > 0 {
      report.fact("doubtful_points", .integer(summary.doubtfulPointCount))
    }
    if summary.expiredPointCount > 0 {
      report.fact("expired_points", .integer(summary.expiredPointCount))
    }
    if summary.unreadablePointCount > 0 {
      report.fact("unreadable_points", .integer(summary.unreadablePointCount))
    }
    if !dryRun {
      report.fact("restated_rows", .integer(outcome.restatedRowCount))
      report.fact("rejected_rows", .integer(outcome.rejectedRowCount))
      if outcome.unsayablePointCount > 0 {
        report.fact("unsayable_points", .integer(outcome.unsayablePointCount))
      }
    }
    if diff { report.table("windows that change", key: "windows", table) }
    StandardOutput.write(report.rendered(asJSON: json))
  }
}
