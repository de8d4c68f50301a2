internal import Bytes

/// The fixed head of a batch, 64 bytes, little-endian (docs/format/batch.md):
///
///     | 0 magic u32 | 4 version u8 | 5 kind u8 | 6 codec u8 | 7 zero | 8 tenant u32 |
///     | 12 epoch u32 | 16 partition u16 | 18 zero u16 | 20 rows u32 | 24 offset u64 |
///     | 32 registry version u64 | 40 arrival i64, ns | 48 body bytes u32 |
///     | 52 body CRC32C u32 | 56 points u32 | 60 CRC32C of bytes 0 ..< 60 u32 |
///
/// The receiver fills all but epoch, offset and the header's own CRC; the queue's committer stamps
/// those.
public struct BatchHeader: Equatable, Sendable {
  public static let byteCount = 64
  /// "VRVB".
  public static let magic: UInt32 = 0x4256_5256
  public static let version: UInt8 = 1
  /// The largest body that a header may claim: one row of the widest line.
  public static let bodyByteCountMax = 16 << 20

  /// What the body holds.
  @frozen public enum Kind: UInt8, Sendable {
    case rows = 1
    /// Counts of refused lines (``RefusalCount``).
    case refusals = 2
    /// Rows of smaller offsets that are deleted (``DeleteRecord``).
    case delete = 3
  }

  public var kind: Kind
  public var tenant: TenantID
  public var epoch: Epoch
  public var partition: PartitionID
  public var rowCount: UInt32
  public var offset: Offset
  /// The catalog's version that knows everything the body refers to.
  public var registryVersion: UInt64
  public var arrival: Timestamp
  public var bodyByteCount: UInt32
  public var bodyChecksum: UInt32
  public var pointCount: UInt32

  public init(
    kind: Kind,
    tenant: TenantID,
    epoch: Epoch,
    partition: PartitionID,
    rowCount: UInt32,
    offset: Offset,
    registryVersion: UInt64,
    arrival: Timestamp,
    bodyByteCount: UInt32,
    bodyChecksum: UInt32,
    pointCount: UInt32
  ) {
    self.kind = kind
    self.tenant = tenant
    self.epoch = epoch
    self.partition = partition
    self.rowCount = rowCount
    self.offset = offset
    self.registryVersion = registryVersion
    self.arrival = arrival
    self.bodyByteCount = bodyByteCount
    self.bodyChecksum = bodyChecksum
    self.pointCount = pointCount
  }

  /// Why 64 bytes are no batch header.
  public enum Fault: Error, Equatable {
    case truncated, magic, checksum, version(UInt8), kind(UInt8), codec(UInt8), partition(UInt16)
    case bodyByteCount(UInt32)
  }

  /// Reads a header and checks all that can be checked without the body.
  public init(_ bytes: Span<UInt8>) throws(Fault) {
    guard bytes.count >= Self.byteCount else { throw .truncated }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      let kindCode = reader.readByte(), let codec = reader.readByte(), reader.readByte() != nil,
      let tenant = reader.readInteger(UInt32.self), let epoch = reader.readInteger(UInt32.self),
      let partition = reader.readInteger(UInt16.self), reader.readInteger(UInt16.self) != nil,
      let rowCount = reader.readInteger(UInt32.self), let offset = reader.readInteger(UInt64.self),
      let registryVersion = reader.readInteger(UInt64.self),
      let arrival = reader.readInteger(Int64.self),
      let bodyByteCount = reader.readInteger(UInt32.self),
      let bodyChecksum = reader.readInteger(UInt32.self),
      let pointCount = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated }
    guard magic == Self.magic else { throw .magic }
    guard CRC32C.checksum(bytes.extracting(0..<60)) == checksum else { throw .checksum }
    guard version == Self.version else { throw .version(version) }
    guard let kind = Kind(rawValue: kindCode) else { throw .kind(kindCode) }
    guard codec == 0 else { throw .codec(codec) }
    guard Int(partition) < PartitionID.countMax else { throw .partition(partition) }
    guard bodyByteCount <= UInt32(Self.bodyByteCountMax) else {
      throw .bodyByteCount(bodyByteCount)
    }
    self.init(
      kind: kind,
      tenant: TenantID(tenant),
      epoch: Epoch(epoch),
      partition: PartitionID(partition),
      rowCount: rowCount,
      offset: Offset(offset),
      registryVersion: registryVersion,
      arrival: arrival,
      bodyByteCount: bodyByteCount,
      bodyChecksum: bodyChecksum,
      pointCount: pointCount
    )
  }

  /// The 64 bytes, checksum included.
  public func encoded() -> [UInt8] {
    var writer = ByteWriter(reserving: Self.byteCount)
    writer.writeInteger(Self.magic)
    writer.writeByte(Self.version)
    writer.writeByte(kind.rawValue)
    writer.writeInteger(UInt16(0))
    writer.writeInteger(tenant.rawValue)
    writer.writeInteger(epoch.rawValue)
    writer.writeInteger(partition.rawValue)
    writer.writeInteger(UInt16(0))
    writer.writeInteger(rowCount)
    writer.writeInteger(offset.rawValue)
    writer.writeInteger(registryVersion)
    writer.writeInteger(arrival)
    writer.writeInteger(bodyByteCount)
    writer.writeInteger(bodyChecksum)
    writer.writeInteger(pointCount)
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }
}
