internal import Model

/// Turns a ``RangeAnswer`` into JSON, piece by piece, so that a large answer never exists as one
/// text.
///
///     {"status":"success","data":{"step":MS,"timestamps":[…],"series":[…],"next":"…"},
///      "warnings":[…],"stats":{…}}
///
/// `step` and the shared `timestamps` stand in answers with a step only, `next` where a page ended,
/// `warnings` where there are any. `step` is in milliseconds, whatever the precision.
public struct RangeAnswerWriter: Sendable {
  /// Pieces are about this large.
  public static let pieceByteCount = 256 << 10

  private enum Stage {
    case head
    case timestamps
    case seriesHead
    case pointTimestamps
    case pointValues
    case column(Int)
    case seriesEnd
    case tail
    case done
  }

  private let answer: RangeAnswer
  /// The series to write; what stands around all series goes with the first and the last one.
  private let places: Range<Int>
  private var stage = Stage.head
  private var isFirst = true
  private var seriesIndex = 0
  /// The next element of the array that is being written.
  private var element = 0
  /// What was written of the series before, which its other fields repeat.
  private var head: (labels: Labels, text: [UInt8])?
  private var times: (column: SharedColumn<Timestamp>, text: [UInt8])?

  /// Whether the envelope stands around the data.
  private let hasEnvelope: Bool

  public init(_ answer: RangeAnswer) { self.init(answer, answer.series.indices) }

  /// Writes a part of an answer: the texts of all parts, one behind another, are its text.
  ///
  /// - Parameter places: of series, next to those of other parts.
  init(_ answer: RangeAnswer, _ places: Range<Int>) {
    precondition(places.lowerBound >= 0 && places.upperBound <= answer.series.count)
    self.answer = answer
    self.places = places
    seriesIndex = places.lowerBound
    if seriesIndex > 0 { stage = .seriesHead }
    hasEnvelope = true
  }

  /// Writes the value of `data` alone.
  init(dataOf answer: RangeAnswer) {
    self.answer = answer
    places = answer.series.indices
    hasEnvelope = false
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
    if case .done = stage { return nil }
    var text = JSONText(reserving: isFirst ? firstByteCount : Self.pieceByteCount + 4_096)
    isFirst = false
    while text.count < Self.pieceByteCount {
      if case .done = stage { break }
      step(&text)
    }
    return text
  }

  /// Whether all is written.
  public var isDone: Bool { if case .done = stage { true } else { false } }

  /// Room for the first piece, which is all of most answers.
  private var firstByteCount: Int {
    var byteCount = 4_096 + (answer.grid?.count ?? 0) * 18
    for place in places where byteCount < Self.pieceByteCount {
      switch answer.series[place].content {
      case .points(let timestamps, _): byteCount += 256 + timestamps.count * 16
      case .buckets(let present, let columns):
        byteCount += 256 + present.count * columns.count * 18
      }
    }
    return min(Self.pieceByteCount, byteCount) + 4_096
  }

  private mutating func step(_ text: inout JSONText) {
    switch stage {
    case .head: writeHead(&text)
    case .timestamps: writeBucketTimestamps(&text)
    case .seriesHead: writeSeriesHead(&text)
    case .pointTimestamps: writePointTimestamps(&text)
    case .pointValues: writePointValues(&text)
    case .column(let column): writeColumn(column, &text)
    case .seriesEnd:
      text.append("}")
      seriesIndex += 1
      stage = .seriesHead
    case .tail: writeTail(&text)
    case .done: break
    }
  }

