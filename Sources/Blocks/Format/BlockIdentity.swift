internal import Bytes
public import Codecs
public import Model

/// Which part of which cut a block holds: the 64 bytes at its start, repeated in its summary
/// (docs/format/block.md).
///
///     | 0 magic u32 | 4 version u8 | 5 zero u8 | 6 partition u16 | 8 tenant u32 | 12 epoch u32 |
///     | 16 a u64 | 24 b u64 | 32 cut u64 | 40 index u32 | 44 count u32 | 48 strength u8 |
///     | 49 zero u8 | 50 revision u16 | 52 zero u64 |
///     | 60 CRC32C of bytes 0 ..< 60 u32 |
public struct BlockIdentity: Hashable, Sendable {
  static let byteCount = 64
  /// "VRVK".
  static let magic: UInt32 = 0x4b56_5256
  static let version: UInt8 = 1
  static let fileSuffix = ".block"

  public var partition: PartitionID
  public var tenant: TenantID
  /// The start of the server that made the cut.
  public var epoch: Epoch
  /// The block holds its tenant's rows of the partition's offsets `a ..< b`, all of them.
  public var a: Offset
  public var b: Offset
  /// Cuts of a partition are numbered from 1.
  public var cut: UInt64
  /// This is block `index` of the `count` blocks of its cut, one a tenant; 0 ..< count.
  public var index: UInt32
  public var count: UInt32
  /// Of its chunks: `head` as a cut wrote it, others when blocks were merged.
  public var strength: ChunkStrength
  /// How often a block of this strength was made anew, without rows that were removed.
  public var revision: UInt16

  /// - Parameters:
  ///   - b: not before `a`.
  ///   - index: below `count`.
  public init(
    partition: PartitionID,
    tenant: TenantID,
    epoch: Epoch,
    a: Offset,
    b: Offset,
    cut: UInt64,
    index: UInt32 = 0,
    count: UInt32 = 1,
    strength: ChunkStrength = .head,
    revision: UInt16 = 0
  ) {
    precondition(a <= b)
    precondition(index < count)
    precondition(cut >= 1)
    self.partition = partition
    self.tenant = tenant
    self.epoch = epoch
    self.a = a
    self.b = b
    self.cut = cut
    self.index = index
    self.count = count
    self.strength = strength
    self.revision = revision
  }

  /// `0000000000000010-0000000000000020-00000000.block`: offsets and tenant in hexadecimal; with
  /// `-1` or `-2` before the suffix for merged blocks, by their strength, and the revision behind
  /// that unless it is 0.
  public var fileName: String {
    var merged = strength == .head ? "" : "-\(strength.rawValue)"
    if revision > 0 { merged += "-" + FixedHex.text(UInt64(revision), 4) }
    return "\(FixedHex.text(a.rawValue, 16))-\(FixedHex.text(b.rawValue, 16))"
      + "-\(FixedHex.text(UInt64(tenant.rawValue), 8))\(merged)\(Self.fileSuffix)"
  }

  /// Whether it was merged for good.
  public var isCold: Bool { strength == .cold }

  /// What a file name says; `nil` when it is not a block's.
  static func parse(fileName: String) -> (a: Offset, b: Offset, tenant: TenantID)? {
    guard fileName.hasSuffix(fileSuffix) else { return nil }
    let parts = fileName.dropLast(fileSuffix.count).split(
      separator: "-",
      omittingEmptySubsequences: false
    )
    let isMerged = parts.count > 3 && (parts[3] == "1" || parts[3] == "2")
    let isRevised = parts.count == 5 && FixedHex.value(parts[4], 4) != nil
    guard parts.count == 3 || isMerged && (parts.count == 4 || isRevised),
      let a = FixedHex.value(parts[0], 16),
      let b = FixedHex.value(parts[1], 16), let tenant = FixedHex.value(parts[2], 8)
    else { return nil }
    return (Offset(a), Offset(b), TenantID(UInt32(tenant)))
  }

  /// "offsets 16 ..< 32 of partition 3, tenant 0": how damages name what is lost.
  public var range: String {
    "offsets \(a.rawValue) ..< \(b.rawValue) of partition \(partition.rawValue), "
      + "tenant \(tenant.rawValue)"
  }

  /// Reads an identity and checks all that can be checked.
  init(_ bytes: Span<UInt8>) throws(BlockError) {
    let part = BlockPart.header
    guard bytes.count >= Self.byteCount else { throw .truncated(part) }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      reader.readByte() != nil, let partition = reader.readInteger(UInt16.self),
      let tenant = reader.readInteger(UInt32.self), let epoch = reader.readInteger(UInt32.self),
      let a = reader.readInteger(UInt64.self), let b = reader.readInteger(UInt64.self),
      let cut = reader.readInteger(UInt64.self), let index = reader.readInteger(UInt32.self),
      let count = reader.readInteger(UInt32.self), let strengthCode = reader.readByte(),
      reader.readByte() != nil, let revision = reader.readInteger(UInt16.self),
      reader.skip(8) != nil,
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<60)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    guard a <= b, index < count, cut >= 1, Int(partition) < PartitionID.countMax,
      let strength = ChunkStrength(rawValue: strengthCode)
    else { throw .malformed(part) }
    self.init(
      partition: PartitionID(partition),
      tenant: TenantID(tenant),
      epoch: Epoch(epoch),
      a: Offset(a),
      b: Offset(b),
      cut: cut,
      index: index,
      count: count,
      strength: strength,
      revision: revision
    )
  }

  func write(into buffer: inout OutputBuffer) {
    let start = buffer.count
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    buffer.writeByte(0)
    buffer.writeInteger(partition.rawValue)
    buffer.writeInteger(tenant.rawValue)
    buffer.writeInteger(epoch.rawValue)
    buffer.writeInteger(a.rawValue)
    buffer.writeInteger(b.rawValue)
    buffer.writeInteger(cut)
    buffer.writeInteger(index)
    buffer.writeInteger(count)
    buffer.writeByte(strength.rawValue)
    buffer.writeByte(0)
    buffer.writeInteger(revision)
    buffer.writeInteger(UInt64(0))
    buffer.writeInteger(buffer.checksum(from: start))
  }
}

extension OutputBuffer {
  /// The CRC32C of what was written from `start` on.
  func checksum(from start: Int) -> UInt32 {
    withBytes { CRC32C.checksum($0.extracting(droppingFirst: start)) }
  }
}

/// Numbers of a fixed count of hexadecimal digits, as file names have them.
enum FixedHex {
  static func text(_ value: UInt64, _ digitCount: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digitCount - digits.count)) + digits
  }

  /// `nil` unless `text` is exactly that many lower-case digits.
  static func value(_ text: some StringProtocol, _ digitCount: Int) -> UInt64? {
    let isPlain = text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 >= 97 && $0 <= 102) }
    guard text.utf8.count == digitCount, isPlain else { return nil }
    return UInt64(text, radix: 16)
  }
}
