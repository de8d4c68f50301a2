public import Model

/// Which windows a reader of the change feed wants, and in what shape: the parameters of
/// `GET /api/v1/stream`, checked and with all defaults filled in.
public struct StreamRequest: Hashable, Sendable {
  /// What happened to a window.
  public enum Event: String, Hashable, Sendable, CaseIterable {
    /// It has grown and is not closed yet.
    case open
    /// No more rows of it are expected.
    case closed
    /// It has changed after it was closed.
    case restated
  }

  /// `nil` for every measurement.
  public var measurement: [UInt8]?
  public var fields: RangeRequest.Fields
  /// What the tags of a series must be; sorted, keys distinct. An empty value asks for series
  /// without the tag.
  public var tags: [Tag]
  /// Distinct, in the order of the request.
  public var aggregates: [Aggregate]
  public var precision: TimePrecision
  public var events: Set<Event>
  /// The id behind which the reader wants to go on, as it was sent.
  public var from: String?

  /// Every window of every measurement.
  public static let everything = StreamRequest(
    measurement: nil,
    fields: .all,
    tags: [],
    aggregates: Aggregate.allCases,
    precision: .milliseconds,
    events: eventsDefault,
    from: nil
  )
}

extension StreamRequest {
  public static let eventsDefault: Set<Event> = [.closed, .restated]
  private static let parameterNames = [
    "measurement", "field", "agg", "precision", "events", "from",
  ]

  /// Reads the query items of a request, by the rules of ``RangeRequest``.
  ///
  /// - Parameter items: names and values, percent-decoded, in the order of the request.
  /// - Throws: ``QueryError`` of kind `badData` that names the parameter, what was found and what
  ///   was expected.
  public static func parse(
    items: [(name: String, value: String)]
  ) throws(QueryError) -> StreamRequest {
    let parameters = try RequestParameters(items, known: parameterNames)
    let measurement = parameters["measurement"]
    if let measurement, measurement.isEmpty {
      throw QueryError(.badData, "measurement: found nothing, expected the name of a measurement")
    }
    return StreamRequest(
      measurement: measurement.map { Array($0.utf8) },
      fields: try parameters.fields(),
      tags: parameters.tags,
      aggregates: try parameters.aggregates(missing: Aggregate.allCases),
      precision: try parameters.precision(hasStep: true),
      events: try events(parameters["events"]),
      from: parameters["from"]
    )
  }

  private static func events(_ text: String?) throws(QueryError) -> Set<Event> {
    guard let text else { return eventsDefault }
    var events: Set<Event> = []
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let event = Event(rawValue: String(name)) else {
        throw .parameter(
          "events",
          found: String(name),
          expected: "some of open, closed, restated between commas"
        )
      }
      events.insert(event)
    }
    return events
  }

  /// Whether a series of these names is asked for.
  ///
  /// - Parameter series: of the reader's tenant.
  public func matches(_ series: SeriesDefinition) -> Bool {
    if let measurement, measurement != series.measurementName { return false }
    return tags.allSatisfy { wanted in
      let found = series.tags.first { $0.key == wanted.key }
      return wanted.value.isEmpty ? found == nil : found == wanted
    }
  }
}
