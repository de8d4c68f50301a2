public import Model

/// A fold of the values of one bucket into one.
public enum Aggregate: String, Sendable, Hashable, CaseIterable {
  case count, sum, min, max, avg, first, last

  /// Whether a column of `type` can have it: strings have count, first and last, all others all.
  public func applies(to type: ColumnType) -> Bool {
    switch self {
    case .count, .first, .last: true
    case .sum, .min, .max, .avg: type != .string
    }
  }

  /// All names, as messages list them.
  static let names = allCases.map(\.rawValue).joined(separator: ", ")
}

/// What an answer is written as.
public enum AnswerFormat: String, Sendable, Hashable, CaseIterable {
  case json, csv
}

/// The unit in which an answer prints its timestamps.
public enum TimePrecision: String, Sendable, Hashable, CaseIterable {
  case seconds = "s"
  case milliseconds = "ms"
  case microseconds = "us"
  case nanoseconds = "ns"

  /// Nanoseconds of one unit.
  public var nanoseconds: Int64 {
    switch self {
    case .seconds: 1_000_000_000
    case .milliseconds: 1_000_000
    case .microseconds: 1_000
    case .nanoseconds: 1
    }
  }
}
