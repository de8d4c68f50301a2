/// The items of a query string, decoded once.
///
/// `+` is a space, `%XX` a byte, as forms have it; the items keep their order, and a name may come
/// more than once. Names and values that are not UTF-8 are refused like a broken escape.
package enum QueryItems {
  package struct Fault: Error, Hashable {
    package var message: String
  }

  /// Items of one request; a longer list is refused.
  package static let countMax = 10_000

  package static func parse(
    _ query: some StringProtocol
  ) throws(Fault) -> [(name: String, value: String)] {
    var items: [(name: String, value: String)] = []
    for part in query.utf8.split(separator: UInt8(ascii: "&")) {
      let pieces = part.split(
        separator: UInt8(ascii: "="),
        maxSplits: 1,
        omittingEmptySubsequences: false
      )
      let name = try decode(pieces[0])
      items.append((name, pieces.count > 1 ? try decode(pieces[1]) : ""))
      guard items.count <= countMax else {
        throw Fault(message: "more than \(countMax) query items")
      }
    }
    return items
  }

  /// Decodes one name or value.
  static func decode(_ text: some Collection<UInt8>) throws(Fault) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var index = text.startIndex
    while index != text.endIndex {
      let byte = text[index]
      text.formIndex(after: &index)
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = hexDigit(text, &index), let low = hexDigit(text, &index) else {
          throw Fault(message: "a % in the query string is not followed by two hex digits")
        }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw Fault(message: "the query string is not UTF-8 once decoded")
    }
    return decoded
  }

  private static func hexDigit<Text: Collection<UInt8>>(
    _ text: Text,
    _ index: inout Text.Index
  ) -> UInt8? {
    guard index != text.endIndex else { return nil }
    let byte = text[index]
    text.formIndex(after: &index)
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): return byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): return byte - UInt8(ascii: "A") + 10
    default: return nil
    }
  }
}
