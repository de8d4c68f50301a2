/// Writes a ``RangeAnswer``, or a part of it, piece by piece as what was asked for.
public enum AnswerWriter: Sendable {
  case json(RangeAnswerWriter)
  case csv(RangeTableWriter)

  public init(_ answer: RangeAnswer) {
    switch answer.format {
    case .json: self = .json(RangeAnswerWriter(answer))
    case .csv: self = .csv(RangeTableWriter(answer))
    }
  }

  /// Writes a part.
  ///
  /// - Parameters:
  ///   - head: of a table, `nil` for JSON.
  ///   - places: of series.
  init(_ answer: RangeAnswer, _ head: TableHead?, _ places: Range<Int>) {
    if let head {
      self = .csv(RangeTableWriter(answer, head, places))
    } else {
      self = .json(RangeAnswerWriter(answer, places))
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

  /// Lends the next piece instead of copying it; `nil` after the last one.
  public mutating func next<Piece>(_ body: (Span<UInt8>) -> Piece) -> Piece? {
    switch self {
    case .json(var writer):
      defer { self = .json(writer) }
      return writer.next(body)
    case .csv(var writer):
      defer { self = .csv(writer) }
      return writer.next(body)
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
