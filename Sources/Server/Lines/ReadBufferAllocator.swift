internal import NIOCore
internal import Synchronization

/// How much one read of a connection may bring, the same for all connections of a loop.
///
/// A round parses at most about ``roundByteCount``: with few senders reads are large, which halves
/// the processor time a byte; with hundreds that send without a pause they are small, so that a
/// small client's turn comes soon, and what waits unparsed on a congested loop stays bounded.
final class ReadSize: Sendable {
  static let byteCountMax = 1 << 20
  static let byteCountMin = 16 << 10
  private static let roundByteCount = 4 << 20

  private let value = Atomic(ReadSize.byteCountMax)

  var byteCount: Int { value.load(ordering: .relaxed) }

  /// Told by the loop after each round.
  ///
  /// - Parameter readCount: reads of the round.
  func adapt(readCount: Int) {
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
