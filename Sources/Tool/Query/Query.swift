internal import ArgumentParser
internal import Model
internal import Platform
internal import Query

/// Asks a running server for ranges and shows them as a table, CSV, JSON or a chart.
struct Query: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask a running server for ranges: as a table, CSV, JSON or a chart.",
    discussion: """
      EXPR names series and fields: MEASUREMENT{TAG=VALUE,...}:FIELD,... as in \
      'node{server=a1}:cpu_user,cpu_sys'. Braces and fields may be left out; names with other \
      characters stand in double quotes. With --step values are aggregated by --agg, without it \
      raw points come. Times are RFC 3339 with a zone, Unix seconds or relative (-2d, now-1h). \
      What is written to standard output depends on nothing but the answer, unless it is a \
      terminal. Exit status: 0 answered, 1 refused, not reached, or ended by the server's limit \
      without --limit, 2 wrong usage.
      """
  )

  @Argument(help: "What to ask for; several are asked one after another.")
  var expressions: [String] = []

  @Option(help: "The server.")
  var url = "http://127.0.0.1:8086"

  @Option(help: "The measurement, when no EXPR names it.")
  var measurement: String?

  @Option(help: "KEY=VALUE that series must carry; may be repeated, also to allow several values.")
  var tag: [String] = []

  @Option(help: "Fields, with commas between or repeated. (default: all)")
  var field: [String] = []

  @Option(parsing: .unconditional, help: "From when on.")
  var start = "-1h"

  @Option(parsing: .unconditional, help: "Up to when.")
  var end = "now"

  @Option(help: "Width of a bucket, such as 60s or 1h; without it raw points come.")
  var step: String?

  @Option(help: "count, sum, min, max, avg, first, last; with commas between. (default: avg)")
  var agg: String?

  @Option(help: "Tags by which series are folded together, with commas between; needs --step.")
  var groupBy: String?

  @Option(name: .customLong("where"), help: "A condition on rows, as 'usage>90'; may be repeated.")
  var conditions: [String] = []

  @Option(help: "Only so many of the newest raw points of each series and field.")
  var newest: Int?

  @Option(help: "Raw points at most. (default: 1,000,000)")
  var limit: Int?

  @Option(help: "The tenant.")
  var tenant: String?

  @Option(help: "A token for whatever stands before the server; the server itself knows none yet.")
  var token: String?

  @Option(help: "table, csv, json or chart.")
  var format = QueryFormat.table

  @Flag(help: "The same as --format json: what the server answers.")
  var json = false

  @Flag(help: "The same as --format csv.")
  var csv = false

  @Flag(help: "The same as --format chart.")
  var chart = false

  @Option(help: "Columns of a chart. (default: the terminal's, else 100)")
  var width: Int?

  @Option(help: "Lines of a chart.")
  var height = 16

  @Option(help: "How long to wait for the server.")
  var timeout = TimeSpan(seconds: 60)

  private var shown: QueryFormat { json ? .json : csv ? .csv : chart ? .chart : format }

  func validate() throws {
    _ = try questions(now: 0)
    try Check.range(width ?? 40, 40...1_000, option: "width")
    try Check.range(height, 4...200, option: "height")
    try Check.range(limit ?? 1, 1...1_000_000_000, option: "limit")
    try Check.range(newest ?? 1, 1...1_000_000_000, option: "newest")
    try Check.range(Int(timeout.seconds), 1...86_400, option: "timeout")
    do throws(HTTPClient.Fault) {
      _ = try HTTPClient(url: url)
    } catch {
      throw ValidationError("--url: \(error.message)")
    }
    for text in tag where !text.contains("=") {
      throw ValidationError("--tag is \"\(text)\"; expected KEY=VALUE")
    }
    for (name, text) in [("start", start), ("end", end)] {
      _ = try Check.time(text, option: name, now: RealClock().now())
    }
    if let step, TimeSpan(argument: step).map({ $0.nanoseconds > 0 }) != true {
      throw ValidationError("--step is \"\(step)\"; expected a length of time such as 60s or 1h")
    }
    if step == nil, !chart, format != .chart {
      if agg != nil { throw ValidationError("--agg needs --step, such as --step 60s") }
      if groupBy != nil { throw ValidationError("--group-by needs --step, such as --step 60s") }
    }
  }

  /// What to ask the server, one after another.
  private func questions(now: Timestamp) throws -> [RangeQuestion] {
    do throws(Selector.Fault) {
      var selectors: [Selector] = []
      for text in expressions { selectors.append(try RangeQuestion.selector(text)) }
      if let measurement {
        guard selectors.isEmpty else {
          throw Selector.Fault(message: "give either EXPR or --measurement")
        }
        selectors.append(Selector(measurement: measurement))
      }
      guard !selectors.isEmpty else {
        throw Selector.Fault(
          message: "give an EXPR such as 'node{server=a1}:cpu_user', or --measurement"
        )
      }
      return try selectors.map { selector throws(Selector.Fault) in
        try RangeQuestion(selector, tags: tag, fields: field)
      }
    } catch {
      throw ValidationError(error.message)
    }
  }

  func run() throws {
    var isCutShort = false
    var questions = try questions(now: RealClock().now())
    for index in questions.indices {
      questions[index].start = start
      questions[index].end = end
      questions[index].step = try step ?? chartStep()
      questions[index].aggregates = agg
      questions[index].groupBy = groupBy
      questions[index].limit = limit
      questions[index].conditions = conditions
      questions[index].newest = newest
    }
    do throws(HTTPClient.Fault) {
      var client = try HTTPClient(url: url, timeoutSeconds: Int(timeout.seconds))
      if let tenant { client.headers.append((name: "X-Scope-OrgID", value: tenant)) }
      if let token { client.headers.append((name: "Authorization", value: "Bearer \(token)")) }
      var answers: [RangeReply] = []
      for question in questions {
        let reply = try RangeReply.ask(client, question)
        if shown == .json { StandardOutput.write(reply.text) } else { answers.append(reply) }
      }
      if shown != .json { show(RangeReply.joined(answers)) }
      isCutShort = shown != .json && limit == nil && answers.contains(where: \.hasMore)
    } catch {
      throw Failure(error.message)
    }
    // What nobody asked to be cut is not whole: a script must not take it for that.
    if isCutShort { throw ExitCode(1) }
  }

  /// Without a step a chart asks for buckets of about a dot each.
  private func chartStep() throws -> String? {
    guard shown == .chart else { return nil }
    let now = RealClock().now()
    let from = try Check.time(start, option: "start", now: now)
    let to = try Check.time(end, option: "end", now: now)
    return ChartStep.text(spanning: to - from, buckets: chartWidth * 2)
  }

  private var chartWidth: Int {
    width ?? (StandardOutput.isTerminal ? StandardOutput.columnCount : nil) ?? 100
  }

  private func show(_ reply: RangeReply) {
    switch shown {
    case .json: break
    case .csv: StandardOutput.write(RangeText.csv(reply))
    case .table:
      let columns = StandardOutput.isTerminal ? StandardOutput.columnCount : nil
      StandardOutput.write(RangeText.table(reply, columnCount: columns))
    case .chart:
      let isColoured =
        StandardOutput.isTerminal && ProcessEnvironment.value(of: "NO_COLOR") == nil
      let chart = Chart(reply, width: chartWidth, height: height, isColoured: isColoured)
      StandardOutput.write(chart.text)
    }
    for warning in reply.warnings {
      StandardOutput.writeError("warning: \(TerminalText.escape(warning))\n")
    }
    if reply.series.isEmpty {
      StandardOutput.writeError("nothing matches in this range\n")
    } else if reply.hasMore {
      StandardOutput.writeError(
        limit == nil
          ? "the server ends an answer here and there are more points: narrow the range, or give "
            + "--limit\n"
          : "there are more points: raise --limit or narrow the range\n"
      )
    }
    if StandardOutput.isErrorTerminal, let note = reply.note {
      StandardOutput.writeError(note + "\n")
    }
  }
}

/// `--format` of `varve query`.
enum QueryFormat: String, CaseIterable, ExpressibleByArgument {
  case table, csv, json, chart
}
