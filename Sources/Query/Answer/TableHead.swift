internal import Model

/// The columns of a table that is made of a ``RangeAnswer``: the same for all of its parts.
struct TableHead: Sendable {
  struct ColumnName: Hashable {
    var field: [UInt8]
    var aggregate: Aggregate?
  }

  /// A cell's place in the series of a group that has one group of tags.
  struct Source {
    var column: Int
    /// Of the group's series.
    var place: Int
    /// Of the series' aggregates.
    var part: Int
  }

  /// The keys of all tags, each a column.
  let keys: [[UInt8]]
  private(set) var columns: [ColumnName] = []
  private var numbers: [ColumnName: Int] = [:]
  /// Where all series share the texts of their tags, those as cells.
  private let cells: TagCells?

  init(_ answer: RangeAnswer) {
    let all = answer.series.indices
    let isShared = all.dropFirst().allSatisfy {
      answer.series[$0].labels.sharesTexts(with: answer.series[$0 - 1].labels)
    }
    if isShared, let first = all.first {
      let cells = TagCells(answer, answer.series[first].labels)
      keys = cells.keys
      self.cells = cells
    } else {
      var keys: Set<[UInt8]> = []
      for index in all { for tag in answer.series[index].tags { keys.insert(tag.key) } }
      self.keys = keys.sorted { $0.lexicographicallyPrecedes($1) }
      cells = nil
    }
    var known: Range<Int>?
    var start = 0
    while start < all.upperBound {
      let group = Self.group(from: start, of: answer)
      if known.map({ !Self.haveSameColumns($0, group, of: answer) }) ?? true {
        for series in group { add(answer.series[series]) }
        known = group
      }
      start = group.upperBound
    }
  }

  private mutating func add(_ series: RangeAnswer.Series) {
    for aggregate in series.aggregates {
      let name = ColumnName(field: series.field, aggregate: aggregate)
      if numbers[name] == nil {
        numbers[name] = columns.count
        columns.append(name)
      }
    }
  }

  /// The series from `start` on that have the same tags.
  static func group(from start: Int, of answer: RangeAnswer) -> Range<Int> {
    var end = start + 1
    while end < answer.series.count,
      answer.series[end].labels.equals(answer.series[start].labels)
    {
      end += 1
    }
    return start..<end
  }

  /// Whether two groups of series have the same fields and aggregates: mostly all of them do.
  static func haveSameColumns(
    _ left: Range<Int>,
    _ right: Range<Int>,
    of answer: RangeAnswer
  ) -> Bool {
    guard left.count == right.count else { return false }
    for (first, second) in zip(left, right) {
      guard answer.series[first].field == answer.series[second].field,
        answer.series[first].hasAggregates(of: answer.series[second])
      else { return false }
    }
    return true
  }

  /// Where the cells of a group's rows come from, by column.
  func sources(of group: Range<Int>, _ answer: RangeAnswer) -> [Source] {
    var sources: [Source] = []
    for (place, series) in group.enumerated() {
      for (part, aggregate) in answer.series[series].aggregates.enumerated() {
        let name = ColumnName(field: answer.series[series].field, aggregate: aggregate)
        if let column = numbers[name] {
          sources.append(Source(column: column, place: place, part: part))
        }
      }
    }
    return sources.sorted { $0.column < $1.column }
  }

  /// Appends the cells of a series' tags, each with a comma before it.
  func append(_ labels: Labels, to text: inout JSONText) {
    if let cells { return cells.append(labels, to: &text) }
    let tags = labels.tags
    for key in keys {
      text.append(byte: UInt8(ascii: ","))
      if let tag = tags.first(where: { $0.key == key }) { text.appendCell(tag.value) }
    }
  }

  /// Appends the names of all columns.
  func append(to text: inout JSONText) {
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
}

/// The tags of one table of ``Labels`` as cells, each made once.
private struct TagCells: Sendable {
  /// Those of tags that any series has.
  let keys: [[UInt8]]
  /// By the tag's number: which of the keys it has.
  private var places: [Int32]
  private var text: [UInt8]
  /// By the tag's number: where its cell ends in `text`.
  private var ends: [Int] = []

  init(_ answer: RangeAnswer, _ labels: Labels) {
    let tags = labels.allTags
    var isUsed = [Bool](repeating: false, count: tags.count)
    for index in answer.series.indices {
      for number in answer.series[index].labels.numbers { isUsed[Int(number)] = true }
    }
    var known: [[UInt8]: Int32] = [:]
    for (tag, isUsed) in zip(tags, isUsed) where isUsed { known[tag.key] = 0 }
    keys = known.keys.sorted { $0.lexicographicallyPrecedes($1) }
    for (place, key) in keys.enumerated() { known[key] = Int32(place) }
    var cells = JSONText(reserving: tags.count * 16)
    places = []
    places.reserveCapacity(tags.count)
    ends.reserveCapacity(tags.count)
    for (tag, isUsed) in zip(tags, isUsed) {
      places.append(isUsed ? known[tag.key] ?? 0 : 0)
      if isUsed { cells.appendCell(tag.value) }
      ends.append(cells.count)
    }
    text = cells.bytes
  }

  /// - Parameter labels: ascending by key, as `keys` is.
  func append(_ labels: Labels, to text: inout JSONText) {
    var column = 0
    for number in labels.numbers {
      let (index, place) = (Int(number), Int(places[Int(number)]))
      text.append(commas: place + 1 - column)
      column = place + 1
      text.append(bytes: self.text[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
    }
    text.append(commas: keys.count - column)
  }
}

extension RangeAnswer.Series {
  /// Of which it has values; one `nil` for points.
  fileprivate var aggregates: [Aggregate?] {
    guard case .buckets(_, let columns) = content else { return [nil] }
    return columns.map(\.aggregate)
  }

  fileprivate func hasAggregates(of other: RangeAnswer.Series) -> Bool {
    switch (content, other.content) {
    case (.points, .points): true
    case (.buckets(_, let left), .buckets(_, let right)):
      left.count == right.count && zip(left, right).allSatisfy { $0.aggregate == $1.aggregate }
    default: false
    }
  }
}

extension JSONText {
  mutating func append(commas count: Int) {
    var left = count
    while left > 0 {
      append(byte: UInt8(ascii: ","))
      left -= 1
    }
  }

  /// A text as a cell, in quotes where it needs them.
  mutating func appendCell(_ bytes: [UInt8]) {
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
}
