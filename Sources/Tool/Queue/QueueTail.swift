internal import ArgumentParser
internal import Catalog
internal import Engine
internal import Model
internal import Platform
internal import Query
internal import Queue

/// The newest rows of the log, and those that come.
struct QueueTail: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Show the newest rows of a topic or a partition.",
    discussion: """
      Rows are line protocol, oldest first, in the order of the log. --follow goes on until Ctrl-C.
      """
  )

  @Argument(help: "The topic: a measurement. (default: all)")
  var topic: String?

  @Option(help: "The data directory.")
  var data: String

  @Option(help: "Only this partition.")
  var partition: Int?

  @Option(help: "Only this tenant.")
  var tenant: String?

  @Option(name: [.long, .customShort("n")], help: "Rows that are shown at first.")
  var lines = 10

  @Flag(name: [.long, .customShort("f")], help: "Show rows as they come.")
  var follow = false

  @Flag(help: "Print a JSON object a row, with partition, offset and arrival.")
  var json = false

  func validate() throws {
    try Check.range(lines, 0...1_000_000, option: "lines")
    try Check.range(partition ?? 0, 0...Int.max, option: "partition")
  }

  func run() throws {
    let log = try QueueCommand.open(data)
    let tenant = try QueueCommand.tenant(tenant, in: log)
    try QueueCommand.expect(partition: partition, in: log)
    // With --follow it may be one to come.
    if !follow { try QueueCommand.expect(topic: topic, of: tenant, in: log) }
    let wanted = WantedRows(log, tenant: tenant, topic: topic.map { Array($0.utf8) })
    let progress = ProgressLine("read the log", unit: .bytes)
    // Batches that hold the newest rows, oldest first.
    var kept: [(batch: RowBatch, count: Int)] = []
    var first = 0
    var rowCount = 0
    do throws(EngineError) {
      let total = try log.segments().reduce(0) { $0 + $1.byteCount }
      var done = SegmentProgress()
      let damages = try log.follow(
        progress: { progress.update(done.total($0, $1), of: total) },
        { batch in
          let count = take(batch) ? wanted.count(batch) : 0
          guard count > 0, lines > 0 else { return }
          kept.append((batch, count))
          rowCount += count
          while rowCount - kept[first].count >= lines {
            rowCount -= kept[first].count
            first += 1
          }
          if first > 1_024 {
            kept.removeFirst(first)
            first = 0
          }
        }
      )
      progress.end()
      QueueCommand.report(damages)
      let rows = kept[first...].flatMap { wanted.rows($0.batch) }
      try show(rows.suffix(lines), log)
      if rows.isEmpty, lines > 0, !follow {
        StandardOutput.writeError(
          "the log holds no such rows now; what was cut is in blocks: varve export, varve query\n"
        )
      }
      while follow {
        Signal().wait(timeoutNanoseconds: 300_000_000)
        var news: [RowBatch] = []
        _ = try log.follow { if take($0) { news.append($0) } }
        for batch in news { try show(wanted.rows(batch)[...], log) }
      }
    } catch {
      throw Failure("\(error)")
    }
  }

  private func take(_ batch: RowBatch) -> Bool {
    partition == nil || Int(batch.header.partition.rawValue) == partition
  }

  private func show(
    _ rows: ArraySlice<LogInspection.Row>,
    _ log: LogInspection
  ) throws(EngineError) {
    var text = ""
    for row in rows {
      let line = LineText.line(row.values, of: row.series)
      guard json else {
        text += TerminalText.escape(line) + "\n"
        continue
      }
      let tenant = log.catalog.tenant(row.tenant)?.name ?? []
      text +=
        JSONValue.object([
          (key: "tenant", value: TextTable.json(.name(tenant))),
          (key: "partition", value: .integer(Int64(row.partition.rawValue))),
          (key: "offset", value: .unsigned(row.offset.rawValue)),
          (key: "arrival", value: .string(TimeFormat.rfc3339(row.arrival))),
          (key: "line", value: TextTable.json(.name(line))),
          (key: "line_base64", value: TextTable.json(Base64.ofInexact(line))),
        ]).text + "\n"
    }
    do throws(SystemError) {
      if !text.isEmpty { try StandardOutput.write(bytes: Array(text.utf8)) }
    } catch {
      throw .system(error)
    }
  }
}

/// Which rows of the log are asked for.
private struct WantedRows {
  private let log: LogInspection
  private let tenant: TenantID?
  private let topic: [UInt8]?

  init(_ log: LogInspection, tenant: TenantID?, topic: [UInt8]?) {
    self.log = log
    self.tenant = tenant
    self.topic = topic
  }

  private func isWanted(_ tenant: TenantID, _ measurement: MeasurementID) -> Bool {
    guard self.tenant == nil || self.tenant == tenant else { return false }
    return topic == nil || log.catalog.measurement(measurement)?.name == topic
  }

  func count(_ batch: RowBatch) -> Int {
    tenant == nil && topic == nil
      ? batch.header.kind == .rows ? Int(batch.header.rowCount) : 0
      : log.rowCount(of: batch, where: isWanted)
  }

  func rows(_ batch: RowBatch) -> [LogInspection.Row] { log.rows(of: batch, where: isWanted) }
}
