internal import Bytes
public import Model

/// A refused line and why: what its sender should have been told.
///
/// The payload of a record (docs/format/dead-letters.md), little-endian:
///
///     | 0 time i64, ns | 8 tenant u32 | 12 reason u8 | 13 flags u8: 1 text was cut | 14 zero u16 |
///     | 16 line u64 | 24 column u32 | sender | message | text |
///     sender, message, text := | length varint | bytes |
public struct DeadLetter: Hashable, Sendable {
  /// What is kept of each text.
  public static let senderByteCountMax = 255
  public static let messageByteCountMax = 1_024
  public static let textByteCountMax = 4_096
  /// The longest payload: fixed fields, three lengths of at most two bytes, three texts.
  static let payloadByteCountMax =
    28 + 6 + senderByteCountMax + messageByteCountMax + textByteCountMax

  /// When the line arrived.
  public var time: Timestamp
  public var tenant: TenantID
  /// Who sent it, as logs name it: an address.
  public var sender: String
  /// The line's number in its connection or request, from 1.
  public var line: UInt64
  /// The first byte that cannot stand there, from 1.
  public var column: Int
  public var reason: RefusalReason
  public var message: String
  /// The line, or its first ``textByteCountMax`` bytes.
  public var text: [UInt8]
  /// Whether the line is longer than `text`.
  public var isCut: Bool

  public init(
    time: Timestamp,
    tenant: TenantID,
    sender: String,
    line: UInt64,
    column: Int,
    reason: RefusalReason,
    message: String,
    text: [UInt8],
    isCut: Bool = false
  ) {
    self.time = time
    self.tenant = tenant
    self.sender = sender
    self.line = line
    self.column = column
    self.reason = reason
    self.message = message
    self.text = text
    self.isCut = isCut
  }

  func encode(into writer: inout ByteWriter) {
    let kept = text.prefix(Self.textByteCountMax)
    writer.writeInteger(time)
    writer.writeInteger(tenant.rawValue)
    writer.writeByte(reason.rawValue)
    writer.writeByte(isCut || kept.count < text.count ? 1 : 0)
    writer.writeInteger(UInt16(0))
    writer.writeInteger(line)
    writer.writeInteger(UInt32(clamping: column))
    writer.writeLengthPrefixed(Self.prefix(sender, Self.senderByteCountMax))
    writer.writeLengthPrefixed(Self.prefix(message, Self.messageByteCountMax))
    writer.writeLengthPrefixed(kept)
  }

  /// As many whole characters of UTF-8 as fit.
  private static func prefix(_ text: String, _ byteCountMax: Int) -> Substring.UTF8View {
    var end =
      text.utf8.index(
        text.utf8.startIndex,
        offsetBy: byteCountMax,
        limitedBy: text.utf8.endIndex
      ) ?? text.utf8.endIndex
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
      end = text.utf8.index(before: end)
    }
    return text[..<end].utf8
  }

  /// Reads a payload; `nil` when it is malformed.
  init?(_ bytes: Span<UInt8>) {
    var reader = ByteReader(bytes)
    guard
      let time = reader.readInteger(Int64.self), let tenant = reader.readInteger(UInt32.self),
      let code = reader.readByte(), let reason = RefusalReason(rawValue: code),
      let flags = reader.readByte(), reader.readInteger(UInt16.self) != nil,
      let line = reader.readInteger(UInt64.self), let column = reader.readInteger(UInt32.self),
      let sender = reader.readLengthPrefixed(byteCountMax: Self.senderByteCountMax),
      let message = reader.readLengthPrefixed(byteCountMax: Self.messageByteCountMax),
      let text = reader.readLengthPrefixed(byteCountMax: Self.textByteCountMax),
      reader.remaining == 0
    else { return nil }
    self.init(
      time: time,
      tenant: TenantID(tenant),
      sender: String(decoding: sender, as: UTF8.self),
      line: line,
      column: Int(column),
      reason: reason,
      message: String(decoding: message, as: UTF8.self),
      text: text,
      isCut: flags & 1 == 1
    )
  }
}
