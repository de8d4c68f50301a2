internal import Bytes

/// What stands before each part of a block that is not a group, 24 bytes (docs/format/block.md):
///
///     | 0 magic u32 | 4 version u8 | 5 kind u8 | 6 zero u16 | 8 payload bytes u64 |
///     | 16 CRC32C of the payload u32 | 20 CRC32C of bytes 0 ..< 20 u32 |
struct SectionHeader: Equatable {
  static let byteCount = 24
  /// "VRVS".
  static let magic: UInt32 = 0x5356_5256
  static let version: UInt8 = 1
  /// Payloads are read whole, so that a claim beyond this is damage.
  static let payloadByteCountMax = 4 << 30

  enum Kind: UInt8 {
    case definitions = 1
    case index = 2
    case summary = 3

    var part: BlockPart {
      switch self {
      case .definitions: .definitions
      case .index: .index
      case .summary: .summary
      }
    }
  }

  var kind: Kind
  var payloadByteCount: Int
  var payloadChecksum: UInt32

  init(kind: Kind, payload: Span<UInt8>) {
    self.kind = kind
    payloadByteCount = payload.count
    payloadChecksum = CRC32C.checksum(payload)
  }

  /// Reads a header and checks all that can be checked without the payload.
  init(_ bytes: Span<UInt8>, part: BlockPart) throws(BlockError) {
    guard bytes.count >= Self.byteCount else { throw .truncated(part) }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      let kindCode = reader.readByte(), reader.readInteger(UInt16.self) != nil,
      let payloadByteCount = reader.readInteger(UInt64.self),
      let payloadChecksum = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<20)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    guard let kind = Kind(rawValue: kindCode), payloadByteCount <= Self.payloadByteCountMax else {
      throw .malformed(part)
    }
    self.kind = kind
    self.payloadByteCount = Int(payloadByteCount)
    self.payloadChecksum = payloadChecksum
  }

  func write(into buffer: inout OutputBuffer) {
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    buffer.writeByte(kind.rawValue)
    buffer.writeInteger(UInt16(0))
    buffer.writeInteger(UInt64(payloadByteCount))
    buffer.writeInteger(payloadChecksum)
    buffer.writeInteger(buffer.checksum(from: start))
  }
}
