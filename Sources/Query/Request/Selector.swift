/// Which series and fields a command is about, as people write it:
///
///     selector := [measurement] ["{" [matcher ("," matcher)*] "}"] [":" field ("," field)*]
///     matcher  := key ("=" | "!=" | "=~" | "!~") value
///
/// Names and values stand bare or in double quotes (escapes `\"`, `\\`, `\n`, `\t`); bare ones end
/// at any of `{}=!~,:"` and at white space. `*`, or nothing, is every measurement or field. `=~`
/// takes a regular expression that must match the whole value. A tag that a series has not is the
/// empty text.
package struct Selector: Sendable, Hashable {
  package enum Operator: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case matches = "=~"
    case matchesNot = "!~"
  }

  package struct Matcher: Sendable, Hashable {
    package var key: String
    package var `operator`: Operator
    package var value: String

    package init(key: String, operator: Operator, value: String) {
      self.key = key
      self.operator = `operator`
      self.value = value
    }
  }

  package struct Fault: Error, Equatable {
    package var message: String

    package init(message: String) { self.message = message }
  }

  /// `nil` is every one.
  package var measurement: String?
  package var matchers: [Matcher] = []
  /// Empty is every one.
  package var fields: [String] = []

  package init(measurement: String? = nil, matchers: [Matcher] = [], fields: [String] = []) {
    self.measurement = measurement
    self.matchers = matchers
    self.fields = fields
  }

  /// Reads a selector, all of the text.
  package init(parsing text: String) throws(Fault) {
    var reader = Reader(text)
    reader.skipSpace()
    if let name = try reader.name(), name != "*" { measurement = name }
    reader.skipSpace()
    if reader.take("{") {
      reader.skipSpace()
      while !reader.take("}") {
        matchers.append(try reader.matcher())
        reader.skipSpace()
        guard reader.take(",") || reader.next == "}" else {
          throw reader.fault("a comma or } behind a tag")
        }
        reader.skipSpace()
      }
    }
    reader.skipSpace()
    if reader.take(":") {
      repeat {
        reader.skipSpace()
        guard let name = try reader.name() else { throw reader.fault("a field") }
        if name != "*" { fields.append(name) }
        reader.skipSpace()
      } while reader.take(",")
    }
    guard reader.next == nil else {
      throw reader.fault(measurement == nil ? "a measurement" : "{, : or the end")
    }
  }

  private struct Reader {
    private static let special: Set<Character> = ["{", "}", "=", "!", "~", ",", ":", "\""]

    private let text: String
    private let characters: [Character]
    private var position = 0

    init(_ text: String) {
      self.text = text
      characters = Array(text)
    }

    var next: Character? { position < characters.count ? characters[position] : nil }

    func fault(_ expected: String) -> Fault {
      let found = next.map { "found \"\($0)\"" } ?? "it ends"
      return Fault(
        message: "selector \"\(text)\": expected \(expected) at character \(position + 1), \(found)"
      )
    }

    mutating func skipSpace() {
      while let character = next, character.isWhitespace { position += 1 }
    }

    mutating func take(_ character: Character) -> Bool {
      guard next == character else { return false }
      position += 1
      return true
    }

    /// A bare or quoted name; `nil` when none begins here.
    mutating func name() throws(Fault) -> String? {
      if next == "\"" { return try quoted() }
      let start = position
      while let character = next, !Self.special.contains(character), !character.isWhitespace {
        position += 1
      }
      return position > start ? String(characters[start..<position]) : nil
    }

    private mutating func quoted() throws(Fault) -> String {
      position += 1
      var result = ""
      while let character = next {
        position += 1
        switch character {
        case "\"": return result
        case "\\":
          guard let escaped = next else { throw fault("a character behind \\") }
          position += 1
          switch escaped {
          case "n": result.append("\n")
          case "t": result.append("\t")
          case "\"", "\\": result.append(escaped)
          // Regular expressions are full of them.
          default: result += "\\\(escaped)"
          }
        default: result.append(character)
        }
      }
      throw fault("a closing quote")
    }

    mutating func matcher() throws(Fault) -> Matcher {
      guard let key = try name() else { throw fault("a tag's name") }
      skipSpace()
      let found: Operator
      if take("=") {
        found = take("~") ? .matches : .equal
      } else if take("!") {
        if take("=") {
          found = .notEqual
        } else if take("~") {
          found = .matchesNot
        } else {
          throw fault("= or ~ behind !")
        }
      } else {
        throw fault("=, !=, =~ or !~ behind the tag's name")
      }
      skipSpace()
      guard let value = try name() else { throw fault("the tag's value") }
      return Matcher(key: key, operator: found, value: value)
    }
  }
}
