internal import Bytes
public import Model

/// What a partition consists of: the one file whose rename commits a cut (docs/format/manifest.md).
///
///     | 0 magic u32 | 4 version u8 | 5 zero u8 | 6 partition u16 | 8 payload bytes u32 |
///     | 12 CRC32C of the payload u32 | 16 CRC32C of bytes 0 ..< 16 u32 | payload |
///     payload := | cut u64 | epoch u32 | next offset u64 | blocks u32 | summary, 112 bytes | ... |
///                | ring files u32 | hour i64, bytes u48, number u8, kind u8 | ... | ledger |
///                | catalog version u64, unless 0 and the last | removals, unless there are none |
///
/// Version 2 is written when blocks lie in a cold store, or there are rollups or deletes. Behind
/// the catalog's version, 0 or not, it has sections of | tag u8 | bytes u32 | content |. Tag 2 has
/// the removals, tag 3 the deletes (``BlockDelete``), tag 4 the rollups (``RollupState``), tag 5
/// their deletes (``RollupDelete``), tag 1 names the blocks that are not here:
///     | index among the blocks u32 | first eight bytes of the object's SHA-256 u64 | ...
public struct Manifest: Hashable, Sendable {
  static let headByteCount = 20
  /// "VRVM".
  static let magic: UInt32 = 0x4d56_5256
  static let version: UInt8 = 1
  /// With sections.
  static let sectionedVersion: UInt8 = 2
  private static let coldTag: UInt8 = 1
  private static let removalsTag: UInt8 = 2
  private static let deletesTag: UInt8 = 3
  private static let rollupsTag: UInt8 = 4
  private static let rollupDeletesTag: UInt8 = 5
  private static let coldEntryByteCount = 12
  /// A million blocks; what claims more is damaged.
  static let byteCountMax = 128 << 20

  public var partition: PartitionID
  /// The last committed cut; 0 before the first one.
  public var cut: UInt64
  /// The start of the server that made it.
  public var epoch: Epoch
  /// The partition's b: everything below it is in blocks, replay begins with it.
  public var nextOffset: Offset
  /// In order of their offsets, then of their tenants. Ranges of one tenant never overlap.
  public var blocks: [BlockSummary]
  public var ringProgress: [RingProgress]
  /// The partition's totals since the data directory was made.
  public var ledger: [LedgerEntry]
  /// The catalog's version when the cut was committed: a catalog that ends before it has lost what
  /// blocks use. 0 when that is not known.
  public var catalogVersion: UInt64
  /// What retention and deletes have taken away.
  public var removals: Removals
  /// Deletes that blocks still hold rows of, in the order of their offsets.
  public var deletes: [BlockDelete]
  public var rollups = RollupState()

  public init(
    partition: PartitionID,
    cut: UInt64 = 0,
    epoch: Epoch = Epoch(0),
    nextOffset: Offset = .zero,
    blocks: [BlockSummary] = [],
    ringProgress: [RingProgress] = [],
    ledger: [LedgerEntry] = [],
    catalogVersion: UInt64 = 0,
    removals: Removals = Removals(),
    deletes: [BlockDelete] = []
  ) {
    self.partition = partition
    self.cut = cut
    self.epoch = epoch
    self.nextOffset = nextOffset
    self.blocks = blocks
    self.ringProgress = ringProgress
    self.ledger = ledger
    self.catalogVersion = catalogVersion
    self.removals = removals
    self.deletes = deletes
  }

