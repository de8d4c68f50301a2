/// A large answer in parts whose texts can be made at the same time, each a few pieces of text.
///
///     part 0                       part 1         last part
///     {"status":… "series":[ A B C ,D E F … ] … }
///
/// Where a part ends is known before any text is made: by the number of values. Parts of a table
/// end where other tags begin.
public struct AnswerParts: Sendable {
  /// Values of a part, about: their text is less than a piece.
  static let valueCountMax = 12_000
  /// Names, tags and punctuation of a series cost as much as so many values.
  private static let valuesPerSeries = 12

  private let answer: RangeAnswer
  /// The series in front of which each part begins.
  private var starts = [0]
  /// What all parts of a table share.
  private let head: TableHead?

  public init(_ answer: RangeAnswer) {
    self.answer = answer
    head = answer.format == .csv ? TableHead(answer) : nil
    var count = answer.grid?.count ?? 0
    for place in answer.series.indices {
      let more = Self.valueCount(of: answer.series[place])
      if count > 0, count + more > Self.valueCountMax, canBegin(at: place) {
        starts.append(place)
        count = 0
      }
      count += more
    }
  }

  private static func valueCount(of series: RangeAnswer.Series) -> Int {
    switch series.content {
    case .points(let timestamps, _): valuesPerSeries + 2 * timestamps.count
    case .buckets(let present, let columns): valuesPerSeries + present.count * columns.count
    }
  }

  private func canBegin(at place: Int) -> Bool {
    guard place > 0 else { return false }
    return head == nil
      || !answer.series[place].labels.equals(answer.series[place - 1].labels)
  }

  /// 1 or more.
  public var count: Int { starts.count }

  /// Of the whole answer's text.
  public var contentType: String { AnswerWriter(answer, head, 0..<0).contentType }

  /// The text of a part.
  public func writer(of part: Int) -> AnswerWriter {
    let end = part + 1 < starts.count ? starts[part + 1] : answer.series.count
    return AnswerWriter(answer, head, starts[part]..<end)
  }
}
