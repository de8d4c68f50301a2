internal import NIOCore
internal import Synchronization

/// How much one read of a connection may bring, the same for all connections of a loop.
///
/// A round parses at most about ``roundByteCount``: with few senders reads are large, which halves
/// the processor time a byte; with hundreds that send without a pause they are small, so that a
/// small client's turn comes soon. What connections hold unparsed, because the engine is behind or
/// their clients do not take their replies, makes reads smaller the more it is: it comes near
/// ``heldByteCountMax`` and goes beyond only by ``heldReadByteCount`` a connection.
package final class ReadSize: Sendable {
  package static let byteCountMax = 1 << 20
  package static let byteCountMin = 16 << 10
  private static let roundByteCount = 4 << 20
  package static let heldByteCountMax = 8 << 20
  package static let heldReadByteCount = 4 << 10

  private let value = Atomic(ReadSize.byteCountMax)
  private let held = Atomic(0)

  package init() {}

  package var byteCount: Int {
    let room = (Self.heldByteCountMax - heldByteCount) / 4
    return min(value.load(ordering: .relaxed), max(Self.heldReadByteCount, room))
  }

  /// Memory of bytes that were read and wait to be parsed.
  package var heldByteCount: Int { held.load(ordering: .relaxed) }

  /// Told by connections of what they hold more or less than before.
  package func hold(_ change: Int) { held.add(change, ordering: .relaxed) }

  /// Told by the loop after each round.
  ///
  /// - Parameter readCount: reads of the round.
  package func adapt(readCount: Int) {
    guard readCount > 0 else { return }
    let share = Self.roundByteCount / readCount
    value.store(min(Self.byteCountMax, max(Self.byteCountMin, share)), ordering: .relaxed)
  }
}

/// Gives each read a large buffer that is free again once its bytes are parsed.
///
/// The library would keep the last buffer of every connection, a megabyte each for ten thousand
/// agents that send one burst a quarter of a minute. It keeps only the first one it is given, when
/// told that the next may be larger; so the first is small, and all others go back to the
/// allocator, which hands the same warm memory to the next read of the same thread.
struct ReadBufferAllocator: RecvByteBufferAllocator {
  private static let firstByteCount = 2_048

  let size: ReadSize
  private var isFirst = true

  init(size: ReadSize) { self.size = size }

  func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
    allocator.buffer(capacity: isFirst ? Self.firstByteCount : size.byteCount)
  }

  mutating func record(actualReadBytes: Int) -> Bool {
    isFirst = false
    return true
  }
}
