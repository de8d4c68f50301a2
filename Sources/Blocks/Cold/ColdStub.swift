internal import Bytes
public import Platform

/// What stays here of a block that lies in a cold store: its start, its index and names, and the
/// checksums of its pages (docs/format/cold.md). With it a block is opened and searched without the
/// store, and every page that comes from there is checked.
///
///     | 0 magic u32 | 4 version u8 | 5 zero, 3 bytes | 8 bytes of the block u64 |
///     | 16 bytes of a page u32 | 20 pages u32 | 24 offset of the tail u64 |
///     | 32 SHA-256 of the block, 32 bytes | 64 payload bytes u64 | 72 CRC32C of the payload u32 |
///     | 76 CRC32C of bytes 0 ..< 76 u32 |
///     payload := | CRC32C of each page u32 ... | first 64 bytes of the block | its tail |
public struct ColdStub: Hashable, Sendable {
  static let headByteCount = 80
  /// "VRVC".
  static let magic: UInt32 = 0x4356_5256
  static let version: UInt8 = 1
  /// Of stubs that are written now.
  public static let pageByteCount = 64 << 10
  /// What claims more is damaged.
  static let stubByteCountMax = 1 << 30

  /// Of the block.
  public var byteCount: Int
  public var pageByteCount: Int
  /// Where the definitions begin: from here on the block is in the stub.
  public var tailOffset: Int
  /// SHA-256 of the block.
  public var digest: [UInt8]
  public var pageChecksums: [UInt32]

