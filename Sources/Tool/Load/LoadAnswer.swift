/// One line that the server writes back.
package enum LoadAnswer: Equatable {
  case ok(id: UInt64, accepted: Int, rejected: Int)
  case failed(id: UInt64?, text: String)
  /// A refused line.
  case refused(text: String)
  case other(text: String)

  /// - Parameter line: without its line feed.
  package init(_ line: some Collection<UInt8>) {
    let text = String(decoding: line, as: UTF8.self)
    let words = text.split(separator: " ")
    switch words.first {
    case "OK":
      guard words.count == 4, let id = UInt64(words[1]), let accepted = Int(words[2]),
        let rejected = Int(words[3])
      else { fallthrough }
      self = .ok(id: id, accepted: accepted, rejected: rejected)
    case "FAIL": self = .failed(id: words.count > 1 ? UInt64(words[1]) : nil, text: text)
    case "ERR": self = .refused(text: text)
    default: self = .other(text: text)
    }
  }
}
