internal import Bytes
public import Model

/// A block in numbers: what the manifest knows of it, so that planning a query opens no file that
/// it does not need.
///
///     | identity, 64 bytes | file bytes u64 | groups u64 | rows u64 | points u64 |
///     | first timestamp i64, ns | last timestamp i64, ns |
public struct BlockSummary: Hashable, Sendable {
  static let byteCount = BlockIdentity.byteCount + 48

  public var identity: BlockIdentity
  public var byteCount: Int
  public var groupCount: Int
  public var rowCount: UInt64
  public var pointCount: UInt64
  /// Inclusive, both; 0 when the block has no rows.
  public var firstTimestamp: Timestamp
  public var lastTimestamp: Timestamp
  /// Where the block is when it lies in a cold store; not among the 112 bytes.
  public var cold: ColdReference?

  public init(
    identity: BlockIdentity,
    byteCount: Int,
    groupCount: Int,
    rowCount: UInt64,
    pointCount: UInt64,
    firstTimestamp: Timestamp,
    lastTimestamp: Timestamp
  ) {
    self.identity = identity
    self.byteCount = byteCount
    self.groupCount = groupCount
    self.rowCount = rowCount
    self.pointCount = pointCount
    self.firstTimestamp = firstTimestamp
    self.lastTimestamp = lastTimestamp
  }

  public var fileName: String { identity.fileName }

  /// What the block says of itself, wherever it lies.
  var atHome: BlockSummary {
    var result = self
    result.cold = nil
    return result
  }

  /// Whether the block may hold rows in `range`.
  public func meets(_ range: TimeRange) -> Bool {
    rowCount > 0 && range.meets(first: firstTimestamp, last: lastTimestamp)
  }

  func write(into buffer: inout OutputBuffer) {
    identity.write(into: &buffer)
    buffer.writeInteger(UInt64(byteCount))
    buffer.writeInteger(UInt64(groupCount))
    buffer.writeInteger(rowCount)
    buffer.writeInteger(pointCount)
    buffer.writeInteger(firstTimestamp)
    buffer.writeInteger(lastTimestamp)
  }

  /// Reads a summary inside `part`, whose checksum held.
  init(_ bytes: Span<UInt8>, part: BlockPart) throws(BlockError) {
    guard bytes.count >= Self.byteCount else { throw .truncated(part) }
    let identity: BlockIdentity
    do { identity = try BlockIdentity(bytes) } catch { throw .malformed(part) }
    var reader = ByteReader(bytes.extracting(BlockIdentity.byteCount..<Self.byteCount))
    guard
      let byteCount = reader.readInteger(UInt64.self),
      let groupCount = reader.readInteger(UInt64.self),
      let rowCount = reader.readInteger(UInt64.self),
      let pointCount = reader.readInteger(UInt64.self),
      let first = reader.readInteger(Int64.self), let last = reader.readInteger(Int64.self)
    else { throw .truncated(part) }
    // A group has at least 40 bytes in the file, so that both counts stay far from overflow.
    guard byteCount <= UInt64(Int64.max) / 2, groupCount <= byteCount / 40, first >= 0,
      first <= last
    else { throw .malformed(part) }
    self.init(
      identity: identity,
      byteCount: Int(byteCount),
      groupCount: Int(groupCount),
      rowCount: rowCount,
      pointCount: pointCount,
      firstTimestamp: first,
      lastTimestamp: last
    )
  }
}
