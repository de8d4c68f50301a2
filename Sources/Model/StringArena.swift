/// The bytes behind the string cells of one batch of columns.
///
/// A string cell is `offset << 32 | byteCount` into one arena; it means nothing beside another.
/// Bounded by ``byteCountMax``, which the 32-bit offset demands.
@frozen public struct StringArena: Sendable {
  public private(set) var bytes: [UInt8] = []
  public static let byteCountMax = Int(UInt32.max)

  public init() {}

  /// Stores `value` and returns its cell, or `nil` when the arena is full.
  public mutating func append(_ value: Span<UInt8>) -> Cell? {
    let offset = bytes.count
    guard offset + value.count <= Self.byteCountMax else { return nil }
    unsafe value.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    return UInt64(offset) << 32 | UInt64(value.count)
  }

  /// Stores `value` and returns its cell, or `nil` when the arena is full.
  public mutating func append(_ value: [UInt8]) -> Cell? { append(value.span) }

  /// Stores raw bytes and returns their cell, or `nil` when the arena is full.
  public mutating func append(_ value: UnsafeRawBufferPointer) -> Cell? {
    let offset = bytes.count
    guard offset + value.count <= Self.byteCountMax else { return nil }
    unsafe bytes.append(contentsOf: value)
    return UInt64(offset) << 32 | UInt64(value.count)
  }

  /// The bytes of `cell`; `nil` when it does not lie in this arena.
  public func slice(_ cell: Cell) -> ArraySlice<UInt8>? {
    let offset = Int(cell >> 32)
    let count = Int(cell & 0xffff_ffff)
    guard offset + count <= bytes.count else { return nil }
    return bytes[offset..<offset + count]
  }

  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
}
