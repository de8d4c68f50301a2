/// Types of the compact protocol, as a field's head has them.
enum ThriftType {
  static let boolTrue: UInt8 = 1
  static let boolFalse: UInt8 = 2
  static let i8: UInt8 = 3
  static let i16: UInt8 = 4
  static let i32: UInt8 = 5
  static let i64: UInt8 = 6
  static let double: UInt8 = 7
  static let binary: UInt8 = 8
  static let list: UInt8 = 9
  static let set: UInt8 = 10
  static let map: UInt8 = 11
  static let structure: UInt8 = 12
}

/// Writes structures in Thrift's compact protocol: what heads and footers of Parquet are made of.
///
/// A field is a byte with the distance to the field before it and the type, then the value;
/// integers are zigzag varints; a structure ends with a zero.
struct ThriftWriter {
  private(set) var bytes: [UInt8] = []
  private var lastField: Int16 = 0
  private var outer: [Int16] = []

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  private mutating func zigzag(_ value: Int64) {
    varint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  private mutating func head(_ field: Int16, _ type: UInt8) {
    let distance = field - lastField
    precondition(distance > 0)
    if distance < 16 {
      bytes.append(UInt8(distance) << 4 | type)
    } else {
      bytes.append(type)
      zigzag(Int64(field))
    }
    lastField = field
  }

  mutating func boolean(_ field: Int16, _ value: Bool) {
    head(field, value ? ThriftType.boolTrue : ThriftType.boolFalse)
  }

  mutating func byte(_ field: Int16, _ value: Int8) {
    head(field, ThriftType.i8)
    bytes.append(UInt8(bitPattern: value))
  }

  mutating func integer16(_ field: Int16, _ value: Int16) {
    head(field, ThriftType.i16)
    zigzag(Int64(value))
  }

  mutating func integer32(_ field: Int16, _ value: Int32) {
    head(field, ThriftType.i32)
    zigzag(Int64(value))
  }

  mutating func integer64(_ field: Int16, _ value: Int) {
    head(field, ThriftType.i64)
    zigzag(Int64(value))
  }

  mutating func binary(_ field: Int16, _ value: some Collection<UInt8>) {
    head(field, ThriftType.binary)
    element(value)
  }

  mutating func beginStructure(_ field: Int16) {
    head(field, ThriftType.structure)
    beginElement()
  }

  mutating func endStructure() {
    bytes.append(0)
    lastField = outer.popLast() ?? 0
  }

  /// A member of a union that says all by being there.
  mutating func empty(_ field: Int16) {
    beginStructure(field)
    endStructure()
  }

  mutating func list(_ field: Int16, of type: UInt8, count: Int) {
    head(field, ThriftType.list)
    if count < 15 {
      bytes.append(UInt8(count) << 4 | type)
    } else {
      bytes.append(0xf0 | type)
      varint(UInt64(count))
    }
  }

  /// Begins a structure that is an element of a list; ``endStructure()`` ends it.
  mutating func beginElement() {
    outer.append(lastField)
    lastField = 0
  }

  mutating func element(_ value: Int32) { zigzag(Int64(value)) }

  mutating func element(_ value: some Collection<UInt8>) {
    varint(UInt64(value.count))
    bytes += value
  }

  /// Appends a structure that was written apart, with its end.
  mutating func elementWritten(_ value: [UInt8]) { bytes += value }
}
