/// An append-only byte buffer; the mirror image of ``ByteReader``. Integers are little-endian.
@frozen
public struct ByteWriter: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  /// Bytes written so far.
  public var count: Int { bytes.count }

  /// Forgets the content and keeps the memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  public mutating func writeByte(_ value: UInt8) { bytes.append(value) }

  /// Appends a fixed-width little-endian integer.
  public mutating func writeInteger<Value: FixedWidthInteger>(_ value: Value) {
    for index in 0..<(Value.bitWidth / 8) {
      bytes.append(UInt8(truncatingIfNeeded: value &>> Value(8 * index)))
    }
  }

  /// Overwrites a fixed-width integer at `offset`, which must already have been written.
  public mutating func replaceInteger<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value &>> Value(8 * index))
    }
  }

  /// Moves what stands from `offset` on and writes a fixed-width integer there.
  public mutating func insertInteger<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    bytes.insert(contentsOf: repeatElement(0, count: Value.bitWidth / 8), at: offset)
    replaceInteger(value, at: offset)
  }

  /// Appends an LEB128 unsigned integer of 1 to 10 bytes.
  public mutating func writeVarint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  public mutating func writeSignedVarint(_ value: Int64) {
    writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  public mutating func writeBytes(_ source: some Sequence<UInt8>) {
    bytes.append(contentsOf: source)
  }

  /// Appends borrowed bytes.
  public mutating func writeBytes(_ source: Span<UInt8>) {
    unsafe source.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
  }

  /// Appends a varint length and the bytes.
  public mutating func writeLengthPrefixed(_ source: some Collection<UInt8>) {
    writeVarint(UInt64(source.count))
    bytes.append(contentsOf: source)
  }
}