  private mutating func writeHead(_ text: inout JSONText) {
    text.append(hasEnvelope ? #"{"status":"success","data":{"# : "{")
    guard let grid = answer.grid else {
      text.append(#""series":["#)
      stage = .seriesHead
      return
    }
    text.append(#""step":"#)
    if grid.step % 1_000_000 == 0 {
      text.appendInteger(grid.step / 1_000_000)
    } else {
      text.appendDouble(Double(grid.step) / 1e6)
    }
    text.append(#","timestamps":["#)
    stage = .timestamps
  }

  private mutating func writeBucketTimestamps(_ text: inout JSONText) {
    let count = answer.grid?.count ?? 0
    let unit = answer.precision.nanoseconds
    let (start, step) = (answer.grid?.start(of: 0) ?? 0, answer.grid?.step ?? 0)
    if start % unit == 0, step % unit == 0 {
      if element > 0, element < count { text.append(byte: UInt8(ascii: ",")) }
      let (first, stride) = (UInt64(start / unit), UInt64(step / unit))
      element += text.appendProgression(
        from: first + UInt64(element) * stride,
        step: stride,
        count: count - element,
        upTo: Self.pieceByteCount
      )
    } else {
      while element < count, text.count < Self.pieceByteCount {
        if element > 0 { text.append(byte: UInt8(ascii: ",")) }
        text.appendInteger((start + Int64(element) * step) / unit)
        element += 1
      }
    }
    guard element == count else { return }
    element = 0
    text.append(#"],"series":["#)
    stage = .seriesHead
  }

  private mutating func writeSeriesHead(_ text: inout JSONText) {
    guard seriesIndex < places.upperBound else {
      if places.upperBound < answer.series.count {
        stage = .done
      } else {
        text.append("]")
        stage = .tail
      }
      return
    }
    if seriesIndex > 0 { text.append(byte: UInt8(ascii: ",")) }
    // Series are looked at in their place: a copy of one counts six references.
    let labels = answer.series[seriesIndex].labels
    if let head, head.labels.isSame(as: labels) {
      text.append(bytes: head.text[...])
    } else {
      let start = text.count
      text.append(#"{"measurement":"#)
      let measurement = answer.series[seriesIndex].measurement
      text.appendString(measurement.span)
      text.append(#","tags":{"#)
      labels.append(to: &text)
      text.append(#"},"field":"#)
      let next = seriesIndex + 1
      let isRepeated =
        next < answer.series.count && answer.series[next].labels.isSame(as: labels)
      head = isRepeated ? (labels, text.bytes(from: start)) : nil
    }
    let field = answer.series[seriesIndex].field
    text.appendString(field.span)
    text.append(#","type":"#)
    text.appendString(answer.series[seriesIndex].type.name.utf8.span)
    switch answer.series[seriesIndex].content {
    case .points:
      text.append(#","timestamps":["#)
      stage = .pointTimestamps
    case .buckets: openColumn(0, &text)
    }
  }

  private mutating func writePointTimestamps(_ text: inout JSONText) {
    guard case .points(let timestamps, _) = answer.series[seriesIndex].content else { return }
    if element == 0, let times, times.column.isSame(as: timestamps) {
      text.append(bytes: times.text[...])
    } else {
      let unit = answer.precision.nanoseconds
      let (start, first) = (text.count, element)
      while element < timestamps.count, text.count < Self.pieceByteCount {
        if element > 0 { text.append(byte: UInt8(ascii: ",")) }
        // A constant is divided by in a quarter of the time.
        let time = timestamps[element]
        text.appendInteger(unit == 1_000_000 ? time / 1_000_000 : time / unit)
        element += 1
      }
      guard element == timestamps.count else { return }
      let isRepeated = first == 0 && areRepeated(timestamps)
      times = isRepeated ? (timestamps, text.bytes(from: start)) : nil
    }
    element = 0
    text.append(#"],"values":["#)
    stage = .pointValues
  }

  /// Whether the next series has the same timestamps.
  private func areRepeated(_ timestamps: SharedColumn<Timestamp>) -> Bool {
    guard seriesIndex + 1 < answer.series.count,
      case .points(let next, _) = answer.series[seriesIndex + 1].content
    else { return false }
    return next.isSame(as: timestamps)
  }

  private mutating func writePointValues(_ text: inout JSONText) {
    guard case .points(_, let values) = answer.series[seriesIndex].content else { return }
    element = text.append(values, present: nil, isCount: false, from: element)
    guard element == values.count else { return }
    element = 0
    text.append("]")
    stage = .seriesEnd
  }

  private mutating func openColumn(_ column: Int, _ text: inout JSONText) {
    guard case .buckets(_, let columns) = answer.series[seriesIndex].content,
      column < columns.count
    else {
      stage = .seriesEnd
      return
    }
    text.append(",")
    text.appendString(columns[column].aggregate.rawValue.utf8.span)
    text.append(":[")
    stage = .column(column)
  }

  private mutating func writeColumn(_ column: Int, _ text: inout JSONText) {
    guard case .buckets(let present, let columns) = answer.series[seriesIndex].content else {
      return
    }
    let (aggregate, values) = columns[column]
    element = text.append(values, present: present, isCount: aggregate == .count, from: element)
    guard element == values.count else { return }
    element = 0
    text.append("]")
    openColumn(column + 1, &text)
  }

  private mutating func writeTail(_ text: inout JSONText) {
    if let next = answer.next {
      text.append(#","next":"#)
      text.appendString(next.text.utf8.span)
    }
    text.append("}")
    guard hasEnvelope else {
      stage = .done
      return
    }
    if !answer.warnings.isEmpty {
      text.append(#","warnings":["#)
      for (index, warning) in answer.warnings.enumerated() {
        if index > 0 { text.append(",") }
        text.appendString(warning.utf8.span)
      }
      text.append("]")
    }
    let statistics = answer.statistics
    let entries = [
      (#","stats":{"ring_windows":"#, statistics.ringWindows),
      (#","rollup_windows":"#, statistics.rollupWindows),
      (#","chunks_from_statistics":"#, statistics.chunksFromStatistics),
      (#","chunks_decoded":"#, statistics.chunksDecoded),
      (#","chunks_cold":"#, statistics.chunksCold),
      (#","rows_open":"#, statistics.rowsOpen),
      (#","microseconds":"#, statistics.microseconds),
    ]
    for (name, value) in entries {
      text.append(name)
      text.appendInteger(Int64(value))
    }
    text.append("}}")
    stage = .done
  }
}

extension JSONText {
  /// Appends elements of an array from `start` on, until all are there or the piece is full.
  ///
  /// - Parameter present: the buckets that hold anything, or `nil` when all do; the others are
  ///   `null`, or 0 where the values are counts.
  /// - Returns: the first element that was not appended.
  fileprivate mutating func append(
    _ values: AnswerValues,
    present: BucketSet?,
    isCount: Bool,
    from start: Int
  ) -> Int {
    switch values {
    case .float(let cells):
      appendElements(cells, present, from: start) { $0.appendDouble(Double(bitPattern: $1)) }
    case .integer(let cells):
      appendElements(cells, present, from: start) { $0.appendInteger(Int64(bitPattern: $1)) }
    case .unsigned(let cells):
      appendElements(cells, isCount ? nil : present, from: start) { $0.appendInteger($1) }
    case .boolean(let cells):
      appendElements(cells, present, from: start) { $0.append($1 == 0 ? "false" : "true") }
    case .string(let cells, let strings):
      appendElements(cells, present, from: start) { text, cell in
        let slice = strings.slice(cell) ?? []
        text.appendString(slice.span)
      }
    case .sum(let sums, let isSigned):
      appendElements(sums, present, from: start) { $0.appendSum($1, isSigned: isSigned) }
    }
  }

  @inline(__always)
  private mutating func appendElements<Value>(
    _ values: SharedColumn<Value>,
    _ present: BucketSet?,
    from start: Int,
    _ body: (inout JSONText, Value) -> Void
  ) -> Int {
    var index = start
    while index < values.count, count < RangeAnswerWriter.pieceByteCount {
      if index > 0 { append(byte: UInt8(ascii: ",")) }
      if let present, !present.contains(index) {
        append("null")
      } else {
        body(&self, values[index])
      }
      index += 1
    }
    return index
  }

  private mutating func appendSum(_ sum: Int128, isSigned: Bool) {
    if isSigned, let value = Int64(exactly: sum) {
      appendInteger(value)
    } else if !isSigned, let value = UInt64(exactly: sum) {
      appendInteger(value)
    } else {
      appendDouble(Double(sum))
    }
  }
}
