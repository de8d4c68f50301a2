/// Comma-separated names with backslash escapes, as `field` and `group_by` carry them.
enum ParameterList {
  /// One element of a list.
  struct Element: Hashable {
    var name: [UInt8]
    /// Whether it is a bare `*`; an escaped one is a name.
    var isStar: Bool
  }

  /// Splits at commas. `\,` stands for a comma, `\\` for a backslash, `\*` for a star; any other
  /// backslash stands for itself.
  static func split(_ text: String) -> [Element] {
    var elements: [Element] = []
    var name: [UInt8] = []
    var isEscaped = false
    var hadEscape = false
    func element() -> Element {
      Element(name: name, isStar: !hadEscape && name == [UInt8(ascii: "*")])
    }
    for byte in text.utf8 {
      if isEscaped {
        isEscaped = false
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "\\"), UInt8(ascii: "*"): hadEscape = true
        default: name.append(UInt8(ascii: "\\"))
        }
        name.append(byte)
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: ",") {
        elements.append(element())
        name = []
        hadEscape = false
      } else {
        name.append(byte)
      }
    }
    if isEscaped { name.append(UInt8(ascii: "\\")) }
    elements.append(element())
    return elements
  }
}
