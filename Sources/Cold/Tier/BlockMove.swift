public import Blocks
internal import Bytes
public import Platform

/// Why a block was not moved. It stays where it is.
public enum BlockMoveError: Error, Equatable, Sendable {
  case object(ObjectError)
  /// The block itself: damaged, not readable, or whoever paces the move wants no more of it.
  case block(CompactionError)

  /// Whether this block is at fault, or its object, so that another try comes to the same.
  public var isOfBlock: Bool {
    switch self {
    case .object(let error): error.kind == .damaged || error.kind == .missing
    case .block(.system), .block(.stopped): false
    case .block: true
    }
  }

  /// In a few words.
  public var text: String {
    switch self {
    case .object(let error): error.description
    case .block(let error): error.text
    }
  }
}

/// Brings a block into a store and leaves a stub of it here, in steps of which each is durable
/// before the next one begins: the object, its comparison with the block, the stub. The block stays
/// where it is; whoever owns the manifest commits that it is cold, and removes it then.
///
/// Done again after a crash, each step finds what the last attempt left.
public struct BlockMove: Sendable {
  /// Bytes that are hashed, or compared, at a time.
  private static let pieceByteCount = 4 << 20

  private let disk: any Disk
  private let store: any ObjectStore

  public init(disk: any Disk, store: any ObjectStore) {
    self.disk = disk
    self.store = store
  }

  /// - Parameters:
  ///   - block: one that lies here, as the manifest names it.
  ///   - reader: of it.
  ///   - folder: where the stub is written: the partition's folder of blocks.
  ///   - willStore: told of the object's key before it is put into the store, unless it is there.
  ///   - pause: called after every few megabytes; throws to end the move.
  /// - Returns: the summary with which the manifest names the cold block, and whether the object
  ///   was not in the store before.
  public func copy(
    _ block: BlockSummary,
    _ reader: BlockReader,
    stubFolder folder: String,
    willStore: (String) -> Void = { _ in },
    pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) -> (block: BlockSummary, isNew: Bool) {
    let stub: ColdStub
    let encoded: [UInt8]
    do throws(CompactionError) {
      try reader.verifyGroups(pause)
      guard let tailOffset = reader.tailOffset else { throw .block(.malformed(.index)) }
      var sums = PageSums()
      try reader.forEachPiece(Self.pieceByteCount) { bytes throws(CompactionError) in
        sums.update(bytes)
        try pause()
      }
      stub = sums.stub(tailOffset: tailOffset)
      encoded = stub.encoded(
        start: try reader.bytes(BlockReader.startRange),
        tail: try reader.bytes(tailOffset..<stub.byteCount)
      )
    } catch {
      throw .block(error)
    }
    var cold = block
    cold.cold = stub.reference
    let key = block.identity.objectKey(digest: stub.reference.digest)
    let isNew = try store(reader, as: key, stub, willStore, pause)
    do throws(SystemError) {
      try disk.replace(Path.join(folder, cold.storedName), with: encoded)
    } catch {
      throw .block(.system(error))
    }
    return (cold, isNew)
  }

  /// Stores the block, unless the store has it already, be it that an earlier attempt was cut short
  /// or that somebody else has brought it: a snapshot that is served shares its store. An object
  /// that was there is never removed here, for others may name it; one that is not what its name
  /// says is replaced by what it should be.
  private func store(
    _ reader: BlockReader,
    as key: String,
    _ stub: ColdStub,
    _ willStore: (String) -> Void,
    _ pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) -> Bool {
    let isNew: Bool
    do throws(ObjectError) { isNew = try store.byteCount(of: key) != stub.byteCount } catch {
      throw .object(error)
    }
    if !isNew, try isEqual(key, to: stub, pause) { return false }
    if isNew { willStore(key) }
    do throws(ObjectError) { try store.put(key, reader.readableFile) } catch {
      throw .object(error)
    }
    if try isEqual(key, to: stub, pause) { return isNew }
    if isNew { try? store.delete(key) }
    throw .object(
      ObjectError(
        .damaged,
        store.path(of: key),
        "what was stored is not what was read back; it will be stored again"
      )
    )
  }

  /// Writes the stub of a cold block once more, after its object was read whole and is what its
  /// name says.
  ///
  /// - Parameters: as of ``copy(_:_:stubFolder:pause:)``; `block` lies in the store.
  public func restoreStub(
    _ block: BlockSummary,
    _ reader: BlockReader,
    stubFolder folder: String,
    pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) {
    guard let key = block.objectKey, let tailOffset = reader.tailOffset,
      tailOffset <= block.byteCount
    else { throw .block(.block(.malformed(.index))) }
    var sums = PageSums()
    var start: [UInt8] = []
    var tail: [UInt8] = []
    var position = 0
    try forEachPiece(of: key, block.byteCount, pause) { bytes in
      sums.update(bytes)
      if position == 0 { start = Array(bytes.prefix(BlockReader.startRange.count)) }
      tail += bytes.dropFirst(max(0, tailOffset - position))
      position += bytes.count
    }
    guard position == block.byteCount else { throw damaged(key) }
    let stub = sums.stub(tailOffset: tailOffset)
    guard stub.reference == block.cold else { throw damaged(key) }
    do throws(SystemError) {
      let encoded = stub.encoded(start: start, tail: tail)
      try disk.replace(Path.join(folder, block.storedName), with: encoded)
    } catch {
      throw .block(.system(error))
    }
  }

  private func damaged(_ key: String) -> BlockMoveError {
    .object(ObjectError(.damaged, store.path(of: key), "it is not what its name says"))
  }

  /// Gives the bytes of an object to `body`, piece by piece, up to one that is shorter than it
  /// should be.
  private func forEachPiece(
    of key: String,
    _ byteCount: Int,
    _ pause: () throws(CompactionError) -> Void,
    body: ([UInt8]) -> Void
  ) throws(BlockMoveError) {
    var position = 0
    while position < byteCount {
      let count = min(Self.pieceByteCount, byteCount - position)
      let bytes: [UInt8]
      do throws(ObjectError) { bytes = try store.get(key, at: position, count: count) } catch {
        throw .object(error)
      }
      body(bytes)
      guard bytes.count == count else { return }
      position += count
      do throws(CompactionError) { try pause() } catch { throw .block(error) }
    }
  }

  /// Reads the object back.
  private func isEqual(
    _ key: String,
    to stub: ColdStub,
    _ pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) -> Bool {
    var sums = PageSums(pageByteCount: stub.pageByteCount)
    var byteCount = 0
    try forEachPiece(of: key, stub.byteCount, pause) { bytes in
      sums.update(bytes)
      byteCount += bytes.count
    }
    guard byteCount == stub.byteCount else { return false }
    return sums.stub(tailOffset: stub.tailOffset) == stub
  }
}
