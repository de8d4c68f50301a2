public import Blocks
internal import Bytes
public import Platform

/// Why a block was not moved. It stays where it is.
public enum BlockMoveError: Error, Equatable, Sendable {
  case object(ObjectError)
  /// The block itself: damaged, not readable, or whoever paces the move wants no more of it.
  case block(CompactionError)

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
  ///   - pause: called after every few megabytes; throws to end the move.
  /// - Returns: the summary with which the manifest names the cold block.
  public func copy(
    _ block: BlockSummary,
    _ reader: BlockReader,
    stubFolder folder: String,
    pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) -> BlockSummary {
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
    do throws(ObjectError) {
      if try store.byteCount(of: key) != stub.byteCount {
        try store.put(key, reader.readableFile)
      }
    } catch {
      throw .object(error)
    }
    try compare(key, with: stub, pause)
    do throws(SystemError) {
      try disk.replace(Path.join(folder, cold.storedName), with: encoded)
    } catch {
      throw .block(.system(error))
    }
    return cold
  }

  /// Reads the object back. One that is not the block is taken away, so that the next attempt
  /// stores it again.
  private func compare(
    _ key: String,
    with stub: ColdStub,
    _ pause: () throws(CompactionError) -> Void
  ) throws(BlockMoveError) {
    var sums = PageSums(pageByteCount: stub.pageByteCount)
    var position = 0
    while position < stub.byteCount {
      let count = min(Self.pieceByteCount, stub.byteCount - position)
      let bytes: [UInt8]
      do throws(ObjectError) { bytes = try store.get(key, at: position, count: count) } catch {
        throw .object(error)
      }
      guard bytes.count == count else { break }
      sums.update(bytes)
      position += count
      do throws(CompactionError) { try pause() } catch { throw .block(error) }
    }
    guard position == stub.byteCount, sums.stub(tailOffset: stub.tailOffset) == stub else {
      try? store.delete(key)
      throw .object(
        ObjectError(
          .damaged,
          store.path(of: key),
          "what was stored is not what was read back; it was removed and will be stored again"
        )
      )
    }
  }
}
