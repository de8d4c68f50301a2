package import Model
internal import Server

/// The answer to one range query, or to several taken together.
package struct RangeReply: Sendable {
  /// One series' values of one field.
  package struct Series: Sendable {
    package var measurement: String
    /// Sorted by key.
    package var tags: [(key: String, value: String)]
    package var field: String
    package var timestamps: [Timestamp]
    /// Named `value` for raw points, else by aggregate; each parallel to `timestamps`.
    package var columns: [(name: String, values: [JSONValue])]

    /// `node{server=a1}:cpu_user`.
    package var label: String {
      let pairs = tags.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
      return measurement + (pairs.isEmpty ? "" : "{\(pairs)}") + ":" + field
    }
  }

  package var series: [Series] = []
  package var warnings: [String] = []
  package var hasMore = false
  /// What the answer cost, for people.
  package var note: String?
  /// The server's answer as it came, with a line feed at its end.
  package var text = ""

  package init() {}

  package static func ask(
    _ client: HTTPClient,
    _ question: RangeQuestion
  ) throws(HTTPClient.Fault) -> RangeReply {
    let answer = try client.get("/api/v1/range", question.items)
    guard answer.status == 200 else {
      throw HTTPClient.Fault(message: refusal(answer))
    }
    guard let reply = RangeReply(parsing: answer.body) else {
      throw HTTPClient.Fault(message: "the server's answer is no range: is this a Varve server?")
    }
    return reply
  }

  /// What a server says that does not do what it was asked.
  package static func refusal(_ answer: HTTPClient.Answer) -> String {
    let json = try? JSONParser.parse(answer.body)
    if let text = json?["error"]?.string {
      let kind = json?["errorType"]?.string.map { " (\($0))" } ?? ""
      return "the server refuses: \(TerminalText.escape(text))\(kind)"
    }
    let text = TerminalText.escape(answer.body, characterCountMax: 200)
    return "the server answers with status \(answer.status)" + (text.isEmpty ? "" : ": \(text)")
  }

  /// Reads an answer; `nil` when it is something else.
  package init?(parsing body: [UInt8]) {
    guard let json = try? JSONParser.parse(body), json["status"]?.string == "success",
      let data = json["data"], let list = data["series"]?.elements
    else { return nil }
    text = String(decoding: body, as: UTF8.self)
    if !text.hasSuffix("\n") { text += "\n" }
    let shared = data["timestamps"]?.elements.map { $0.compactMap(\.int64) }
    for item in list {
      guard let series = Series(item, shared: shared) else { return nil }
      self.series.append(series)
    }
    hasMore = data["next"] != nil
    warnings = json["warnings"]?.elements?.compactMap(\.string) ?? []
    note = json["stats"].flatMap(Self.note)
  }

  private static func note(_ stats: JSONValue) -> String? {
    guard let members = stats.members else { return nil }
    return members.compactMap { member in
      guard case .number(let digits) = member.value else { return nil }
      return "\(digits) \(member.key.map { $0 == "_" ? " " : String($0) }.joined())"
    }
    .joined(separator: ", ")
  }

  static func joined(_ replies: [RangeReply]) -> RangeReply {
    guard var result = replies.first else { return RangeReply() }
    for reply in replies.dropFirst() {
      result.series += reply.series
      result.warnings += reply.warnings
      result.hasMore = result.hasMore || reply.hasMore
      result.note = nil
    }
    return result
  }
}

extension RangeReply.Series {
  /// - Parameter shared: the buckets' timestamps of an answer with a step.
  fileprivate init?(_ json: JSONValue, shared: [Timestamp]?) {
    guard let measurement = json["measurement"]?.string, let field = json["field"]?.string,
      let times = shared ?? json["timestamps"]?.elements?.compactMap(\.int64)
    else { return nil }
    self.measurement = measurement
    self.field = field
    tags = (json["tags"]?.members ?? []).map { (key: $0.key, value: $0.value.string ?? "") }
      .sorted { $0.key < $1.key }
    timestamps = times
    columns = []
    let known = ["values", "count", "sum", "min", "max", "avg", "first", "last"]
    for member in json.members ?? [] where known.contains(member.key) {
      guard let values = member.value.elements, values.count == times.count else { return nil }
      columns.append((name: member.key == "values" ? "value" : member.key, values: values))
    }
  }
}
