/// Finds where a row ends, whatever its bytes are: at the first line feed outside of a string.
///
/// It follows strings and nothing else of the grammar, so that a bad row ends where a good one
/// would. May be fed a growing row and goes on where it stopped: every byte is looked at once, or
/// twice in rows with strings.
struct RowScanner {
  enum Outcome: Equatable {
    /// The row is the bytes before this line feed.
    case row(end: Int)
    /// The row goes on behind the bytes there are.
    case incomplete
    /// A string was never closed; the row's first physical line ends at this line feed.
    case unclosed(firstLineEnd: Int)
    /// The row is longer than the limit.
    case tooLong
  }

  private enum Zone {
    /// No quote so far: the next line feed ends the row, unless a quote comes first.
    case plain
    /// Spaces before the row.
    case start
    case comment
    /// Measurement and tags.
    case key
    case fields
    case string
  }

  private var zone = Zone.plain
  /// Bytes of the row looked at.
  private var offset = 0
  /// Whether the byte before was a backslash that may take the next one's meaning.
  private var isEscaping = false
  private var isBehindEquals = false
  /// Line feeds inside of strings so far, and where the first one lies.
  private(set) var lineFeedCount = 0
  private(set) var firstLineEnd = 0

  /// Whether the bytes so far end inside of a string.
  var isInsideString: Bool { zone == .string }

  /// Looks at what has come.
  ///
  /// - Parameters:
  ///   - row: the row's first byte; all bytes given before, and more.
  ///   - byteCountMax: the most bytes of a row, its line feed not among them.
  mutating func scan(_ row: UnsafeRawPointer, count: Int, byteCountMax: Int) -> Outcome {
    let limit = min(count, byteCountMax + 1)
    if zone == .plain {
      let found =
        unsafe ByteScan.find(
          ByteScan.lineFeed,
          or: ByteScan.quote,
          from: row + offset,
          to: row + limit
        ) - row
      if found < limit, unsafe ByteScan.byte(row + found) == ByteScan.lineFeed {
        return .row(end: found)
      }
      offset = found
      if found == limit { return limit > byteCountMax ? .tooLong : .incomplete }
      offset = 0
      zone = .start
    }
    while offset < limit {
      let byte = unsafe ByteScan.byte(row + offset)
      if byte == ByteScan.lineFeed {
        guard zone == .string else { return .row(end: offset) }
        if let outcome = unsafe lineFeedInString(row, count, byteCountMax) { return outcome }
      } else {
        step(byte)
      }
      offset += 1
    }
    guard limit > byteCountMax else { return .incomplete }
    let isLongString = zone == .string && lineFeedCount > 0
    return isLongString ? .unclosed(firstLineEnd: firstLineEnd) : .tooLong
  }

  /// A line feed is a part of its string, unless the string turns out to be open.
  private mutating func lineFeedInString(
    _ row: UnsafeRawPointer,
    _ count: Int,
    _ byteCountMax: Int
  ) -> Outcome? {
    isEscaping = false
    let rest = count - offset - 1
    let answer =
      unsafe offset == byteCountMax ? true : acknowledges(row + (offset + 1), count: rest)
    if answer == nil, count <= byteCountMax { return .incomplete }
    if lineFeedCount == 0 { firstLineEnd = offset }
    if answer == true { return .unclosed(firstLineEnd: firstLineEnd) }
    lineFeedCount += 1
    return nil
  }

  /// Whether a line begins with `#ack `; `nil` when more bytes must tell.
  private func acknowledges(_ line: UnsafeRawPointer, count: Int) -> Bool? {
    for (index, expected) in StringLines.acknowledge.enumerated() {
      guard index < count else { return nil }
      guard unsafe ByteScan.byte(line + index) == expected else { return false }
    }
    return true
  }

  private mutating func step(_ byte: UInt8) {
    let wasEscaping = isEscaping
    isEscaping = byte == ByteScan.backslash
    switch zone {
    case .plain, .comment: break
    case .start:
      if byte == ByteScan.hash {
        zone = .comment
      } else if byte != ByteScan.space {
        zone = .key
      }
    case .key:
      if byte == ByteScan.space, !wasEscaping { zone = .fields }
    case .fields:
      if byte == ByteScan.quote, isBehindEquals {
        zone = .string
        isEscaping = false
      }
      isBehindEquals = byte == ByteScan.equals && !wasEscaping
    case .string:
      // In a string a backslash may be escaped itself.
      if wasEscaping {
        isEscaping = false
      } else if byte == ByteScan.quote {
        zone = .fields
      }
    }
  }
}
