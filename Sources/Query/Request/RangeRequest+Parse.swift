internal import Bytes
public import Model

extension RangeRequest {
  private static let parameterNames = [
    "measurement", "field", "start", "end", "step", "agg", "group_by", "precision", "limit", "next",
  ]

  /// Reads the query items of a request.
  ///
  /// - Parameters:
  ///   - items: names and values, percent-decoded, in the order of the request.
  ///   - now: what `now` and relative times mean.
  /// - Throws: ``QueryError`` of kind `badData` that names the parameter, what was found and what
  ///   was expected.
  public static func parse(
    items: [(name: String, value: String)],
    now: Timestamp
  ) throws(QueryError) -> RangeRequest {
    let parameters = try Parameters(items)
    guard let measurement = parameters["measurement"], !measurement.isEmpty else {
      throw QueryError(.badData, "measurement: found nothing, expected the name of a measurement")
    }
    let fields = try parameters.fields()
    let asked = try parameters.range(now: now)
    let grid = try parameters.grid(for: asked)
    let aggregates = try parameters.aggregates(hasStep: grid != nil)
    let groupBy = try parameters.groupBy(hasStep: grid != nil)
    var request = RangeRequest(
      measurement: Array(measurement.utf8),
      fields: fields,
      tags: parameters.tags,
      range: grid?.range ?? asked,
      grid: grid,
      groupBy: groupBy,
      aggregates: aggregates,
      precision: try parameters.precision(hasStep: grid != nil),
      limit: try parameters.limit(),
      next: nil,
      fingerprint: 0
    )
    request.fingerprint = request.fingerprint(
      start: parameters["start"] ?? Parameters.startDefault,
      end: parameters["end"] ?? Parameters.endDefault
    )
    if let text = parameters["next"] { try request.resume(at: text) }
    return request
  }

  /// Takes over the position and the bounds of a token that belongs to this request.
  private mutating func resume(at text: String) throws(QueryError) {
    guard grid == nil else {
      throw QueryError(
        .badData,
        "next: only raw answers come in pages, expected no step beside it"
      )
    }
    guard let token = ContinuationToken(text) else {
      throw .parameter(
        "next",
        found: text,
        expected: "the unchanged data.next of an earlier answer"
      )
    }
    guard token.request == fingerprint else {
      throw .parameter(
        "next",
        found: text,
        expected: "the token of a request with the same measurement, fields, tags, start and end"
      )
    }
    range = token.range
    next = token
  }

  private func fingerprint(start: String, end: String) -> UInt64 {
    var writer = ByteWriter(reserving: 128)
    writer.writeLengthPrefixed(measurement)
    if case .named(let names) = fields {
      for name in names { writer.writeLengthPrefixed(name) }
    }
    writer.writeByte(0xff)
    for tag in tags {
      writer.writeLengthPrefixed(tag.key)
      writer.writeLengthPrefixed(tag.value)
    }
    writer.writeByte(0xff)
    writer.writeLengthPrefixed(start.utf8)
    writer.writeLengthPrefixed(end.utf8)
    return Hash64.hash(writer.bytes.span)
  }

  /// The items by name, each value still as text.
  private struct Parameters {
    static let startDefault = "-1h"
    static let endDefault = "now"

    private var single: [String: String] = [:]
    private var fieldLists: [String] = []
    private var aggregateLists: [String] = []
    private var groupLists: [String] = []
    private(set) var tags: [Tag] = []

    subscript(name: String) -> String? { single[name] }

    init(_ items: [(name: String, value: String)]) throws(QueryError) {
      for item in items {
        switch item.name {
        case "field": fieldLists.append(item.value)
        case "agg": aggregateLists.append(item.value)
        case "group_by": groupLists.append(item.value)
        case let name where name.hasPrefix("tag."):
          try addTag(key: Array(name.utf8.dropFirst(4)), name: name, value: item.value)
        case let name where parameterNames.contains(name):
          guard single.updateValue(item.value, forKey: name) == nil else {
            throw QueryError(.badData, "\(name): found twice, expected once")
          }
        default: throw Self.unknown(item.name)
        }
      }
      tags.sort()
    }

    private mutating func addTag(
      key: [UInt8],
      name: String,
      value: String
    ) throws(QueryError) {
      guard !key.isEmpty else {
        throw QueryError(.badData, "tag.: found no tag key, expected tag.KEY=VALUE")
      }
      guard !tags.contains(where: { $0.key == key }) else {
        throw QueryError(.badData, "\(QueryError.excerpt(name)): found twice, expected once")
      }
      tags.append(Tag(key: key, value: Array(value.utf8)))
    }

    private static func unknown(_ name: String) -> QueryError {
      var message = "unknown parameter \"\(QueryError.excerpt(name))\""
      if let word = NearMiss.suggestion(for: name, among: parameterNames) {
        message += "; did you mean \(word)?"
      } else {
        message += "; expected one of \(parameterNames.joined(separator: ", ")), tag.KEY"
      }
      return QueryError(.badData, message)
    }

    func fields() throws(QueryError) -> Fields {
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

    func aggregates(hasStep: Bool) throws(QueryError) -> [Aggregate] {
      guard hasStep else {
        guard let text = aggregateLists.first else { return [] }
        throw .parameter("agg", found: text, expected: "a step beside it; raw points have no agg")
      }
      guard !aggregateLists.isEmpty else { return [.avg] }
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
      guard let text = single["limit"] else { return limitDefault }
      guard let first = text.utf8.first, TimeText.isDigit(first), let limit = Int(text), limit > 0
      else {
        throw .parameter("limit", found: text, expected: "a whole number of points, 1 or more")
      }
      return limit
    }
  }
}
