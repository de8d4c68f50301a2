internal import Bytes

/// Reads structures in Thrift's compact protocol. Every read is `nil` when the bytes run out or
/// cannot be: they come from a disk.
struct ThriftReader {
  /// Structures in structures, lists in lists; ours have five.
  private static let depthMax = 16

  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int
  private var depth = 0

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  struct Field {
    var id: Int64
    var type: UInt8
  }

  private mutating func readByte() -> UInt8? {
    guard position < bytes.endIndex else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = readByte(), shift < 63 || byte <= 1 else { return nil }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    return nil
  }

  mutating func integer() -> Int64? { varint().map(ZigZag.decode) }

  mutating func binary() -> ArraySlice<UInt8>? {
    guard let count = varint(), count <= UInt64(bytes.endIndex - position) else { return nil }
    let start = position
    position += Int(count)
    return bytes[start..<position]
  }

  /// The type of a list's elements and their number.
  mutating func list() -> (type: UInt8, count: Int)? {
    guard let head = readByte() else { return nil }
    var count = UInt64(head >> 4)
    if count == 15 {
      guard let long = varint() else { return nil }
      count = long
    }
    // No element is shorter than a byte.
    guard count <= UInt64(bytes.endIndex - position) else { return nil }
    return (head & 0x0f, Int(count))
  }

  /// Gives the fields of a structure to `body`, which must read or ``skip(_:)`` each and says
  /// whether it could.
  mutating func structure(
    _ body: (_ field: Field, _ reader: inout ThriftReader) -> Bool
  ) -> Bool {
    guard depth < Self.depthMax else { return false }
    depth += 1
    defer { depth -= 1 }
    var last: Int64 = 0
    while true {
      guard let head = readByte() else { return false }
      if head == 0 { return true }
      let distance = Int64(head >> 4)
      if distance > 0 {
        last += distance
      } else {
        guard let id = integer(), id > 0, id < 1 << 15 else { return false }
        last = id
      }
      guard last < 1 << 15 else { return false }
      guard body(Field(id: last, type: head & 0x0f), &self) else { return false }
    }
  }

  /// Steps over the value of a field.
  mutating func skip(_ type: UInt8) -> Bool {
    switch type {
    case ThriftType.boolTrue, ThriftType.boolFalse: return true
    case ThriftType.i8: return readByte() != nil
    case ThriftType.i16, ThriftType.i32, ThriftType.i64: return varint() != nil
    case ThriftType.double: return skipBytes(8)
    case ThriftType.binary: return binary() != nil
    case ThriftType.list, ThriftType.set: return skipList()
    case ThriftType.structure: return structure { $1.skip($0.type) }
    default: return false
    }
  }

  private mutating func skipBytes(_ count: Int) -> Bool {
    guard bytes.endIndex - position >= count else { return false }
    position += count
    return true
  }

  private mutating func skipList() -> Bool {
    guard depth < Self.depthMax, let (type, count) = list() else { return false }
    depth += 1
    defer { depth -= 1 }
    for _ in 0..<count {
      // A boolean in a list has a byte.
      let isBoolean = type == ThriftType.boolTrue || type == ThriftType.boolFalse
      guard isBoolean ? skipBytes(1) : skip(type) else { return false }
    }
    return true
  }
}
