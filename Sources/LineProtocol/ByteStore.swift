internal import Model

/// Raw bytes with readable slack behind them: part of a line that waits for its end, or a line
/// moved to where wide loads may run over its end.
@safe struct ByteStore: ~Copyable {
  /// Zero bytes behind the content, so that loads may run over it.
  static let slackByteCount = 64
  /// Memory kept between lines.
  private let keptByteCount: Int
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  /// The content is the bytes `start ..< end`.
  private var start = 0
  private var end = 0

  init(keeping keptByteCount: Int) {
    self.keptByteCount = keptByteCount
    capacity = 0
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: Self.slackByteCount, alignment: 16)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.slackByteCount)
  }

  deinit { unsafe base.deallocate() }

  var count: Int { end - start }
  /// The first byte; the slack follows the last one.
  var bytes: UnsafeRawPointer { unsafe UnsafeRawPointer(base + start) }

  mutating func append(_ source: UnsafeRawPointer, count added: Int) {
    reserve(added)
    unsafe (base + end).copyMemory(from: source, byteCount: added)
    end += added
    pad()
  }

  mutating func append(byte: UInt8) {
    reserve(1)
    unsafe (base + end).storeBytes(of: byte, as: UInt8.self)
    end += 1
    pad()
  }

  mutating func removeFirst(_ removed: Int) {
    precondition(removed <= count)
    start += removed
    if start == end { removeAll() }
  }

  mutating func removeLast() {
    precondition(count > 0)
    end -= 1
    pad()
  }

  mutating func removeAll() {
    start = 0
    end = 0
    if capacity > keptByteCount { reallocate(0) }
    pad()
  }

  private mutating func pad() {
    unsafe (base + end).initializeMemory(as: UInt8.self, repeating: 0, count: Self.slackByteCount)
  }

  private mutating func reserve(_ added: Int) {
    if start > 0 {
      unsafe base.copyMemory(from: base + start, byteCount: count)
      end -= start
      start = 0
    }
    guard end + added > capacity else { return }
    reallocate(max(end + added, min(2 * capacity, capacity + (1 << 20)), 256))
  }

  private mutating func reallocate(_ newCapacity: Int) {
    let fresh = UnsafeMutableRawPointer.allocate(
      byteCount: newCapacity + Self.slackByteCount,
      alignment: 16
    )
    unsafe fresh.copyMemory(from: base, byteCount: end)
    unsafe base.deallocate()
    unsafe base = unsafe fresh
    capacity = newCapacity
  }
}