  /// The bytes of the file.
  public func encoded() -> [UInt8] {
    var payload = OutputBuffer(reserving: 64 + BlockSummary.byteCount * blocks.count)
    payload.writeInteger(cut)
    payload.writeInteger(epoch.rawValue)
    payload.writeInteger(nextOffset.rawValue)
    payload.writeInteger(UInt32(blocks.count))
    for block in blocks { block.write(into: &payload) }
    payload.writeInteger(UInt32(ringProgress.count))
    for progress in ringProgress {
      payload.writeInteger(progress.hour)
      payload.writeInteger(progress.word)
    }
    LedgerCoding.write(ledger, into: &payload)
    let cold = coldSection
    let hasSections = cold.count > 0 || !rollups.isEmpty || !deletes.isEmpty
    if catalogVersion > 0 || hasSections || !removals.isEmpty {
      payload.writeInteger(catalogVersion)
    }
    if hasSections {
      if !cold.isEmpty { Self.writeSection(Self.coldTag, cold, into: &payload) }
      if !removals.isEmpty {
        var section = OutputBuffer()
        removals.write(into: &section)
        Self.writeSection(Self.removalsTag, section.array(), into: &payload)
      }
      if !deletes.isEmpty {
        var section = OutputBuffer()
        section.writeVarint(UInt64(deletes.count))
        for delete in deletes { delete.write(into: &section) }
        Self.writeSection(Self.deletesTag, section.array(), into: &payload)
      }
      if !rollups.isEmpty {
        var section = OutputBuffer()
        rollups.write(into: &section)
        Self.writeSection(Self.rollupsTag, section.array(), into: &payload)
      }
      if !rollups.deletes.isEmpty {
        var section = OutputBuffer()
        rollups.writeDeletes(into: &section)
        Self.writeSection(Self.rollupDeletesTag, section.array(), into: &payload)
      }
    } else if !removals.isEmpty {
      removals.write(into: &payload)
    }

    var buffer = OutputBuffer(reserving: Self.headByteCount + payload.count)
    buffer.writeInteger(Self.magic)
    buffer.writeByte(hasSections ? Self.sectionedVersion : Self.version)
    buffer.writeByte(0)
    buffer.writeInteger(partition.rawValue)
    buffer.writeInteger(UInt32(payload.count))
    buffer.writeInteger(payload.checksum(from: 0))
    buffer.writeInteger(buffer.checksum(from: 0))
    payload.withBytes { buffer.writeBytes($0) }
    return buffer.array()
  }

