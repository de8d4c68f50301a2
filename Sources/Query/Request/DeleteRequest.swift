public import Model

/// What a client asks of `POST /api/v1/admin/tsdb/delete_series`, checked.
public struct DeleteRequest: Sendable {
  private static let parameterNames: Set<String> = ["match[]", "match", "start", "end"]

  /// At least one; a series is deleted that any of them selects.
  package var selectors: [Selector]
  /// Rows at its start and before its end.
  public var range: TimeRange

  /// Reads the query items of a request. `start` and `end` are both included, as Prometheus has it;
  /// without them everything up to now, and what is ahead of now.
  ///
  /// - Throws: ``QueryError`` of kind `badData`.
  public static func parse(
    items: [(name: String, value: String)],
    now: Timestamp
  ) throws(QueryError) -> DeleteRequest {
    var selectors: [Selector] = []
    var times: [String: Int128] = [:]
    for (name, value) in items {
      guard parameterNames.contains(name) else {
        throw QueryError(
          .badData,
          "there is no parameter \"\(QueryError.excerpt(name))\"; expected match[], start, end"
        )
      }
      if name.hasPrefix("match") {
        selectors.append(try selector(value))
        continue
      }
      let time = try TimeText.parse(value, parameter: name, now: now)
      guard times.updateValue(time, forKey: name) == nil else {
        throw QueryError(.badData, "\(name) is given more than once")
      }
    }
    guard !selectors.isEmpty else {
      throw QueryError(
        .badData,
        "match[]: found nothing, expected a selector such as cpu{host=\"a\"}"
      )
    }
    let start = times["start"] ?? 0
    let end = times["end"] ?? Int128(Int64.max) - 1
    guard start <= end else {
      throw QueryError(.badData, "start lies behind end")
    }
    func clamped(_ time: Int128) -> Timestamp { Timestamp(min(max(time, 0), Int128(Int64.max))) }
    return DeleteRequest(
      selectors: selectors,
      range: TimeRange(start: clamped(start), end: clamped(end + 1))
    )
  }

  private static func selector(_ text: String) throws(QueryError) -> Selector {
    do throws(Selector.Fault) {
      var selector = try Selector(parsing: text)
      guard selector.fields.isEmpty else {
        throw Selector.Fault(
          message: "selector \"\(text)\": a delete is about whole rows; leave out the fields"
        )
      }
      // Prometheus' own word for what a selector begins with.
      if let place = selector.matchers.firstIndex(where: { $0.key == "__name__" }) {
        let matcher = selector.matchers.remove(at: place)
        guard matcher.operator == .equal, selector.measurement == nil else {
          throw Selector.Fault(message: "selector \"\(text)\": __name__ takes = only, once")
        }
        selector.measurement = matcher.value
      }
      guard selector.measurement != nil || !selector.matchers.isEmpty else {
        throw Selector.Fault(
          message: "selector \"\(text)\" selects everything; name a measurement or a tag"
        )
      }
      _ = try SelectorMatch(selector)
      return selector
    } catch {
      throw QueryError(.badData, "match[]: \(error.message)")
    }
  }
}
