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
      stays removed. Exit status: 0 done, also when nothing differs; 1 it failed.
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
    try Check.range(partition ?? 0, 0...63, option: "partition")
  }

  func run() throws {
    let log = try QueueCommand.open(data)
    let tenant = try QueueCommand.tenant(tenant, in: log)
    if let partition, partition >= log.partitionCount {
      throw Failure("there is no partition \(partition); the last one is \(log.partitionCount - 1)")
    }
    let progress = ProgressLine("replay the log", unit: .parts)
    var table = Self.table
    var rows: [LogReplay.Rows] = []
    let replay: LogReplay
    let start = try start()
    do throws(EngineError) {
      let snapshot = try DirectorySnapshot(disk: RealDisk(), path: data)
      let topic = topic.map { Array($0.utf8) }
      replay = LogReplay(
        log,
        snapshot,
        from: start,
        partition: partition.map { PartitionID(UInt16($0)) }
      ) { owner, measurement in
        (tenant == nil || tenant == owner)
          && (topic == nil || snapshot.catalog.measurement(measurement)?.name == topic)
      }
      try replay.run {
        progress.update($0, of: $1)
      } change: { change in
        if diff, table.rowCount < Self.listedCountMax { Self.add(change, snapshot, to: &table) }
      } rows: { found throws(EngineError) in
        if !dryRun { rows.append(found) }
      }
    } catch {
      throw Failure(reading: error)
    }
    progress.end()
    QueueCommand.report(replay.damages)
    var tally = ImportTally()
    if !dryRun, !rows.isEmpty { tally = try restate(rows, log) }
    show(replay.summary, table, tally)
    if tally.rejected > 0 { throw ExitCode(1) }
  }

  /// Applies rows once more, tenant by tenant.
  private func restate(
    _ rows: [LogReplay.Rows],
    _ log: LogInspection
  ) throws -> ImportTally {
    let channel = try EngineChannel(
      EngineChannel.configuration(of: data),
      windowByteCount: 4 << 20
    )
    do {
      try channel.begin(Array("#ack replay-begin\n#precision ns\n".utf8), lineCount: 2)
      var writer = LineWriter()
      var tenant: TenantID?
      for found in rows {
        if tenant != found.tenant {
          let name = log.catalog.tenant(found.tenant)?.name ?? []
          try channel.begin(Array("#tenant ".utf8) + name + [UInt8(ascii: "\n")], lineCount: 1)
          tenant = found.tenant
        }
        var piece = ImportPiece()
        piece.file = "the log"
        writer.write(found.values, of: found.series, into: &piece.bytes)
        piece.lineFeedCount = piece.bytes.count { $0 == UInt8(ascii: "\n") }
        try channel.send(piece)
      }
      try channel.finish()
    } catch {
      try? channel.finish()
      throw error
    }
    return channel.tally
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

  private func show(
    _ summary: LogReplay.Summary,
    _ table: TextTable,
    _ tally: ImportTally
  ) {
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
    if !dryRun {
      report.fact("restated_rows", .integer(tally.accepted))
      report.fact("rejected_rows", .integer(tally.rejected))
    }
    if diff { report.table("windows that change", key: "windows", table) }
    StandardOutput.write(report.rendered(asJSON: json))
  }
}
