/// What is wrong with gzip data.
public enum GzipFault: Error, Hashable, Sendable {
  case notGzip
  /// What stands behind a whole member is no other one.
  case trailingBytes
  case corrupt(String)
  case truncated
  case wrongChecksum(found: UInt32, expected: UInt32)
  case wrongByteCount(found: UInt32, expected: UInt32)

  public var message: String {
    switch self {
    case .notGzip: "the data is not gzip"
    case .trailingBytes: "bytes that are not gzip stand behind the end of the gzip data"
    case .corrupt(let what): "the gzip data is damaged: \(what)"
    case .truncated: "the gzip data ends too early"
    case .wrongChecksum: "the gzip data is damaged: its checksum does not match"
    case .wrongByteCount: "the gzip data is damaged: its size does not match"
    }
  }
}

/// Decompresses gzip (RFC 1952), any number of members after another, as it comes.
///
///     var decoder = GzipDecoder()
///     decoder.append(bytes)                 // as often as bytes come
///     decoder.finishInput()                 // when no more come
///     while try decoder.run() {             // until it needs more input, or is at the end
///       decoder.takeOutput { … }            // at most `pieceByteCount` bytes
///     }
///
/// Each member's checksum and size are verified when its end comes; its bytes are handed out
/// before. Memory is bounded: 32 KiB of history, one piece of output, and the input that was
/// appended and not yet used. No input makes it trap. About 300 MB/s of output.
public struct GzipDecoder: ~Copyable {
  private enum State {
    case memberHeader
    case body
    case trailer
  }

  public static let pieceByteCount = 64 << 10
  /// Bytes of a member's header with its name and comment.
  private static let headerByteCountMax = 64 << 10

  private var input = InflateInput()
  private var window = InflateWindow(pieceByteCount: Self.pieceByteCount)
  private var inflater = Inflater()
  private var state = State.memberHeader
  private var isInputComplete = false
  private var memberCount = 0
  /// Where this member's output begins in the window; below 0 once it has left it.
  private var memberStart = 0
  /// Up to where the output is in `checksum`.
  private var summedEnd = 0
  private var checksum: UInt32 = 0
  private var memberByteCount: UInt32 = 0

  /// Compressed bytes given and decompressed bytes made so far.
  public private(set) var inputByteCount = 0
  public private(set) var outputByteCount = 0

  public init() {}

  /// Gives the next compressed bytes.
  public mutating func append(_ bytes: Span<UInt8>) {
    precondition(!isInputComplete)
    input.append(bytes)
    inputByteCount += bytes.count
  }

  /// No more input comes; what is left must be whole.
  public mutating func finishInput() { isInputComplete = true }

  /// Decompresses until a piece of output is full or the input is used up.
  ///
  /// - Returns: whether there is output to take. When there is none, more input is needed, or all
  ///   is done if it was complete.
  public mutating func run() throws(GzipFault) -> Bool {
    let moved = window.makeRoom()
    memberStart -= moved
    summedEnd -= moved
    let before = window.end
    while try step() {}
    sum()
    outputByteCount += window.end - before
    return window.untakenByteCount > 0
  }

  /// Lends the output that is there and takes it.
  public mutating func takeOutput<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    window.take(body)
  }

  /// Does the next thing; `false` when it needs input, has made a piece, or is at the end.
  private mutating func step() throws(GzipFault) -> Bool {
    switch state {
    case .memberHeader:
      if memberCount > 0 { skipPadding() }
      guard input.unreadByteCount > 0 else { return false }
      let mark = input.mark
      guard try readHeader() else {
        input.goBack(to: mark)
        guard !isInputComplete else { throw .truncated }
        guard input.unreadByteCount <= Self.headerByteCountMax else {
          throw .corrupt("a header without an end")
        }
        return false
      }
      memberCount += 1
      memberStart = window.end
      summedEnd = window.end
      checksum = 0
      memberByteCount = 0
      inflater.reset()
      state = .body
    case .body:
      switch try inflater.run(&input, &window, memberStart: max(0, memberStart)) {
      case .done:
        input.alignToByte()
        state = .trailer
      case .isFull: return false
      case .needsInput:
        guard !isInputComplete else { throw .truncated }
        return false
      }
    case .trailer:
      guard input.unreadByteCount >= 8 else {
        guard !isInputComplete else { throw .truncated }
        return false
      }
      sum()
      guard let expected = input.readInteger32(), let byteCount = input.readInteger32() else {
        throw .truncated
      }
      guard checksum == expected else {
        throw .wrongChecksum(found: checksum, expected: expected)
      }
      guard memberByteCount == byteCount else {
        throw .wrongByteCount(found: memberByteCount, expected: byteCount)
      }
      state = .memberHeader
    }
    return true
  }

  private mutating func sum() {
    guard case .memberHeader = state else {
      checksum = window.checksum(from: summedEnd, continuing: checksum)
      memberByteCount &+= UInt32(truncatingIfNeeded: window.end - summedEnd)
      summedEnd = window.end
      return
    }
  }

  /// Zeros may stand behind a member.
  private mutating func skipPadding() {
    while input.position < input.bytes.count, input.bytes[input.position] == 0 {
      _ = input.skip(1)
    }
  }

  /// - Returns: `false` when the input ends inside of it.
  private mutating func readHeader() throws(GzipFault) -> Bool {
    let start = input.position
    guard let first = input.readByte() else { return false }
    let foreign = memberCount == 0 ? GzipFault.notGzip : .trailingBytes
    guard first == 0x1f else { throw foreign }
    guard let second = input.readByte() else { return false }
    guard second == 0x8b else { throw foreign }
    guard let method = input.readByte(), let flags = input.readByte() else { return false }
    guard method == 8 else { throw .corrupt("an unknown method") }
    guard flags & 0xe0 == 0 else { throw .corrupt("unknown flags") }
    guard input.skip(6) != nil else { return false }
    if flags & 4 != 0 {
      guard let count = input.readInteger16(), input.skip(count) != nil else { return false }
    }
    if flags & 8 != 0, !skipText() { return false }
    if flags & 16 != 0, !skipText() { return false }
    if flags & 2 != 0 {
      let computed = Int(CRC32.checksum(Array(input.bytes[start..<input.position])) & 0xffff)
      guard let expected = input.readInteger16() else { return false }
      guard computed == expected else { throw .corrupt("a header's checksum") }
    }
    return true
  }

  /// Skips a text and its zero.
  private mutating func skipText() -> Bool {
    while let byte = input.readByte() {
      if byte == 0 { return true }
    }
    return false
  }
}
