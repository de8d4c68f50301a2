internal import Bytes
internal import Model
internal import Platform

/// The bytes of one file of dead letters (docs/format/dead-letters.md), little-endian:
///
///     header := | 0 magic "VRVD" u32 | 4 version u8 | 5 zero x 3 | 8 sequence u64 |
///               | 16 created i64, ns | 24 CRC32C of bytes 0 ..< 24 u32 |
///     record := | 0 magic "VRVL" u32 | 4 payload bytes u32 | 8 CRC32C of bytes 4 ..< 8 and the
///               payload u32 | payload |
///
/// A record without payload is a resumption: what lies before it may have been cut short.
enum DeadLetterFile {
  static let magic: UInt32 = 0x4456_5256
  static let recordMagic: UInt32 = 0x4c56_5256
  static let version: UInt8 = 1
  static let headerByteCount = 28
  static let recordHeadByteCount = 12
  private static let suffix = ".log"

  static func name(of sequence: UInt64) -> String {
    let digits = String(sequence, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits + suffix
  }

  /// The sequence of a file's name, or `nil` when it is something else.
  static func sequence(of name: String) -> UInt64? {
    guard name.hasSuffix(suffix), name.utf8.count == 16 + suffix.utf8.count,
      let sequence = UInt64(name.dropLast(suffix.utf8.count), radix: 16),
      self.name(of: sequence) == name, (1...UInt64(1) << 62).contains(sequence)
    else { return nil }
    return sequence
  }

  static func header(sequence: UInt64, created: Timestamp) -> [UInt8] {
    var writer = ByteWriter(reserving: headerByteCount)
    writer.writeInteger(magic)
    writer.writeByte(version)
    writer.writeBytes([0, 0, 0])
    writer.writeInteger(sequence)
    writer.writeInteger(created)
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  static func isHeader(_ bytes: Span<UInt8>) -> Bool {
    var reader = ByteReader(bytes)
    guard bytes.count >= headerByteCount, reader.readInteger(UInt32.self) == magic,
      reader.readByte() == version, reader.skip(headerByteCount - 5 - 4) != nil,
      let checksum = reader.readInteger(UInt32.self)
    else { return false }
    return CRC32C.checksum(bytes.extracting(0..<headerByteCount - 4)) == checksum
  }

  /// Appends the record of `letter` to `writer`.
  static func encode(_ letter: DeadLetter, into writer: inout ByteWriter) {
    var payload = ByteWriter(reserving: 256)
    letter.encode(into: &payload)
    let length = UInt32(payload.count)
    writer.writeInteger(recordMagic)
    writer.writeInteger(length)
    writer.writeInteger(checksum(length, payload.bytes.span))
    writer.writeBytes(payload.bytes)
  }

  private static func checksum(_ length: UInt32, _ payload: Span<UInt8>) -> UInt32 {
    var head = ByteWriter(reserving: 4)
    head.writeInteger(length)
    return CRC32C.checksum(payload, continuing: CRC32C.checksum(head.bytes))
  }

  /// The record that begins a run's, or a retry's, part of a file.
  static var resumption: [UInt8] {
    var writer = ByteWriter(reserving: recordHeadByteCount)
    writer.writeInteger(recordMagic)
    writer.writeInteger(UInt32(0))
    writer.writeInteger(checksum(0, [UInt8]().span))
    return writer.bytes
  }

  /// Bytes that are no record.
  struct BadStretch {
    var range: Range<Int>
    /// Whether a resumption follows at once.
    var isExcused: Bool
  }

  /// Gives every sound letter to `body`, oldest first, around whatever is damaged.
  static func read(_ bytes: [UInt8], _ body: (DeadLetter) -> Void) -> [BadStretch] {
    var bad: [BadStretch] = []
    var position = 0
    var start = 0
    if isHeader(bytes.span) {
      position = headerByteCount
      start = position
    }
    while position < bytes.count {
      guard let (letter, byteCount) = record(bytes.span, at: position) else {
        position += 1
        continue
      }
      if start < position {
        bad.append(BadStretch(range: start..<position, isExcused: letter == nil))
      }
      if let letter { body(letter) }
      position += byteCount
      start = position
    }
    if start < bytes.count { bad.append(BadStretch(range: start..<bytes.count, isExcused: false)) }
    return bad
  }

  /// The letter, or `nil` for a resumption, and the bytes of the record at `position`.
  private static func record(
    _ bytes: Span<UInt8>,
    at position: Int
  ) -> (letter: DeadLetter?, byteCount: Int)? {
    guard bytes[position] == UInt8(ascii: "V"), bytes.count - position >= recordHeadByteCount else {
      return nil
    }
    var reader = ByteReader(bytes.extracting(position..<position + recordHeadByteCount))
    guard reader.readInteger(UInt32.self) == recordMagic,
      let length = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self),
      length <= UInt32(DeadLetter.payloadByteCountMax)
    else { return nil }
    let first = position + recordHeadByteCount
    guard Int(length) <= bytes.count - first else { return nil }
    let payload = bytes.extracting(first..<first + Int(length))
    guard self.checksum(length, payload) == checksum else { return nil }
    if length == 0 { return (nil, recordHeadByteCount) }
    guard let letter = DeadLetter(payload) else { return nil }
    return (letter, recordHeadByteCount + Int(length))
  }
}
