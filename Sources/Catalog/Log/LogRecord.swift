internal import Bytes

/// The frame of one record of the catalog's log, little-endian (docs/format/catalog.md):
///
///     | 0 magic u32 "VRVC" | 4 version u8 | 5 kind u8 | 6 unsynced u16 | 8 sequence u64 |
///     | 16 body bytes u32 | 20 CRC32C u32 of bytes 0 ..< 20 and the body | 24 body |
///
/// Records stand back to back. Sequences ascend; a record's sequence is the catalog's version from
/// that record on.
struct LogRecord: Equatable {
  static let headByteCount = 24
  /// "VRVC".
  static let magic: UInt32 = 0x4356_5256
  static let version: UInt8 = 1
  /// The largest body that a frame may claim.
  static let bodyByteCountMax = 16 << 20
  static let unsyncedMax = UInt16.max

  var version: UInt8
  var kind: UInt8
  /// Records up to and with this one that no sync was known to cover when it was made, 1 or more;
  /// ``unsyncedMax`` stands for that many and more.
  var unsynced: UInt16
  var sequence: UInt64
  var bodyByteCount: Int
  var checksum: UInt32

  /// The version that was durable in both copies when this record was made, as far as it tells.
  var durableVersion: UInt64 {
    guard unsynced < Self.unsyncedMax, sequence >= UInt64(unsynced) else { return 0 }
    return sequence - UInt64(unsynced)
  }

  var byteCount: Int { Self.headByteCount + bodyByteCount }

  /// What the bytes at a place turned out to be.
  enum Outcome: Equatable {
    case sound(LogRecord)
    /// More bytes are needed to tell: so many from the start of the record.
    case needs(Int)
    case bad(Fault)
  }

  /// Why bytes are no record.
  enum Fault: Equatable {
    case magic, length, checksum, zeros
  }

  /// Reads the record at the start of `bytes`. A sound frame of an unknown version or kind is
  /// sound: whoever applies it decides.
  ///
  /// - Parameter available: bytes from the start of `bytes` to the end of the file.
  static func read(_ bytes: Span<UInt8>, available: Int) -> Outcome {
    guard bytes.count >= headByteCount else {
      return available >= headByteCount ? .needs(headByteCount) : .bad(.length)
    }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      let kind = reader.readByte(), let unsynced = reader.readInteger(UInt16.self),
      let sequence = reader.readInteger(UInt64.self),
      let bodyByteCount = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { return .bad(.length) }
    guard magic == Self.magic else { return .bad(.magic) }
    guard bodyByteCount <= UInt32(bodyByteCountMax) else { return .bad(.length) }
    let record = LogRecord(
      version: version,
      kind: kind,
      unsynced: unsynced,
      sequence: sequence,
      bodyByteCount: Int(bodyByteCount),
      checksum: checksum
    )
    guard record.byteCount <= available else { return .bad(.length) }
    guard record.byteCount <= bytes.count else { return .needs(record.byteCount) }
    guard Self.checksum(bytes.extracting(first: record.byteCount)) == checksum else {
      return .bad(.checksum)
    }
    return .sound(record)
  }

  /// The checksum of a whole record.
  static func checksum(_ record: Span<UInt8>) -> UInt32 {
    let head = CRC32C.checksum(record.extracting(0..<20))
    return CRC32C.checksum(record.extracting(headByteCount..<record.count), continuing: head)
  }

  /// Appends a record whose body `write` writes.
  static func append(
    kind: UInt8,
    sequence: UInt64,
    durableVersion: UInt64,
    to writer: inout ByteWriter,
    body write: (inout ByteWriter) -> Void
  ) {
    let start = writer.count
    writer.writeInteger(magic)
    writer.writeByte(version)
    writer.writeByte(kind)
    writer.writeInteger(UInt16(min(sequence - durableVersion, UInt64(unsyncedMax))))
    writer.writeInteger(sequence)
    writer.writeInteger(UInt32(0))
    writer.writeInteger(UInt32(0))
    write(&writer)
    let bodyByteCount = writer.count - start - headByteCount
    precondition(bodyByteCount <= bodyByteCountMax, "names are checked before they are recorded")
    writer.replaceInteger(UInt32(bodyByteCount), at: start + 16)
    let crc = checksum(writer.bytes.span.extracting(start..<writer.count))
    writer.replaceInteger(crc, at: start + 20)
  }

  /// The records of `bytes`, sound ones of our own making, whose sequence is beyond `sequence`.
  static func records(in bytes: [UInt8], after sequence: UInt64) -> [UInt8] {
    var offset = 0
    while offset < bytes.count {
      let rest = bytes.span.extracting(offset..<bytes.count)
      guard case .sound(let record) = read(rest, available: rest.count) else {
        preconditionFailure("records in memory are sound")
      }
      if record.sequence > sequence { break }
      offset += record.byteCount
    }
    return Array(bytes[offset...])
  }
}
