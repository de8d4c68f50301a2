internal import Model

/// Turns a ``RangeAnswer`` into CSV (RFC 4180, line feeds alone), piece by piece: a row a time of a
/// series, whose tags and fields stand in columns of their own.
///
///     time,server,cpu_user,os
///     1750000020000000000,a1,12.5,linux
///
/// With a step a column is an aggregate of a field, `max(cpu_user)`, and rows stand for the
/// buckets in which any of the series' fields has a point. An empty cell is no value, `""` the
/// empty string. A tag that is called like a field or `time` is `tag.NAME`.
///
/// Memory: the answer, a piece, and a few words a column. Cost: about 10 ns a value.
public struct RangeTableWriter: Sendable {
  private let answer: RangeAnswer
  private let head: TableHead
  /// The series to write; the first line goes with the first one.
  private let places: Range<Int>
  private var isFirst = true
  /// The first series that is not written yet.
  private var nextSeries: Int
  /// Series whose rows are being written.
  private var group = 0..<0
  private var sources: [TableHead.Source] = []
  /// Those whose sources they are.
  private var known: Range<Int>?
  /// Parallel to the sources, in points that all have the same times.
  private var values: [AnswerValues] = []
  private var areAligned = false
  /// The tags' cells of the group, each with a comma before it.
  private var labels: [UInt8] = []
  /// Points: the next element of each series of the group. Buckets: the next bucket, in the first.
  private var cursors: [Int] = []

  public init(_ answer: RangeAnswer) {
    self.init(answer, TableHead(answer), answer.series.indices)
  }

  /// Writes a part of a table: the texts of all parts, one behind another, are its text.
  ///
  /// - Parameter places: of series, next to those of other parts and with other tags.
  init(_ answer: RangeAnswer, _ head: TableHead, _ places: Range<Int>) {
    precondition(places.lowerBound >= 0 && places.upperBound <= answer.series.count)
    self.answer = answer
    self.head = head
    self.places = places
    nextSeries = places.lowerBound
  }

  /// The next piece, or `nil` after the last one.
  public mutating func next() -> [UInt8]? {
    guard let text = makePiece() else { return nil }
    return text.bytes
  }

  /// Lends the next piece instead of copying it; `nil` after the last one.
  public mutating func next<Piece>(_ body: (Span<UInt8>) -> Piece) -> Piece? {
    guard let text = makePiece() else { return nil }
    return text.withBytes(body)
  }

  private mutating func makePiece() -> JSONText? {
    guard isFirst || !isDone else { return nil }
    var text = JSONText(reserving: isFirst ? 4_096 : RangeAnswerWriter.pieceByteCount + 4_096)
    if isFirst, places.lowerBound == 0 { head.append(to: &text) }
    isFirst = false
    while text.count < RangeAnswerWriter.pieceByteCount, !isDone {
      if group.isEmpty { openGroup() }
      let isOver =
        if answer.grid != nil {
          writeBuckets(&text)
        } else if areAligned {
          writeAligned(&text)
        } else {
          writePoints(&text)
        }
      if isOver { group = 0..<0 }
    }
    return text
  }

  /// Whether all is written.
  public var isDone: Bool {
    !isFirst && group.isEmpty && nextSeries == places.upperBound
  }

  // MARK: Rows

  /// Takes the next series and those behind it that have the same tags.
  private mutating func openGroup() {
    group = TableHead.group(from: nextSeries, of: answer)
    group = group.lowerBound..<min(group.upperBound, places.upperBound)
    nextSeries = group.upperBound
    cursors.removeAll(keepingCapacity: true)
    for _ in group { cursors.append(0) }
    if known.map({ !TableHead.haveSameColumns($0, group, of: answer) }) ?? true {
      sources = head.sources(of: group, answer)
    }
    known = group
    values.removeAll(keepingCapacity: true)
    areAligned = lendAligned()
    var text = JSONText(reserving: 64)
    head.append(answer.series[group.lowerBound].labels, to: &text)
    labels = text.bytes
  }

  /// Takes the values of points that all have the same times, so that they need no merging.
  ///
  /// - Returns: whether they have.
  private mutating func lendAligned() -> Bool {
    guard case .points(let times, _) = answer.series[group.lowerBound].content else { return false }
    for source in sources {
      guard
        case .points(let own, let values) = answer.series[group.lowerBound + source.place].content,
        own.isSame(as: times), values.count == times.count
      else { return false }
      self.values.append(values)
    }
    return true
  }

