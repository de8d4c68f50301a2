/// Cuts what an HTTP server sends back on one connection into its answers.
package struct HTTPReplies {
  package struct Reply: Equatable {
    package var status: Int
    package var body: String
  }

  private var rest: [UInt8] = []

  package init() {}

  package mutating func append(_ bytes: ArraySlice<UInt8>) { rest += bytes }

  /// The next whole answer; `nil` when more bytes are needed.
  package mutating func next() -> Reply? {
    guard let headEnd = Self.headEnd(rest) else { return nil }
    let lines = String(decoding: rest[..<headEnd], as: UTF8.self).split(whereSeparator: \.isNewline)
    let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    var byteCount = 0
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
      byteCount = max(0, Int(parts[1].drop { $0 == " " }) ?? 0)
    }
    guard rest.count - headEnd >= byteCount else { return nil }
    let body = String(decoding: rest[headEnd..<headEnd + byteCount], as: UTF8.self)
    rest.removeFirst(headEnd + byteCount)
    return Reply(status: status, body: body)
  }

  /// Behind the empty line.
  private static func headEnd(_ bytes: [UInt8]) -> Int? {
    var index = 3
    while index < bytes.count {
      if bytes[index] == 0x0a, bytes[index - 1] == 0x0d, bytes[index - 2] == 0x0a {
        return index + 1
      }
      index += 1
    }
    return nil
  }
}
