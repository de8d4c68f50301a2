import Platform
import TestSupport

/// The fenced blocks of a page of `docs/`, and the commands in its `sh` blocks.
///
/// What a page may show and a test can run: `curl` with a URL in quotes, and `printf … | nc` to the
/// line port. Blocks in other languages belong to the commands before them, in order, as what they
/// answer; blocks that no command asks for are only read by people.
struct DocumentPage {
  struct Block {
    /// The first word behind the fence.
    var language: String
    var text: String
    /// The line of its fence, from 1.
    var line: Int
  }

  /// A command and the blocks that it must be answered with.
  struct Example {
    var command: DocumentCommand
    var expected: Block?
    var line: Int
  }

  static let answerLanguages: Set<String> = ["json", "http", "text"]

  let name: String
  private(set) var blocks: [Block] = []

  init(_ name: String) throws {
    let path = "\(Fixtures.repository)/docs/\(name)"
    let bytes = try RealDisk().read(path, byteCountMax: 1 << 20)
    self.init(name: name, text: String(decoding: bytes, as: UTF8.self))
  }

  init(name: String, text: String) {
    self.name = name
    var open: Block?
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      if line.hasPrefix("```") {
        if let block = open {
          blocks.append(block)
          open = nil
        } else {
          let language = line.dropFirst(3).prefix { $0 != " " }
          open = Block(language: String(language), text: "", line: number + 1)
        }
      } else {
        open?.text += line + "\n"
      }
    }
  }

  /// All commands with their answers, in order.
  func examples() throws -> [Example] {
    var examples: [Example] = []
    var index = 0
    while index < blocks.count {
      let block = blocks[index]
      index += 1
      guard block.language == "sh" else { continue }
      for command in try DocumentCommand.all(in: block.text) {
        var expected: Block?
        if index < blocks.count, Self.answerLanguages.contains(blocks[index].language) {
          expected = blocks[index]
          index += 1
        }
        examples.append(Example(command: command, expected: expected, line: block.line))
      }
    }
    return examples
  }
}

/// One command of a page.
enum DocumentCommand: Equatable {
  /// `curl [-i] [-s] [-X METHOD] [-H HEADER] [-d | --data-binary BODY] URL`
  case http(method: String, target: String, headers: [String], body: String?)
  /// `printf FORMAT [ARGUMENT …] | nc …`
  case lines(String)

  struct Fault: Error, CustomStringConvertible {
    var description: String
  }

  static func all(in script: String) throws -> [DocumentCommand] {
    try commands(in: script).map { try DocumentCommand($0) }
  }

  private init(_ pipeline: [[String]]) throws {
    switch pipeline.first?.first {
    case "curl" where pipeline.count == 1: self = try Self.curl(pipeline[0].dropFirst())
    case "printf" where pipeline.count == 2 && pipeline[1].first == "nc":
      self = .lines(Self.printf(Array(pipeline[0].dropFirst())))
    default: throw Fault(description: "no test runs \(pipeline)")
    }
  }

  private static func curl(_ words: ArraySlice<String>) throws -> DocumentCommand {
    var (method, target, body): (String?, String?, String?)
    var headers: [String] = []
    var rest = words
    while let word = rest.popFirst() {
      switch word {
      case "-i", "-s": break
      case "-X": method = rest.popFirst()
      case "-H": headers.append(rest.popFirst() ?? "")
      case "-d", "--data-binary":
        body = rest.popFirst()
        // As curl does where no other is asked for.
        if !words.contains(where: { $0.lowercased().hasPrefix("content-type:") }) {
          headers.append("Content-Type: application/x-www-form-urlencoded")
        }
      default:
        guard word.hasPrefix("http://127.0.0.1:8086"), target == nil else {
          throw Fault(description: "curl \(word): not understood")
        }
        target = String(word.dropFirst("http://127.0.0.1:8086".count))
      }
    }
    guard let target else { throw Fault(description: "curl without a URL") }
    return .http(
      method: method ?? (body == nil ? "GET" : "POST"),
      target: target,
      headers: headers,
      body: body
    )
  }

  /// `printf` of a shell: `%s`, `\n` and `\\` in the format, which is used again for each argument.
  private static func printf(_ words: [String]) -> String {
    let format = (words.first ?? "").replacing(#"\n"#, with: "\n").replacing(#"\\"#, with: "\\")
    guard words.count > 1 else { return format }
    return words.dropFirst().map { format.replacing("%s", with: $0) }.joined()
  }

  /// Pipelines of words: quotes, comments, continued lines; nothing is expanded.
  private static func commands(in script: String) -> [[[String]]] {
    var commands: [[[String]]] = []
    var pipeline: [[String]] = [[]]
    var word: String?
    var quote: Character?
    func endWord() {
      if let finished = word { pipeline[pipeline.count - 1].append(finished) }
      word = nil
    }
    for character in script.replacing("\\\n", with: " ") {
      if let open = quote {
        if character == open { quote = nil } else { word?.append(character) }
        continue
      }
      switch character {
      case "'", "\"":
        quote = character
        word = word ?? ""
      case " ": endWord()
      case "|":
        endWord()
        pipeline.append([])
      case "\n":
        endWord()
        if pipeline != [[]] { commands.append(pipeline) }
        pipeline = [[]]
      default: word = (word ?? "") + String(character)
      }
    }
    return commands
  }
}

/// Compares an answer with what a page shows.
enum DocumentText {
  /// Whether `text` is `pattern`, in which `…` stands for anything.
  static func matches(_ text: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "…", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return text == pattern }
    guard text.hasPrefix(parts[0]) else { return false }
    var rest = text.dropFirst(parts[0].count)
    for part in parts.dropFirst().dropLast() {
      guard let found = rest.firstRange(of: part) else { return false }
      rest = rest[found.upperBound...]
    }
    return rest.hasSuffix(parts[parts.count - 1])
  }

  /// JSON without the white space between its tokens.
  static func compactJSON(_ text: String) -> String {
    var result = ""
    var isInString = false
    var isEscaped = false
    for character in text {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          isInString = false
        }
      } else if character.isWhitespace {
        continue
      } else if character == "\"" {
        isInString = true
      }
      result.append(character)
    }
    return result
  }
}
