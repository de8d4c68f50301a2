/// An append-only byte buffer; the mirror image of ``ByteReader``. Integers are little-endian.
///
/// Inlinable throughout: a generic that is called across modules is otherwise not specialised, and
/// costs twenty times as much.
@frozen
public struct ByteWriter: Sendable {
  @usableFromInline var storage: [UInt8] = []
  /// What has been written.
  @inlinable public var bytes: [UInt8] { storage }

  @inlinable
  public init(reserving capacity: Int = 0) { storage.reserveCapacity(capacity) }

  /// Bytes written so far.
  @inlinable public var count: Int { storage.count }

  /// Forgets the content and keeps the memory.
  @inlinable
  public mutating func removeAll() { storage.removeAll(keepingCapacity: true) }

  @inlinable
  public mutating func writeByte(_ value: UInt8) { storage.append(value) }

  /// Appends a fixed-width little-endian integer.
  @inlinable
  public mutating func writeInteger<Value: FixedWidthInteger>(_ value: Value) {
    for index in 0..<(Value.bitWidth / 8) {
      storage.append(UInt8(truncatingIfNeeded: value &>> Value(8 * index)))
    }
  }

  /// Overwrites a fixed-width integer at `offset`, which must already have been written.
  @inlinable
  public mutating func replaceInteger<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      storage[offset + index] = UInt8(truncatingIfNeeded: value &>> Value(8 * index))
    }
  }

  /// Appends an LEB128 unsigned integer of 1 to 10 bytes.
  @inlinable
  public mutating func writeVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      storage.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    storage.append(UInt8(rest))
  }

  @inlinable
  public mutating func writeSignedVarint(_ value: Int64) {
    writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  @inlinable
  public mutating func writeBytes(_ source: some Sequence<UInt8>) {
    storage.append(contentsOf: source)
  }

  /// Appends borrowed bytes.
  @inlinable
  public mutating func writeBytes(_ source: Span<UInt8>) {
    unsafe source.withUnsafeBufferPointer { unsafe storage.append(contentsOf: $0) }
  }

  /// Appends a varint length and the bytes.
  @inlinable
  public mutating func writeLengthPrefixed(_ source: some Collection<UInt8>) {
    writeVarint(UInt64(source.count))
    storage.append(contentsOf: source)
  }
}
