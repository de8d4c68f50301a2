/// What was inflated last: the bytes that nobody has taken yet, and behind them the 32 KiB that
/// matches may refer to.
///
///     | history | not taken | room |
///     0       start        end    capacity
@safe struct InflateWindow: ~Copyable {
  static let historyByteCount = 32 << 10
  /// Bytes of the longest match; also the room that a symbol needs.
  static let matchByteCountMax = 258
  private static let slackByteCount = 16

  let capacity: Int
  let base: UnsafeMutablePointer<UInt8>
  private(set) var start = 0
  private(set) var end = 0

  /// - Parameter pieceByteCount: bytes that may wait to be taken.
  init(pieceByteCount: Int) {
    capacity = Self.historyByteCount + pieceByteCount + Self.matchByteCountMax
    unsafe base = .allocate(capacity: capacity + Self.slackByteCount)
  }

  deinit { unsafe base.deallocate() }

  var untakenByteCount: Int { end - start }
  /// Room for bytes, ``matchByteCountMax`` of which are the last match's.
  var room: Int { capacity - end }
  var hasRoom: Bool { room >= Self.matchByteCountMax }

  /// Lends the bytes that nobody has taken and takes them.
  mutating func take<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    let bytes = unsafe UnsafeBufferPointer(start: base + start, count: end - start)
    start = end
    return unsafe body(bytes.span)
  }

  /// The bytes from `offset` on.
  func checksum(from offset: Int, continuing crc: UInt32) -> UInt32 {
    precondition(offset >= 0 && offset <= end)
    let bytes = unsafe UnsafeBufferPointer(start: base + offset, count: end - offset)
    return unsafe CRC32.checksum(bytes.span, continuing: crc)
  }

  /// Makes room by forgetting all but the history; everything must have been taken.
  ///
  /// - Returns: by how much all offsets have gone down.
  mutating func makeRoom() -> Int {
    precondition(start == end)
    guard !hasRoom else { return 0 }
    let moved = end - Self.historyByteCount
    unsafe base.update(from: base + moved, count: Self.historyByteCount)
    start = Self.historyByteCount
    end = Self.historyByteCount
    return moved
  }

  mutating func append(_ byte: UInt8) {
    precondition(end < capacity)
    unsafe base[end] = byte
    end += 1
  }

  /// Appends stored bytes.
  mutating func append(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= room)
    unsafe bytes.withUnsafeBufferPointer { source in
      if let first = source.baseAddress {
        unsafe (base + end).update(from: first, count: source.count)
      }
    }
    end += bytes.count
  }

  /// Appends a match, which may run into itself.
  ///
  /// - Parameter distance: at most the bytes of the member so far.
  mutating func copy(length: Int, distance: Int) {
    precondition(distance >= 1 && distance <= end)
    precondition(length <= room)
    unsafe Self.copy(base + end, length: length, distance: distance)
    end += length
  }

  /// The fast loop's end.
  mutating func advance(to end: Int) {
    precondition(end >= self.end && end <= capacity)
    self.end = end
  }

  /// Copies a match to `target`; up to ``slackByteCount`` bytes behind it are overwritten.
  @inline(__always)
  static func copy(_ target: UnsafeMutablePointer<UInt8>, length: Int, distance: Int) {
    if distance >= 8 {
      var offset = 0
      while offset < length {
        let from = unsafe UnsafeRawPointer(target + (offset - distance))
        let word = unsafe from.loadUnaligned(as: UInt64.self)
        unsafe UnsafeMutableRawPointer(target + offset).storeBytes(of: word, as: UInt64.self)
        offset += 8
      }
    } else if distance == 1 {
      let byte = unsafe target[-1]
      unsafe target.update(repeating: byte, count: length)
    } else {
      for offset in 0..<length { unsafe target[offset] = unsafe target[offset - distance] }
    }
  }
}
