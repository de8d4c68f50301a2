internal import ArgumentParser
internal import Catalog
internal import Engine
internal import Model
internal import Platform
internal import Queue

/// Looks into the queue of a data directory.
struct QueueCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue",
    abstract: "Look into the queue: topics, rows, refused lines; apply it again.",
    discussion: """
      Reads the log of a data directory without its lock and without changing anything, stopped or \
      beside a live server; only replay without --dry-run writes. A topic is a tenant's measurement.
      """,
    subcommands: [QueueTopics.self, QueueTail.self, QueueDead.self, QueueReplay.self]
  )

  static func open(_ data: String) throws -> LogInspection {
    do throws(EngineError) {
      return try LogInspection(disk: RealDisk(), path: data)
    } catch {
      throw Failure(reading: error)
    }
  }

  static func report(_ damages: [Damage]) {
    for damage in damages where damage.severity != .note {
      StandardOutput.writeError("damaged: \(VerifyText.line(damage))")
    }
  }
}

/// What each topic has in the log.
struct QueueTopics: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topics",
    abstract: "List the topics of the log with rows, bytes and rates.",
    discussion: """
      Counts what the log holds now; older segments are gone once they are cut and not retained. \
      The rate is rows over the time from the first to the last arrival.
      """
  )

  @Option(help: "The data directory.")
  var data: String

  @Option(parsing: .unconditional, help: "Only batches that arrived since then, such as -10m.")
  var since: String?

  @Option(help: "Only this tenant.")
  var tenant: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let since { _ = try Check.time(since, option: "since", now: RealClock().now()) }
  }

  func run() throws {
    let log = try QueueCommand.open(data)
    let wanted = try QueueCommand.tenant(tenant, in: log)
    let from = try since.map { try Check.time($0, option: "since", now: RealClock().now()) }
    let progress = ProgressLine("read the log", unit: .bytes)
    let topics: [LogInspection.Topic]
    let damages: [Damage]
    do throws(EngineError) {
      let total = try log.segments().reduce(0) { $0 + $1.byteCount }
      var done = SegmentProgress()
      (topics, damages) = try log.topics(since: from ?? .min) { sequence, byteCount in
        progress.update(done.total(sequence, byteCount), of: total)
      }
    } catch {
      throw Failure(reading: error)
    }
    progress.end()
    var table = TextTable([
      "tenant", "topic", "rows>", "points>", "bytes>", "rows_per_second>", "first_arrival",
      "last_arrival",
    ])
    for topic in topics where wanted == nil || topic.tenant == wanted {
      let seconds = (Double(topic.lastArrival) - Double(topic.firstArrival)) / 1e9
      table.add([
        .name(log.catalog.tenant(topic.tenant)?.name ?? []),
        .name(log.catalog.measurement(topic.measurement)?.name ?? []),
        .integer(topic.rowCount), .integer(topic.pointCount), .byteCount(topic.byteCount),
        seconds > 0 ? .decimal(Double(topic.rowCount) / seconds, 1) : .none,
        .time(topic.firstArrival), .time(topic.lastArrival),
      ])
    }
    StandardOutput.write(json ? table.json.text + "\n" : table.text())
    if table.isEmpty, !json { StandardOutput.writeError("the log holds no rows\n") }
    QueueCommand.report(damages)
    if log.unreadableRowCount > 0 {
      StandardOutput.writeError("\(log.unreadableRowCount) rows name what nobody knows\n")
    }
  }
}

/// Adds up the bytes of segments that are read one after another.
struct SegmentProgress {
  private var before = 0
  private var sequence: UInt64 = 0
  private var current = 0

  mutating func total(_ sequence: UInt64, _ byteCount: Int) -> Int {
    if sequence != self.sequence {
      before += current
      self.sequence = sequence
    }
    current = byteCount
    return before + current
  }
}
