/// Why a line, and with it its points, was refused. The raw value is the on-disk code; the `name`
/// is the label of metrics and of the ledger. Codes are never reused.
@frozen public enum RefusalReason: UInt8, Sendable, Hashable, CaseIterable {
  /// The line does not follow the grammar; counted in lines, for its points are unknown.
  case unparsable = 1
  /// The line is longer than the line limit; counted in lines.
  case tooLong = 2
  /// The connection ended, or fell silent, in the middle of the line; counted in lines.
  case cut = 3
  /// A field has another type than its column.
  case typeConflict = 4
  /// The timestamp lies before 1970.
  case beforeEpoch = 5
  /// The timestamp lies more than 10 minutes ahead.
  case future = 6
  /// A new series beyond the series limit.
  case seriesLimit = 7
  /// More fields than a row can have, or a name or tag set beyond its limit.
  case tooWide = 8
  /// The timestamp lies before what the measurement's retention keeps.
  case expired = 9

  public var name: String {
    switch self {
    case .unparsable: "unparsable"
    case .tooLong: "too_long"
    case .cut: "cut"
    case .typeConflict: "type_conflict"
    case .beforeEpoch: "before_epoch"
    case .future: "future"
    case .seriesLimit: "series_limit"
    case .tooWide: "too_wide"
    case .expired: "expired"
    }
  }

  /// Whether lines refused for this reason are counted in lines because nobody knows their points.
  public var countsLines: Bool {
    switch self {
    case .unparsable, .tooLong, .cut: true
    case .typeConflict, .beforeEpoch, .future, .seriesLimit, .tooWide, .expired: false
    }
  }
}

/// One entry of the refusals that ride in the log: how many lines and points of `measurement` were
/// refused for `reason` since the last entry.
public struct RefusalCount: Hashable, Sendable {
  /// `nil` when the line's measurement is unknown.
  public var measurement: MeasurementID?
  public var reason: RefusalReason
  public var lines: UInt64
  public var points: UInt64

  public init(measurement: MeasurementID?, reason: RefusalReason, lines: UInt64, points: UInt64) {
    self.measurement = measurement
    self.reason = reason
    self.lines = lines
    self.points = points
  }
}