  private var coldSection: [UInt8] {
    var section = OutputBuffer()
    for (index, block) in blocks.enumerated() {
      guard let cold = block.cold else { continue }
      section.writeInteger(UInt32(index))
      section.writeInteger(cold.digest)
    }
    return section.array()
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``BlockError`` about `.manifest`.
  public init(_ bytes: Span<UInt8>) throws(BlockError) {
    let part = BlockPart.manifest
    guard bytes.count >= Self.headByteCount else { throw .tooShort(byteCount: bytes.count) }
    var reader = ByteReader(bytes)
    guard
      let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      reader.readByte() != nil, let partition = reader.readInteger(UInt16.self),
      let payloadByteCount = reader.readInteger(UInt32.self),
      let payloadChecksum = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<16)) == checksum else { throw .checksum(part) }
    guard version == Self.version || version == Self.sectionedVersion else {
      throw .version(part, found: version)
    }
    guard Int(partition) < PartitionID.countMax else { throw .malformed(part) }
    let payload = bytes.extracting(droppingFirst: Self.headByteCount)
    guard payload.count >= Int(payloadByteCount) else { throw .truncated(part) }
    guard payload.count == Int(payloadByteCount) else { throw .malformed(part) }
    guard CRC32C.checksum(payload) == payloadChecksum else { throw .checksum(part) }
    self.init(partition: PartitionID(partition))
    try readPayload(payload, hasSections: version == Self.sectionedVersion)
  }

  private mutating func readPayload(
    _ payload: Span<UInt8>,
    hasSections: Bool
  ) throws(BlockError) {
    let part = BlockPart.manifest
    var reader = ByteReader(payload)
    guard let cut = reader.readInteger(UInt64.self), let epoch = reader.readInteger(UInt32.self),
      let nextOffset = reader.readInteger(UInt64.self),
      let blockCount = reader.readInteger(UInt32.self),
      Int(blockCount) <= reader.remaining / BlockSummary.byteCount
    else { throw .truncated(part) }
    self.cut = cut
    self.epoch = Epoch(epoch)
    self.nextOffset = Offset(nextOffset)
    blocks.reserveCapacity(Int(blockCount))
    for _ in 0..<blockCount {
      let start = reader.offset
      let bytes = payload.extracting(start..<start + BlockSummary.byteCount)
      blocks.append(try BlockSummary(bytes, part: part))
      guard reader.skip(BlockSummary.byteCount) != nil else { throw .truncated(part) }
    }
    guard let hourCount = reader.readInteger(UInt32.self),
      Int(hourCount) <= reader.remaining / 16
    else { throw .truncated(part) }
    for _ in 0..<hourCount {
      guard let hour = reader.readInteger(Int64.self),
        let word = reader.readInteger(UInt64.self)
      else { throw .truncated(part) }
      guard let progress = RingProgress(hour: hour, word: word) else { throw .malformed(part) }
      ringProgress.append(progress)
    }
    guard let ledger = LedgerCoding.read(&reader) else { throw .malformed(part) }
    if reader.remaining > 0 { catalogVersion = reader.readInteger(UInt64.self) ?? 0 }
    while hasSections, reader.remaining > 0 { try readSection(&reader) }
    if reader.remaining > 0 { try readRemovals(&reader) }
    guard reader.remaining == 0,
      blocks.allSatisfy({ $0.identity.partition == partition && $0.identity.b <= self.nextOffset })
    else { throw .malformed(part) }
    self.ledger = ledger
  }

  private mutating func readRemovals(_ reader: inout ByteReader) throws(BlockError) {
    guard let removals = Removals(&reader) else { throw .malformed(.manifest) }
    self.removals = removals
  }

  private static func writeSection(
    _ tag: UInt8,
    _ content: [UInt8],
    into payload: inout OutputBuffer
  ) {
    payload.writeByte(tag)
    payload.writeInteger(UInt32(content.count))
    payload.writeBytes(content.span)
  }

  private mutating func readSection(_ reader: inout ByteReader) throws(BlockError) {
    let part = BlockPart.manifest
    guard let tag = reader.readByte(), let byteCount = reader.readInteger(UInt32.self),
      Int(byteCount) <= reader.remaining
    else { throw .truncated(part) }
    let end = reader.remaining - Int(byteCount)
    switch tag {
    case Self.coldTag: try readCold(&reader, byteCount: Int(byteCount))
    case Self.removalsTag: try readRemovals(&reader)
    case Self.deletesTag: try readDeletes(&reader)
    case Self.rollupsTag:
      guard let rollups = RollupState(&reader, partition: partition) else { throw .malformed(part) }
      self.rollups = rollups
    case Self.rollupDeletesTag:
      guard rollups.readDeletes(&reader) else { throw .malformed(part) }
    default: throw .malformed(part)
    }
    guard reader.remaining == end else { throw .malformed(part) }
  }

  private mutating func readDeletes(_ reader: inout ByteReader) throws(BlockError) {
    guard let count = reader.readVarint(), count >= 1, count <= UInt64(reader.remaining) else {
      throw .malformed(.manifest)
    }
    for _ in 0..<count {
      guard let delete = BlockDelete(&reader),
        deletes.last.map({ $0.offset < delete.offset }) ?? true
      else { throw .malformed(.manifest) }
      deletes.append(delete)
    }
  }

  private mutating func readCold(
    _ reader: inout ByteReader,
    byteCount: Int
  ) throws(BlockError) {
    guard byteCount.isMultiple(of: Self.coldEntryByteCount) else { throw .malformed(.manifest) }
    for _ in 0..<byteCount / Self.coldEntryByteCount {
      guard let index = reader.readInteger(UInt32.self),
        let digest = reader.readInteger(UInt64.self)
      else { throw .truncated(.manifest) }
      guard Int(index) < blocks.count else { throw .malformed(.manifest) }
      blocks[Int(index)].cold = ColdReference(digest: digest)
    }
  }
}
