internal import Model

/// The items by name, each value still as text.
struct RequestParameters {
  static let startDefault = "-1h"
  static let endDefault = "now"

  private var single: [String: String] = [:]
  private var fieldLists: [String] = []
  private var aggregateLists: [String] = []
  private var groupLists: [String] = []
  private(set) var conditionTexts: [String] = []
  private(set) var tags: [Tag] = []

  subscript(name: String) -> String? { single[name] }

  /// - Parameters:
  ///   - known: the parameters that the route has, `tag.KEY` besides. `field`, `agg`, `group_by`
  ///     and `where` may stand several times, all others once.
  ///   - hasAlternatives: whether a tag may be given several values, any of which will do.
  init(
    _ items: [(name: String, value: String)],
    known: [String],
    hasAlternatives: Bool = false
  ) throws(QueryError) {
    for item in items {
      let isTag = item.name.hasPrefix("tag.")
      guard isTag || known.contains(item.name) else {
        throw .unknownParameter(item.name, known: known + ["tag.KEY"])
      }
      switch item.name {
      case "field": fieldLists.append(item.value)
      case "agg": aggregateLists.append(item.value)
      case "group_by": groupLists.append(item.value)
      case "where": conditionTexts.append(item.value)
      case let name where isTag:
        let tag = Tag(key: Array(name.utf8.dropFirst(4)), value: Array(item.value.utf8))
        try add(tag, name: name, hasAlternatives: hasAlternatives)
      case let name:
        guard single.updateValue(item.value, forKey: name) == nil else {
          throw QueryError(.badData, "\(name): found twice, expected once")
        }
      }
    }
    tags.sort()
  }

  private mutating func add(
    _ tag: Tag,
    name: String,
    hasAlternatives: Bool
  ) throws(QueryError) {
    guard !tag.key.isEmpty else {
      throw QueryError(.badData, "tag.: found no tag key, expected tag.KEY=VALUE")
    }
    guard hasAlternatives || !tags.contains(where: { $0.key == tag.key }) else {
      throw QueryError(.badData, "\(QueryError.excerpt(name)): found twice, expected once")
    }
    if !tags.contains(tag) { tags.append(tag) }
  }

  func fields() throws(QueryError) -> RangeRequest.Fields {
    var names: [[UInt8]] = []
    var hasStar = fieldLists.isEmpty
    for text in fieldLists {
      for element in ParameterList.split(text) {
        guard !element.name.isEmpty else {
          throw .parameter("field", found: text, expected: "names between commas, or *")
        }
        if element.isStar {
          hasStar = true
        } else if !names.contains(element.name) {
          names.append(element.name)
        }
      }
    }
    return hasStar ? .all : .named(names)
  }

  func range(now: Timestamp) throws(QueryError) -> TimeRange {
    let startText = single["start"] ?? Self.startDefault
    let endText = single["end"] ?? Self.endDefault
    let start = try TimeText.parse(startText, parameter: "start", now: now)
    let end = try TimeText.parse(endText, parameter: "end", now: now)
    guard start <= end else {
      let found = single["start"] == nil ? "\(startText) (the default)" : startText
      throw .parameter("start", found: found, expected: "a time not after end=\(endText)")
    }
    // Nothing is stored outside of these bounds, so that nothing is cut off here.
    let bounds = Int128(0)...Int128(Int64.max)
    func clamped(_ time: Int128) -> Timestamp {
      Timestamp(min(max(time, bounds.lowerBound), bounds.upperBound))
    }
    return TimeRange(start: clamped(start), end: clamped(end))
  }

  func grid(for range: TimeRange) throws(QueryError) -> StepGrid? {
    guard let text = single["step"] else { return nil }
    let step: Int64
    do throws(DurationText.Failure) {
      step = text == "0" || text.hasPrefix("-") ? 0 : try DurationText.parse(text)
    } catch {
      let expected =
        switch error {
        case .missingUnit: "a unit behind each number, as in 60s"
        case .tooLong: "a duration of less than 292 years"
        case .malformed: "a duration such as 500ms, 10s, 1m, 1h30m, 2d or 1w"
        }
      throw .parameter("step", found: text, expected: expected)
    }
    guard step > 0 else {
      throw .parameter("step", found: text, expected: "a duration longer than zero, such as 60s")
    }
    guard let grid = StepGrid(range: range, step: step) else {
      let count = StepGrid.bucketCount(of: range, step: step)
      let least = DurationText.text(StepGrid.smallestStep(for: range))
      throw QueryError(
        .badData,
        "step: \(count) buckets at step=\(text) exceed \(StepGrid.bucketCountMax); "
          + "the smallest allowed step is \(least)"
      )
    }
    return grid
  }

  /// The wanted aggregates.
  ///
  /// - Parameter missing: what nobody asking means.
  func aggregates(missing: [Aggregate]) throws(QueryError) -> [Aggregate] {
    guard !aggregateLists.isEmpty else { return missing }
    var aggregates: [Aggregate] = []
    for text in aggregateLists {
      for name in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let aggregate = Aggregate(rawValue: String(name)) else {
          throw .parameter("agg", found: String(name), expected: "one of \(Aggregate.names)")
        }
        if !aggregates.contains(aggregate) { aggregates.append(aggregate) }
      }
    }
    return aggregates
  }

  func aggregates(hasStep: Bool) throws(QueryError) -> [Aggregate] {
    guard hasStep else {
      guard let text = aggregateLists.first else { return [] }
      throw .parameter("agg", found: text, expected: "a step beside it; raw points have no agg")
    }
    return try aggregates(missing: [.avg])
  }

  func groupBy(hasStep: Bool) throws(QueryError) -> [[UInt8]]? {
    guard let first = groupLists.first else { return nil }
    guard hasStep else {
      throw .parameter(
        "group_by",
        found: first,
        expected: "a step beside it; raw points are not grouped"
      )
    }
    var keys: [[UInt8]] = []
    for text in groupLists {
      for element in ParameterList.split(text) {
        guard !element.name.isEmpty else {
          throw .parameter("group_by", found: text, expected: "tag keys between commas")
        }
        if !keys.contains(element.name) { keys.append(element.name) }
      }
    }
    return keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  func precision(hasStep: Bool) throws(QueryError) -> TimePrecision {
    guard let text = single["precision"] else { return hasStep ? .milliseconds : .nanoseconds }
    guard let precision = TimePrecision(rawValue: text) else {
      throw .parameter("precision", found: text, expected: "one of s, ms, us, ns")
    }
    return precision
  }

  func limit() throws(QueryError) -> Int {
    try pointCount("limit") ?? RangeRequest.limitDefault
  }

  private func pointCount(_ name: String) throws(QueryError) -> Int? {
    guard let text = single[name] else { return nil }
    guard let first = text.utf8.first, TimeText.isDigit(first), let count = Int(text), count > 0
    else {
      throw .parameter(name, found: text, expected: "a whole number of points, 1 or more")
    }
    return count
  }

  func newest(hasStep: Bool) throws(QueryError) -> Int? {
    guard let count = try pointCount("newest") else { return nil }
    guard !hasStep else {
      throw .parameter("newest", found: "\(count)", expected: "no step beside it; agg=last has one")
    }
    return count
  }

  func conditions() throws(QueryError) -> [RowCondition] {
    guard conditionTexts.count <= RowCondition.countMax else {
      throw QueryError(
        .badData,
        "where: found \(conditionTexts.count) conditions, expected at most \(RowCondition.countMax)"
      )
    }
    var conditions: [RowCondition] = []
    for text in conditionTexts { conditions.append(try RowCondition(text)) }
    return conditions
  }
}