  /// The part of the digest that names the object.
  public var reference: ColdReference {
    ColdReference(digest: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// Where the copies of the block's start and of its tail lie in the stub.
  var startPosition: Int { Self.headByteCount + 4 * pageChecksums.count }
  var tailPosition: Int { startPosition + BlockIdentity.byteCount }

  /// The bytes of the file.
  ///
  /// - Parameters:
  ///   - start: the first 64 bytes of the block.
  ///   - tail: those from ``tailOffset`` on.
  package func encoded(start: [UInt8], tail: [UInt8]) -> [UInt8] {
    precondition(start.count == BlockIdentity.byteCount)
    precondition(tail.count == byteCount - tailOffset)
    var payload = OutputBuffer(reserving: 4 * pageChecksums.count + start.count + tail.count)
    for checksum in pageChecksums { payload.writeInteger(checksum) }
    payload.writeBytes(start.span)
    payload.writeBytes(tail.span)
    var buffer = OutputBuffer(reserving: Self.headByteCount + payload.count)
    buffer.writeInteger(Self.magic)
    buffer.writeByte(Self.version)
    for _ in 0..<3 { buffer.writeByte(0) }
    buffer.writeInteger(UInt64(byteCount))
    buffer.writeInteger(UInt32(pageByteCount))
    buffer.writeInteger(UInt32(pageChecksums.count))
    buffer.writeInteger(UInt64(tailOffset))
    buffer.writeBytes(digest.span)
    buffer.writeInteger(UInt64(payload.count))
    buffer.writeInteger(payload.checksum(from: 0))
    buffer.writeInteger(buffer.checksum(from: 0))
    payload.withBytes { buffer.writeBytes($0) }
    return buffer.array()
  }

  /// - Parameter digest: 32 bytes.
  package init(
    byteCount: Int,
    pageByteCount: Int,
    tailOffset: Int,
    digest: [UInt8],
    pageChecksums: [UInt32]
  ) {
    precondition(digest.count == SHA256.byteCount)
    precondition(tailOffset >= BlockIdentity.byteCount)
    precondition(tailOffset <= byteCount)
    self.byteCount = byteCount
    self.pageByteCount = pageByteCount
    self.tailOffset = tailOffset
    self.digest = digest
    self.pageChecksums = pageChecksums
  }

  /// Reads a stub and verifies it whole.
  ///
  /// - Throws: ``BlockError`` about `.stub`.
  /// - Complexity: a pass over the file, which has 4 bytes for each page and the block's index.
  public init(_ file: any ReadableFile) throws(BlockError) {
    let part = BlockPart.stub
    guard file.byteCount >= Self.headByteCount else { throw .tooShort(byteCount: file.byteCount) }
    guard file.byteCount <= Self.stubByteCountMax else { throw .malformed(part) }
    let bytes = try file.bytes(at: 0, file.byteCount)
    try self.init(bytes.span)
  }

  /// The same of bytes that are in memory.
  package init(_ bytes: Span<UInt8>) throws(BlockError) {
    let part = BlockPart.stub
    guard bytes.count >= Self.headByteCount else { throw .tooShort(byteCount: bytes.count) }
    var reader = ByteReader(bytes)
    guard let magic = reader.readInteger(UInt32.self), let version = reader.readByte(),
      reader.skip(3) != nil, let byteCount = reader.readInteger(UInt64.self),
      let pageByteCount = reader.readInteger(UInt32.self),
      let pageCount = reader.readInteger(UInt32.self),
      let tailOffset = reader.readInteger(UInt64.self), reader.skip(SHA256.byteCount) != nil,
      let payloadByteCount = reader.readInteger(UInt64.self),
      let payloadChecksum = reader.readInteger(UInt32.self),
      let checksum = reader.readInteger(UInt32.self)
    else { throw .truncated(part) }
    guard magic == Self.magic else { throw .magic(part, found: magic) }
    guard CRC32C.checksum(bytes.extracting(0..<76)) == checksum else { throw .checksum(part) }
    guard version == Self.version else { throw .version(part, found: version) }
    let payload = bytes.extracting(droppingFirst: Self.headByteCount)
    guard UInt64(payload.count) == payloadByteCount else { throw .truncated(part) }
    guard CRC32C.checksum(payload) == payloadChecksum else { throw .checksum(part) }
    guard byteCount <= UInt64(Int64.max) / 2, pageByteCount >= 1,
      tailOffset >= UInt64(BlockIdentity.byteCount), tailOffset <= byteCount,
      UInt64(pageCount) == (byteCount + UInt64(pageByteCount) - 1) / UInt64(pageByteCount),
      payloadByteCount
        == 4 * UInt64(pageCount) + UInt64(BlockIdentity.byteCount) + (byteCount - tailOffset)
    else { throw .malformed(part) }
    var checksums: [UInt32] = []
    checksums.reserveCapacity(Int(pageCount))
    for _ in 0..<pageCount {
      guard let checksum = reader.readInteger(UInt32.self) else { throw .truncated(part) }
      checksums.append(checksum)
    }
    var digest: [UInt8] = []
    for index in 32..<32 + SHA256.byteCount { digest.append(bytes[index]) }
    self.init(
      byteCount: Int(byteCount),
      pageByteCount: Int(pageByteCount),
      tailOffset: Int(tailOffset),
      digest: digest,
      pageChecksums: checksums
    )
  }
}

/// Takes a block's bytes one after another and keeps what a stub has of them.
package struct PageSums: ~Copyable {
  private let pageByteCount: Int
  private var digest = SHA256()
  private var page: UInt32 = 0
  private var pageFill = 0
  private var checksums: [UInt32] = []
  private var byteCount = 0

  package init(pageByteCount: Int = ColdStub.pageByteCount) {
    precondition(pageByteCount >= 1)
    self.pageByteCount = pageByteCount
  }

  package mutating func update(_ bytes: [UInt8]) {
    digest.update(bytes)
    byteCount += bytes.count
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + pageByteCount - pageFill)
      page = CRC32C.checksum(bytes.span.extracting(start..<end), continuing: page)
      pageFill += end - start
      start = end
      if pageFill == pageByteCount { endPage() }
    }
  }

  private mutating func endPage() {
    checksums.append(page)
    page = 0
    pageFill = 0
  }

  /// - Parameter tailOffset: of the block, of which every byte was taken.
  package consuming func stub(tailOffset: Int) -> ColdStub {
    if pageFill > 0 { endPage() }
    return ColdStub(
      byteCount: byteCount,
      pageByteCount: pageByteCount,
      tailOffset: tailOffset,
      digest: digest.finish(),
      pageChecksums: checksums
    )
  }
}
