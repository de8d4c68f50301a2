package import Query

/// One native range query, as parameters of `GET /api/v1/range`.
package struct RangeQuestion: Sendable {
  private var measurement: String
  private var tags: [(key: String, value: String)]
  private var fields: [String]
  package var start = "-1h"
  package var end = "now"
  package var step: String?
  package var aggregates: String?
  package var groupBy: String?
  package var limit: Int?
  /// Conditions on rows, as the parameter `where` has them.
  package var conditions: [String] = []
  package var newest: Int?

  /// Reads an EXPR; names what looks like another language.
  package static func selector(_ text: String) throws(Selector.Fault) -> Selector {
    if text.hasPrefix("promql:") || text.contains("(") || text.contains("[") {
      throw Selector.Fault(
        message: "\"\(text)\" looks like PromQL, which is not spoken yet; expected "
          + "MEASUREMENT{TAG=VALUE,...}:FIELD,... and --step, --agg, --group-by"
      )
    }
    return try Selector(parsing: text)
  }

  /// - Parameters:
  ///   - tags: `KEY=VALUE` each, beside the selector's.
  ///   - fields: beside the selector's; each may hold several with commas between.
  package init(
    _ selector: Selector,
    tags: [String] = [],
    fields: [String] = []
  ) throws(Selector.Fault) {
    guard let measurement = selector.measurement else {
      throw Selector.Fault(message: "a range query needs one measurement, not all of them")
    }
    self.measurement = measurement
    self.tags = []
    for matcher in selector.matchers {
      guard matcher.operator == .equal else {
        throw Selector.Fault(
          message: "\(matcher.key)\(matcher.operator.rawValue): a range query selects by = only; "
            + "varve export --match takes !=, =~ and !~"
        )
      }
      self.tags.append((key: matcher.key, value: matcher.value))
    }
    for text in tags {
      let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      self.tags.append((key: String(pair[0]), value: pair.count > 1 ? String(pair[1]) : ""))
    }
    // In the parameter a comma separates and a backslash escapes.
    self.fields = selector.fields.map(Self.escapeField) + fields
  }

  private static func escapeField(_ name: String) -> String {
    var result = ""
    for character in name {
      if character == "," || character == "\\" || name == "*" { result += "\\" }
      result.append(character)
    }
    return result
  }

  package var items: [(name: String, value: String)] {
    var items: [(name: String, value: String)] = [(name: "measurement", value: measurement)]
    items += tags.map { (name: "tag.\($0.key)", value: $0.value) }
    items += (fields.isEmpty ? ["*"] : fields).map { (name: "field", value: $0) }
    items += [(name: "start", value: start), (name: "end", value: end)]
    items.append((name: "precision", value: "ns"))
    if let step { items.append((name: "step", value: step)) }
    if let aggregates, step != nil { items.append((name: "agg", value: aggregates)) }
    if let groupBy, step != nil { items.append((name: "group_by", value: groupBy)) }
    items += conditions.map { (name: "where", value: $0) }
    if let newest { items.append((name: "newest", value: "\(newest)")) }
    if let limit, step == nil { items.append((name: "limit", value: "\(limit)")) }
    return items
  }
}

/// Steps that read well on a time axis.
package enum ChartStep {
  private static let seconds = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400,
    172_800, 604_800,
  ]

  /// The smallest one of which at most `buckets` cover the span.
  package static func text(spanning nanoseconds: Int64, buckets: Int) -> String {
    let least = Double(nanoseconds) / 1e9 / Double(max(1, buckets))
    let found = seconds.first { Double($0) >= least }
    return "\(found ?? Int(least / 604_800 + 1) * 604_800)s"
  }
}
