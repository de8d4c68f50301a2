/// The compressed bytes that are here, read as bits, first bit lowest.
///
/// Reads return `nil` when the bytes run out; the caller goes back to a ``Mark`` and tries again
/// when there are more. So nothing needs to remember how far into a field it was.
struct InflateInput {
  struct Mark {
    fileprivate var position: Int
    fileprivate var bits: UInt64
    fileprivate var bitCount: Int
  }

  /// Bytes from `position` on wait to be read; those before it are done with, unless they stand in
  /// ``bits``.
  private(set) var bytes: [UInt8] = []
  private(set) var position = 0
  /// Bits taken from `bytes` and not yet read. Above them may stand bits that will be taken next.
  private(set) var bits: UInt64 = 0
  private(set) var bitCount = 0

  /// Whole bytes that have not been read, those that stand in ``bits`` among them.
  var unreadByteCount: Int { bytes.count - position + bitCount / 8 }

  mutating func append(_ more: Span<UInt8>) {
    // Bytes that were taken ahead stay: `alignToByte()` may give them back.
    let doneByteCount = position - bitCount / 8
    bytes.removeFirst(doneByteCount)
    position -= doneByteCount
    bytes.reserveCapacity(bytes.count + more.count)
    unsafe more.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  var mark: Mark { Mark(position: position, bits: bits, bitCount: bitCount) }

  mutating func goBack(to mark: Mark) {
    position = mark.position
    bits = mark.bits
    bitCount = mark.bitCount
  }

  /// Takes over where the fast loop, which holds these in registers, has left off.
  mutating func set(position: Int, bits: UInt64, bitCount: Int) {
    self.position = position
    self.bits = bits
    self.bitCount = bitCount
  }

  /// Tries to have `count` bits, at most 48.
  mutating func fill(_ count: Int) -> Bool {
    while bitCount < count {
      guard position < bytes.count else { return false }
      bits |= UInt64(bytes[position]) << UInt64(bitCount)
      position += 1
      bitCount += 8
    }
    return true
  }

  mutating func drop(_ count: Int) {
    bits >>= UInt64(count)
    bitCount -= count
  }

  mutating func readBits(_ count: Int) -> Int? {
    guard fill(count) else { return nil }
    defer { drop(count) }
    return Int(bits & ((1 << UInt64(count)) - 1))
  }

  /// Reads one symbol of a code.
  ///
  /// - Returns: its entry, `nil` when the bytes end inside of it.
  mutating func readSymbol(_ table: HuffmanTable) -> UInt32? {
    _ = fill(HuffmanTable.codeBitCountMax)
    // Bits that are not there read as zeros.
    let known = bits & ((1 << UInt64(bitCount)) - 1)
    var entry = table.entries[Int(known) & (table.entries.count - 1)]
    if entry & 15 == 0 {
      guard let found = table.findLong(known, count: bitCount) else { return nil }
      entry = found
    }
    guard Int(entry & 15) <= bitCount else { return nil }
    drop(Int(entry & 15))
    return entry
  }

  /// Goes on at the next whole byte; bytes that were taken ahead are given back.
  mutating func alignToByte() {
    position -= bitCount / 8
    bits = 0
    bitCount = 0
  }

  // Whole bytes, after `alignToByte()`.

  mutating func readByte() -> UInt8? {
    guard position < bytes.count else { return nil }
    position += 1
    return bytes[position - 1]
  }

  mutating func readInteger16() -> Int? {
    guard let low = readByte(), let high = readByte() else { return nil }
    return Int(low) | Int(high) << 8
  }

  mutating func readInteger32() -> UInt32? {
    guard let low = readInteger16(), let high = readInteger16() else { return nil }
    return UInt32(low) | UInt32(high) << 16
  }

  mutating func skip(_ count: Int) -> Void? {
    guard bytes.count - position >= count else { return nil }
    position += count
    return ()
  }
}
