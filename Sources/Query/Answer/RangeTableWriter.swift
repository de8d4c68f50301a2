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
/// Memory: the answer, a piece, and a few words a column. Cost: about 30 ns a value.
public struct RangeTableWriter: Sendable {
  private struct ColumnName: Hashable {
    var field: [UInt8]
    var aggregate: Aggregate?
  }

  /// A cell's place in the answer.
  private struct Source {
    var column: Int
    var series: Int
    /// Of the series' aggregates.
    var part: Int
  }

  private let answer: RangeAnswer
  private let keys: [[UInt8]]
  private var columns: [ColumnName] = []
  private var numbers: [ColumnName: Int] = [:]
  private var isFirst = true
  /// The first series that is not written yet.
  private var nextSeries = 0
  /// Series whose rows are being written.
  private var group = 0..<0
  private var sources: [Source] = []
  /// The tags' cells of the group, each with a comma before it.
  private var labels: [UInt8] = []
  /// Points: the next element of each series of the group. Buckets: the next bucket, in the first.
  private var cursors: [Int] = []

  public init(_ answer: RangeAnswer) {
    self.answer = answer
    var keys: Set<[UInt8]> = []
    for index in answer.series.indices {
      let series = answer.series[index]
      if index == 0 || !series.labels.isSame(as: answer.series[index - 1].labels) {
        for tag in series.tags { keys.insert(tag.key) }
      }
    }
    self.keys = keys.sorted { $0.lexicographicallyPrecedes($1) }
    for series in answer.series {
      for aggregate in Self.aggregates(of: series) {
        let name = ColumnName(field: series.field, aggregate: aggregate)
        if numbers.updateValue(columns.count, forKey: name) == nil {
          columns.append(name)
        } else {
          numbers[name] = columns.firstIndex(of: name)
        }
      }
    }
  }

  /// The next piece, or `nil` after the last one.
  public mutating func next() -> [UInt8]? {
    guard isFirst || !isDone else { return nil }
    var text = JSONText(reserving: isFirst ? 4_096 : RangeAnswerWriter.pieceByteCount + 4_096)
    if isFirst { writeHead(&text) }
    isFirst = false
    while text.count < RangeAnswerWriter.pieceByteCount, !isDone {
      if group.isEmpty { openGroup() }
      let isOver = answer.grid == nil ? writePoints(&text) : writeBuckets(&text)
      if isOver { group = 0..<0 }
    }
    return text.bytes
  }

  /// Whether all is written.
  public var isDone: Bool {
    !isFirst && group.isEmpty && nextSeries == answer.series.count
  }

  private static func aggregates(of series: RangeAnswer.Series) -> [Aggregate?] {
    guard case .buckets(_, let columns) = series.content else { return [nil] }
    return columns.map(\.aggregate)
  }

  // MARK: The head

  private func writeHead(_ text: inout JSONText) {
    text.append("time")
    let names = columns.map(Self.name)
    let taken = Set(names)
    for key in keys {
      text.append(byte: UInt8(ascii: ","))
      let isTaken = taken.contains(key) || key == Array("time".utf8)
      text.appendCell(isTaken ? Array("tag.".utf8) + key : key)
    }
    for name in names {
      text.append(byte: UInt8(ascii: ","))
      text.appendCell(name)
    }
    text.append(byte: UInt8(ascii: "\n"))
  }

  private static func name(_ column: ColumnName) -> [UInt8] {
    guard let aggregate = column.aggregate else { return column.field }
    return Array("\(aggregate.rawValue)(".utf8) + column.field + [UInt8(ascii: ")")]
  }

  // MARK: Rows

  /// Takes the next series and those behind it that have the same tags.
  private mutating func openGroup() {
    let first = nextSeries
    let labels = answer.series[first].labels
    nextSeries += 1
    while nextSeries < answer.series.count, answer.series[nextSeries].labels.equals(labels) {
      nextSeries += 1
    }
    group = first..<nextSeries
    cursors = Array(repeating: 0, count: group.count)
    sources.removeAll(keepingCapacity: true)
    for series in group {
      for (part, aggregate) in Self.aggregates(of: answer.series[series]).enumerated() {
        let name = ColumnName(field: answer.series[series].field, aggregate: aggregate)
        if let column = numbers[name] {
          sources.append(Source(column: column, series: series, part: part))
        }
      }
    }
    sources.sort { $0.column < $1.column }
    var text = JSONText(reserving: 64)
    let tags = labels.tags
    for key in keys {
      text.append(byte: UInt8(ascii: ","))
      if let tag = tags.first(where: { $0.key == key }) { text.appendCell(tag.value) }
    }
    self.labels = text.bytes
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
        guard case .points(let timestamps, let values) = answer.series[source.series].content
        else { continue }
        let place = source.series - group.lowerBound
        let element = cursors[place]
        guard element < timestamps.count, timestamps[element] == time else { continue }
        cursors[place] += 1
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
        guard case .buckets(let present, let parts) = answer.series[source.series].content,
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
    text.append(commas: columns.count - written)
    text.append(byte: UInt8(ascii: "\n"))
  }
}

extension JSONText {
  fileprivate mutating func append(commas count: Int) {
    for _ in 0..<count { append(byte: UInt8(ascii: ",")) }
  }

  /// A text as a cell, in quotes where it needs them.
  fileprivate mutating func appendCell(_ bytes: [UInt8]) {
    let needsQuotes =
      bytes.isEmpty
      || bytes.contains { byte in
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0a || byte == 0x0d
      }
    guard needsQuotes else { return append(bytes: bytes[...]) }
    append(byte: UInt8(ascii: "\""))
    for byte in bytes {
      if byte == UInt8(ascii: "\"") { append(byte: byte) }
      append(byte: byte)
    }
    append(byte: UInt8(ascii: "\""))
  }

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
