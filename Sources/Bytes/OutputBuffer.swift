/// A growing byte buffer that owns its memory; integers are little-endian.
///
/// Where ``ByteWriter`` appends to an array, this one is for encoders that reserve their worst case
/// once and then store whole words: nothing is initialised before it is written, and a chunk's
/// bytes are never copied through an array. Not copyable; freed with its owner.
@safe @frozen public struct OutputBuffer: ~Copyable {
  @usableFromInline var base: UnsafeMutableRawPointer
  @usableFromInline var end = 0
  @usableFromInline var limit: Int

  /// - Parameter capacity: bytes to begin with; the buffer grows by itself.
  public init(reserving capacity: Int = 64) {
    limit = max(capacity, 64)
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: limit, alignment: 8)
  }

  deinit { unsafe base.deallocate() }

  /// Bytes written so far.
  @inlinable public var count: Int { end }
  /// Bytes that the memory holds before it grows.
  public var capacity: Int { limit }

  /// Forgets the content and keeps the memory.
  @inlinable public mutating func removeAll() { end = 0 }

  /// Forgets everything from `count` on, which must have been written.
  @inlinable
  public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= end)
    end = count
  }

  /// Makes room for `byteCount` more bytes.
  @inlinable
  public mutating func reserve(_ byteCount: Int) {
    if limit &- end < byteCount { grow(byteCount) }
  }

  @usableFromInline @inline(never)
  mutating func grow(_ byteCount: Int) {
    precondition(byteCount >= 0)
    let larger = max(limit * 2, end + byteCount)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
    unsafe memory.copyMemory(from: base, byteCount: end)
    unsafe base.deallocate()
    unsafe base = memory
    limit = larger
  }

  @inlinable
  public mutating func writeByte(_ value: UInt8) {
    reserve(1)
    unsafe base.storeBytes(of: value, toByteOffset: end, as: UInt8.self)
    end &+= 1
  }

  /// Appends a fixed-width little-endian integer.
  @inlinable
  public mutating func writeInteger<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value) {
    let width = Value.bitWidth / 8
    reserve(width)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: end, as: Value.self)
    end &+= width
  }

  /// Appends the low bytes of a word, the lowest first.
  ///
  /// - Parameter byteCount: 0...8.
  @inlinable
  public mutating func writeWord(_ value: UInt64, byteCount: Int) {
    precondition(byteCount >= 0 && byteCount <= 8)
    reserve(8)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: end, as: UInt64.self)
    end &+= byteCount
  }

  /// Appends an LEB128 unsigned integer of 1 to 10 bytes.
  @inlinable
  public mutating func writeVarint(_ value: UInt64) {
    reserve(10)
    var rest = value
    while rest >= 0x80 {
      unsafe base.storeBytes(
        of: UInt8(truncatingIfNeeded: rest) | 0x80,
        toByteOffset: end,
        as: UInt8.self
      )
      end &+= 1
      rest >>= 7
    }
    unsafe base.storeBytes(of: UInt8(rest), toByteOffset: end, as: UInt8.self)
    end &+= 1
  }

  /// Appends a zigzag varint: small magnitudes of either sign stay short.
  @inlinable
  public mutating func writeSignedVarint(_ value: Int64) { writeVarint(ZigZag.encode(value)) }

  /// Appends borrowed bytes.
  @inlinable
  public mutating func writeBytes(_ source: Span<UInt8>) {
    reserve(source.count)
    let target = unsafe base + end
    unsafe source.withUnsafeBufferPointer { source in
      guard let first = source.baseAddress else { return }
      unsafe target.copyMemory(from: first, byteCount: source.count)
    }
    end &+= source.count
  }

  /// Appends the bytes of a slice.
  @inlinable
  public mutating func writeBytes(_ source: ArraySlice<UInt8>) { writeBytes(source.span) }

  /// Appends the little-endian image of `cells`, 8 bytes each.
  @inlinable
  public mutating func writeWords(_ cells: Span<UInt64>) {
    reserve(cells.count * 8)
    for index in cells.indices {
      unsafe base.storeBytes(
        of: cells[unchecked: index].littleEndian,
        toByteOffset: end,
        as: UInt64.self
      )
      end &+= 8
    }
  }

  /// Appends `byteCount` bytes that `write` stores at the address it is given; it may store up to
  /// `slack` more behind them.
  @unsafe @inlinable
  public mutating func append(
    _ byteCount: Int,
    slack: Int,
    _ write: (UnsafeMutableRawPointer) -> Void
  ) {
    precondition(byteCount >= 0 && slack >= 0)
    reserve(byteCount + slack)
    unsafe write(base + end)
    end &+= byteCount
  }

  /// Appends decimal digits.
  public mutating func writeDecimal(_ value: UInt64) {
    reserve(20)
    var place = end
    var rest = value
    repeat {
      place += 1
      rest /= 10
    } while rest > 0
    end = place
    rest = value
    repeat {
      place -= 1
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      unsafe base.storeBytes(of: UInt8(digit) + 48, toByteOffset: place, as: UInt8.self)
      rest = quotient
    } while rest > 0
  }

  /// Overwrites a fixed-width integer at `offset`, which must already have been written.
  @inlinable
  public mutating func replaceInteger<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value,
    at offset: Int
  ) {
    precondition(offset >= 0 && offset + Value.bitWidth / 8 <= end)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }

  /// Lends the bytes written so far.
  @inlinable
  public func withBytes<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = unsafe UnsafeBufferPointer(
      start: base.assumingMemoryBound(to: UInt8.self),
      count: end
    )
    return try unsafe body(bytes.span)
  }

  /// Lends the bytes written so far as raw memory, for a system call.
  @inlinable
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(start: base, count: end))
  }

  /// A copy of the bytes written so far.
  public func array() -> [UInt8] { array(from: 0) }

  /// A copy of the bytes from `start` on, which must have been written.
  public func array(from start: Int) -> [UInt8] {
    precondition(start >= 0 && start <= end)
    return unsafe Array(UnsafeRawBufferPointer(start: base + start, count: end - start))
  }
}

/// One owner at a time and no shared memory: moving it to another thread moves everything.
extension OutputBuffer: @unchecked Sendable {}
