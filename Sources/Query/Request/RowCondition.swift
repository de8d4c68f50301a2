internal import Model

/// A condition on a row, `where=usage_user>90`: a field of the row compared with a value.
///
/// A row without the field does not meet it, and NaN meets only `!=`.
public struct RowCondition: Hashable, Sendable {
  /// Conditions of one request at most.
  public static let countMax = 16

  public enum Comparison: String, Hashable, Sendable, CaseIterable {
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case notEqual = "!="
    case less = "<"
    case greater = ">"
    case equal = "="
  }

  public enum Operand: Hashable, Sendable {
    /// A whole number of 64 bits, with or without a sign.
    case integer(Int128)
    case float(Double)
    case boolean(Bool)
    case string([UInt8])
  }

  public var field: [UInt8]
  public var comparison: Comparison
  public var operand: Operand

  public init(field: [UInt8], comparison: Comparison, operand: Operand) {
    self.field = field
    self.comparison = comparison
    self.operand = operand
  }

  /// Reads `FIELD OP VALUE`: the field's name up to the first of `<`, `>`, `=` and `!=` (a
  /// backslash escapes those), a number, `true`, `false`, or a text in double quotes. Spaces around
  /// the parts do not count.
  ///
  /// - Throws: ``QueryError`` of kind `badData`.
  init(_ text: String) throws(QueryError) {
    let bytes = Array(text.utf8)
    var name: [UInt8] = []
    var index = 0
    var found: Comparison?
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\\"), index + 1 < bytes.count,
        "<>=!\\".utf8.contains(bytes[index + 1])
      {
        name.append(bytes[index + 1])
        index += 2
        continue
      }
      found = Comparison.allCases.first { bytes[index...].starts(with: $0.rawValue.utf8) }
      if found != nil { break }
      name.append(byte)
      index += 1
    }
    let field = Self.trimmed(name[...])
    guard let found, !field.isEmpty else { throw Self.malformed(text) }
    let value = Self.trimmed(bytes[(index + found.rawValue.utf8.count)...])
    guard let operand = Self.operand(value) else { throw Self.malformed(text) }
    if case .integer = operand {
    } else if case .float = operand {
    } else {
      guard found == .equal || found == .notEqual else {
        throw .parameter("where", found: text, expected: "= or != before a text or a boolean")
      }
    }
    self.init(field: field, comparison: found, operand: operand)
  }

  private static func malformed(_ text: String) -> QueryError {
    .parameter(
      "where",
      found: text,
      expected: "a field, one of < <= > >= = !=, and a number, true, false or \"text\""
    )
  }

  private static func operand(_ bytes: [UInt8]) -> Operand? {
    let text = String(decoding: bytes, as: UTF8.self)
    if text == "true" { return .boolean(true) }
    if text == "false" { return .boolean(false) }
    if bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") {
      return .string(Array(bytes.dropFirst().dropLast()))
    }
    let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
    guard let first = digits.first, first.isASCII, first.isNumber || first == "." else {
      return nil
    }
    if let whole = Int128(text), (Int128(Int64.min)...Int128(UInt64.max)).contains(whole) {
      return .integer(whole)
    }
    guard !digits.contains(where: { "xXpP".contains($0) }), let value = Double(text),
      value.isFinite
    else { return nil }
    return .float(value)
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var rest = bytes.drop { $0 == UInt8(ascii: " ") }
    while rest.last == UInt8(ascii: " ") { rest.removeLast() }
    return Array(rest)
  }

  /// Fails when no value of the type can be compared with the operand.
  func validate(for type: ColumnType) throws(QueryError) {
    let expected: String
    switch (type, operand) {
    case (.float, .integer), (.float, .float), (.integer, .integer), (.integer, .float),
      (.unsigned, .integer), (.unsigned, .float), (.boolean, .boolean), (.string, .string):
      return
    case (.float, _), (.integer, _), (.unsigned, _): expected = "a number to compare it with"
    case (.boolean, _): expected = "true or false to compare it with"
    case (.string, _): expected = "a text in double quotes to compare it with"
    }
    let name = QueryError.excerpt(String(decoding: field, as: UTF8.self))
    throw QueryError(.badData, "where: the field \(name) is \(type), expected \(expected)")
  }
}
