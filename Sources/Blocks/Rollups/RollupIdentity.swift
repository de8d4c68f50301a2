internal import Bytes
public import Model

/// What a rollup file is of: the first 48 bytes of it (docs/format/rollup.md).
///
///     | 0 magic u32 | 4 version u8 | 5 unit u8 | 6 partition u16 | 8 tenant u32 | 12 zero u32 |
///     | 16 span u64 | 24 revision u64 | 32 day behind the last that is whole u64 |
///     | 40 zero u32 | 44 CRC32C of bytes 0 ..< 44 u32 |
public struct RollupIdentity: Hashable, Sendable {
  static let byteCount = 48
  /// "VRVU".
  static let magic: UInt32 = 0x5556_5256
  static let version: UInt8 = 1
  /// The last span whose times can be told.
  static let spanMax: Int64 = 100_000

  public var partition: PartitionID
  public var tenant: TenantID
  public var unit: RollupUnit
  /// Which days: see ``RollupUnit/days(ofSpan:)``.
  public var span: Int64
  /// Counts what a partition has written; a file that replaces another one has a greater one.
  public var revision: UInt64
  /// Days since the epoch; those before it had been folded when the file was written.
  public var until: Int64

  public init(
    partition: PartitionID,
    tenant: TenantID,
    unit: RollupUnit,
    span: Int64,
    revision: UInt64,
    until: Int64
  ) {
    self.partition = partition
    self.tenant = tenant
    self.unit = unit
    self.span = span
    self.revision = revision
    self.until = until
  }

  /// The days that it may hold.
  public var days: Range<Int64> { unit.days(ofSpan: span) }

  /// The number of its first window since the epoch.
  var firstWindow: Int64 { days.lowerBound * RollupUnit.nanosecondsPerDay / unit.nanoseconds }

  func write(into buffer: inout OutputBuffer) {
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    buffer.writeByte(unit.rawValue)
    buffer.writeInteger(partition.rawValue)
    buffer.writeInteger(tenant.rawValue)
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(UInt64(span))
    buffer.writeInteger(revision)
    buffer.writeInteger(UInt64(until))
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(buffer.checksum(from: start))
  }

  init(_ bytes: Span<UInt8>) throws(BlockError) {
    let part = BlockPart.header
    guard bytes.count >= Self.byteCount else { throw .truncated(part) }
    var reader = ByteReader(bytes)
    guard let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      let unitCode = reader.readByte(), let partition = reader.readInteger(UInt16.self),
      let tenant = reader.readInteger(UInt32.self), reader.skip(4) != nil,
      let span = reader.readInteger(UInt64.self),
      let revision = reader.readInteger(UInt64.self),
      let until = reader.readInteger(UInt64.self), reader.skip(4) != nil,
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<44)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    guard let unit = RollupUnit(rawValue: unitCode), Int(partition) < PartitionID.countMax,
      span <= UInt64(Self.spanMax), until <= UInt64(Self.spanMax)
    else { throw .malformed(part) }
    self.init(
      partition: PartitionID(partition),
      tenant: TenantID(tenant),
      unit: unit,
      span: Int64(span),
      revision: revision,
      until: Int64(until)
    )
  }

  // MARK: Names

  static let suffix = ".rollup"

  /// `1m-SPAN-TENANT-REVISION.rollup`, numbers in decimal.
  public var fileName: String {
    "\(unit.name)-\(span)-\(tenant.rawValue)-\(revision)\(Self.suffix)"
  }
}
