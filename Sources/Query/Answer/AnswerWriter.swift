/// Writes a ``RangeAnswer`` piece by piece as what was asked for.
public enum AnswerWriter: Sendable {
  case json(RangeAnswerWriter)
  case csv(RangeTableWriter)

  public init(_ answer: RangeAnswer) {
    switch answer.format {
    case .json: self = .json(RangeAnswerWriter(answer))
    case .csv: self = .csv(RangeTableWriter(answer))
    }
  }

  /// The next piece, or `nil` after the last one.
  public mutating func next() -> [UInt8]? {
    switch self {
    case .json(var writer):
      defer { self = .json(writer) }
      return writer.next()
    case .csv(var writer):
      defer { self = .csv(writer) }
      return writer.next()
    }
  }

  /// Whether all is written.
  public var isDone: Bool {
    switch self {
    case .json(let writer): writer.isDone
    case .csv(let writer): writer.isDone
    }
  }

  public var contentType: String {
    switch self {
    case .json: "application/json"
    case .csv: "text/csv; charset=utf-8; header=present"
    }
  }
}