  /// Writes rows until the group or the piece ends; whether the group has ended.
  private mutating func writeAligned(_ text: inout JSONText) -> Bool {
    guard case .points(let timestamps, _) = answer.series[group.lowerBound].content else {
      return true
    }
    while cursors[0] < timestamps.count {
      guard text.count < RangeAnswerWriter.pieceByteCount else { return false }
      let row = cursors[0]
      cursors[0] += 1
      open(timestamps[row], &text)
      var column = 0
      for index in sources.indices {
        let place = sources[index].column
        text.append(commas: place + 1 - column)
        column = place + 1
        text.append(values[index], at: row)
      }
      close(column, &text)
    }
    return true
  }

  /// Writes rows of points until the group or the piece ends; whether the group has ended.
  private mutating func writePoints(_ text: inout JSONText) -> Bool {
    while text.count < RangeAnswerWriter.pieceByteCount {
      var time: Timestamp?
      for (place, series) in group.enumerated() {
        guard case .points(let timestamps, _) = answer.series[series].content,
          cursors[place] < timestamps.count
        else { continue }
        time = min(time ?? .max, timestamps[cursors[place]])
      }
      guard let time else { return true }
      open(time, &text)
      var column = 0
      for source in sources {
        let series = group.lowerBound + source.place
        guard case .points(let timestamps, let values) = answer.series[series].content
        else { continue }
        let element = cursors[source.place]
        guard element < timestamps.count, timestamps[element] == time else { continue }
        cursors[source.place] += 1
        text.append(commas: source.column + 1 - column)
        column = source.column + 1
        text.append(values, at: element)
      }
      close(column, &text)
    }
    return false
  }

  /// Writes rows of buckets until the group or the piece ends; whether the group has ended.
  private mutating func writeBuckets(_ text: inout JSONText) -> Bool {
    guard let grid = answer.grid else { return true }
    while cursors[0] < grid.count {
      let bucket = cursors[0]
      guard text.count < RangeAnswerWriter.pieceByteCount else { return false }
      cursors[0] += 1
      let isPresent = group.contains { series in
        guard case .buckets(let present, _) = answer.series[series].content else { return false }
        return present.contains(bucket)
      }
      guard isPresent else { continue }
      open(grid.start(of: bucket), &text)
      var column = 0
      for source in sources {
        let series = group.lowerBound + source.place
        guard case .buckets(let present, let parts) = answer.series[series].content,
          present.contains(bucket) || parts[source.part].aggregate == .count
        else { continue }
        text.append(commas: source.column + 1 - column)
        column = source.column + 1
        text.append(parts[source.part].values, at: bucket)
      }
      close(column, &text)
    }
    return true
  }

  private func open(_ time: Timestamp, _ text: inout JSONText) {
    text.appendPlain(time / answer.precision.nanoseconds)
    text.append(bytes: labels[...])
  }

  private func close(_ written: Int, _ text: inout JSONText) {
    text.append(commas: head.columns.count - written)
    text.append(byte: UInt8(ascii: "\n"))
  }
}

extension JSONText {
  /// One value, without the quotes that large integers have in JSON.
  fileprivate mutating func append(_ values: AnswerValues, at index: Int) {
    switch values {
    case .float(let cells): appendPlain(Double(bitPattern: cells[index]))
    case .integer(let cells): appendPlain(Int64(bitPattern: cells[index]))
    case .unsigned(let cells): appendPlain(cells[index])
    case .boolean(let cells): append(cells[index] == 0 ? "false" : "true")
    case .string(let cells, let strings): appendCell(Array(strings.slice(cells[index]) ?? []))
    case .sum(let sums, let isSigned):
      if isSigned, let value = Int64(exactly: sums[index]) {
        appendPlain(value)
      } else if !isSigned, let value = UInt64(exactly: sums[index]) {
        appendPlain(value)
      } else {
        appendPlain(Double(sums[index]))
      }
    }
  }

  private mutating func appendPlain(_ value: Double) {
    if value.isFinite { return appendDouble(value) }
    append(value.isNaN ? "NaN" : value > 0 ? "+Inf" : "-Inf")
  }
}
