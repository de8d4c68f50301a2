/// The type of a column, fixed by a field's first value. The raw value is the on-disk code; none
/// is 0, so that zeroed bytes never name a type.
@frozen public enum ColumnType: UInt8, Sendable, Hashable, CaseIterable {
  /// IEEE 754 binary64; a cell holds its bit pattern, NaN payloads and the sign of zero included.
  case float = 1
  /// Signed 64-bit; a cell holds the two's complement pattern.
  case integer = 2
  /// Unsigned 64-bit.
  case unsigned = 3
  /// 0 or 1.
  case boolean = 4
  /// A reference into a ``StringArena``.
  case string = 5

  /// The word that answers, errors and docs use.
  public var name: String {
    switch self {
    case .float: "float"
    case .integer: "integer"
    case .unsigned: "unsigned"
    case .boolean: "boolean"
    case .string: "string"
    }
  }
}

/// 64 bits of one point, read by its ``ColumnType``.
public typealias Cell = UInt64
