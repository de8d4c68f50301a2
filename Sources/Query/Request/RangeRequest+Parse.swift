internal import Bytes
public import Model

extension RangeRequest {
  private static let parameterNames = [
    "measurement", "field", "start", "end", "step", "agg", "group_by", "precision", "limit", "next",
    "where", "newest", "format",
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
    let parameters = try RequestParameters(items, known: parameterNames, hasAlternatives: true)
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
      conditions: try parameters.conditions(),
      newest: try parameters.newest(hasStep: grid != nil),
      fingerprint: 0
    )
    request.format = try parameters.format()
    request.fingerprint = request.fingerprint(
      start: parameters["start"] ?? RequestParameters.startDefault,
      end: parameters["end"] ?? RequestParameters.endDefault,
      conditions: parameters.conditionTexts
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

  private func fingerprint(start: String, end: String, conditions: [String]) -> UInt64 {
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
    // Requests without these keep the tokens that they have always had.
    for text in conditions { writer.writeLengthPrefixed(text.utf8) }
    if let newest { writer.writeInteger(UInt64(newest)) }
    return Hash64.hash(writer.bytes.span)
  }
}
