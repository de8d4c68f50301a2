/// Memory of 64-bit words that the hot loops of the codecs work in: the one handle behind which
/// they are unchecked.
///
/// A view: it does not own the memory and must not outlive the call that lent it. Indexes come from
/// counts that were checked at entry, never from stored bytes; debug builds check each.
@safe struct Words {
  private let base: UnsafeMutablePointer<UInt64>
  let count: Int

  init(_ base: UnsafeMutablePointer<UInt64>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  @inline(__always)
  subscript(index: Int) -> UInt64 {
    get {
      assert(index >= 0 && index < count)
      return unsafe base[index]
    }
    nonmutating set {
      assert(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }

  /// The word at `index` as a signed one.
  @inline(__always)
  func signed(_ index: Int) -> Int64 { Int64(bitPattern: self[index]) }

  /// Words `range` of this view.
  func slice(_ range: Range<Int>) -> Words {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe Words(base + range.lowerBound, count: range.count)
  }

  func copy(from other: Words) {
    precondition(other.count <= count)
    unsafe base.update(from: other.base, count: other.count)
  }

  func fill(_ value: UInt64) {
    unsafe base.update(repeating: value, count: count)
  }

  func sort() {
    unsafe base.withMemoryRebound(to: Int64.self, capacity: count) { base in
      var signed = unsafe UnsafeMutableBufferPointer(start: base, count: count)
      unsafe signed.sort()
    }
  }

  /// Lends the words as the bytes that a library fills, little-endian.
  func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    unsafe body(UnsafeMutableRawBufferPointer(start: base, count: count * 8))
  }

  /// Turns little-endian words into those of this machine.
  func fixByteOrder() {
    for index in 0..<count { self[index] = UInt64(littleEndian: self[index]) }
  }

  /// A copy of some words.
  func array(_ range: Range<Int>) -> [UInt64] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// Lends the words as a span.
  func withSpan<Result>(_ body: (Span<UInt64>) -> Result) -> Result {
    let buffer = unsafe UnsafeBufferPointer(start: base, count: count)
    return unsafe body(buffer.span)
  }
}

/// Scratch memory of the encoder, kept from chunk to chunk. Not copyable; freed with its owner.
@safe struct WordStore: ~Copyable {
  private var base: UnsafeMutablePointer<UInt64>
  private var capacity: Int

  init(capacity: Int = 128) {
    self.capacity = capacity
    unsafe base = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
    unsafe base.initialize(repeating: 0, count: capacity)
  }

  deinit { unsafe base.deallocate() }

  /// A view of `count` words; what they hold is what the last user left. Earlier views end here.
  mutating func words(_ count: Int) -> Words {
    if count > capacity {
      unsafe base.deallocate()
      capacity = max(count, capacity * 2)
      unsafe base = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
      unsafe base.initialize(repeating: 0, count: capacity)
    }
    return unsafe Words(base, count: count)
  }
}

/// One owner at a time and no shared memory: moving it to another thread moves everything.
extension WordStore: @unchecked Sendable {}
