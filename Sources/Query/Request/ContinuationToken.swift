internal import Bytes
internal import Model

/// Where the next page of a raw answer begins: what `data.next` and `next=` carry.
///
/// The bounds of the first page ride along, so that `-1h` or `now` mean the same on every page.
/// As bytes, little-endian, then in base64url without padding:
///
///     | version u8 | request u64 | start i64 | end i64 | series u32 | field u32 | timestamp i64 |
///     | CRC32C of what is before u32 |
public struct ContinuationToken: Hashable, Sendable {
  static let version: UInt8 = 1
  static let byteCount = 1 + 8 + 8 + 8 + 4 + 4 + 8 + 4

  /// A hash of the request that it continues.
  var request: UInt64
  var range: TimeRange
  var series: SeriesID
  var field: FieldID
  /// The first point that was not answered.
  var timestamp: Timestamp

  /// The opaque string: 60 characters of `[A-Za-z0-9_-]`.
  public var text: String {
    var writer = ByteWriter(reserving: Self.byteCount)
    writer.writeByte(Self.version)
    writer.writeInteger(request)
    writer.writeInteger(range.start)
    writer.writeInteger(range.end)
    writer.writeInteger(series.rawValue)
    writer.writeInteger(field.rawValue)
    writer.writeInteger(timestamp)
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return Base64URL.text(writer.bytes)
  }

  init(request: UInt64, range: TimeRange, series: SeriesID, field: FieldID, timestamp: Timestamp) {
    self.request = request
    self.range = range
    self.series = series
    self.field = field
    self.timestamp = timestamp
  }

  /// Reads a string that ``text`` wrote; `nil` for any other.
  init?(_ text: String) {
    guard let bytes = Base64URL.bytes(text), bytes.count == Self.byteCount else { return nil }
    var reader = ByteReader(bytes.span)
    guard reader.readByte() == Self.version,
      let request = reader.readInteger(UInt64.self), let start = reader.readInteger(Int64.self),
      let end = reader.readInteger(Int64.self), let series = reader.readInteger(UInt32.self),
      let field = reader.readInteger(UInt32.self), let timestamp = reader.readInteger(Int64.self),
      let checksum = reader.readInteger(UInt32.self)
    else { return nil }
    guard checksum == CRC32C.checksum(Array(bytes.dropLast(4))) else { return nil }
    guard start >= 0, start <= end, timestamp >= start, timestamp < end else { return nil }
    self.init(
      request: request,
      range: TimeRange(start: start, end: end),
      series: SeriesID(series),
      field: FieldID(field),
      timestamp: timestamp
    )
  }
}

/// RFC 4648 section 5 without padding.
enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
  )

  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var buffer: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      buffer = (buffer << 8 | UInt32(byte)) & 0xffff
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        text.append(alphabet[Int((buffer >> UInt32(bitCount)) & 63)])
      }
    }
    if bitCount > 0 { text.append(alphabet[Int((buffer << UInt32(6 - bitCount)) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// `nil` when a character is outside of the alphabet or spare bits are not zero.
  static func bytes(_ text: String) -> [UInt8]? {
    guard text.utf8.count <= 256, text.utf8.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var buffer: UInt32 = 0
    var bitCount = 0
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      buffer = (buffer << 6 | UInt32(value)) & 0xffff
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bitCount)))
      }
    }
    guard buffer & ((1 << UInt32(bitCount)) - 1) == 0 else { return nil }
    return bytes
  }
}
