public import Model

/// What a client asks of `GET /api/v1/range`, checked and with all defaults filled in.
public struct RangeRequest: Hashable, Sendable {
  /// Points of one raw page when no `limit` is given.
  public static let limitDefault = 1_000_000

  /// Which fields of the measurement are asked for.
  public enum Fields: Hashable, Sendable {
    /// All of them, in the order of their names.
    case all
    /// Distinct names, in the order of the answer.
    case named([[UInt8]])
  }

  public var measurement: [UInt8]
  public var fields: Fields
  /// What the tags of a series must be; sorted. Values of one key are alternatives, an empty one
  /// asks for series without the tag.
  public var tags: [Tag]
  /// The times asked for; with a step, whole buckets.
  public var range: TimeRange
  /// The buckets, or `nil` for raw points.
  public var grid: StepGrid?
  /// The tag keys whose values keep series apart, sorted; `nil` keeps every series apart.
  public var groupBy: [[UInt8]]?
  /// Distinct, in the order of the request; empty for raw points.
  public var aggregates: [Aggregate]
  public var precision: TimePrecision
  public var format = AnswerFormat.json
  /// Points after which a raw answer stops; 1 or more.
  public var limit: Int
  /// Where a raw answer begins, if not at its start.
  public var next: ContinuationToken?
  /// What rows must meet, all of them.
  public var conditions: [RowCondition] = []
  /// So many of the newest points of each series and field, raw; `nil` for all of the range.
  public var newest: Int?
  /// The first time that retention keeps: rows before it are gone, wherever they still lie. A whole
  /// minute.
  public var oldest: Timestamp = 0
  /// What rollups keep of the measurement, where the request can be answered from them.
  public var rollups = RollupBounds()
  /// Units that are kept of the measurement and cannot answer the request.
  var hiddenRollups = RollupBounds()
  /// A hash of what makes pages belong together.
  var fingerprint: UInt64

  /// Takes over what is kept of the measurement.
  ///
  /// Rollups answer where each of their windows lies within one bucket and no single row is asked
  /// for.
  public mutating func retain(_ bounds: RollupBounds) {
    (rollups, hiddenRollups) = bounds.split { unit in
      guard let grid, conditions.isEmpty else { return false }
      return grid.step % unit.nanoseconds == 0
    }
    oldest = rollups.first
  }

  /// The part of some times that retention keeps.
  func kept(_ range: TimeRange) -> TimeRange {
    let start = max(range.start, oldest)
    return TimeRange(start: start, end: max(start, range.end))
  }
}
