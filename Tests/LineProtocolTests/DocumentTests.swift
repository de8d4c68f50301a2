import LineProtocol
import Model
import Platform
import TestSupport
import Testing

/// Goal: documents that anybody can read say what line protocol means here. Method: each case of
/// Fixtures/line-protocol/*.txt is parsed, whole and byte by byte, and compared with what it says.
///
///     === name of the case
///     --- input          the document; ␍ is a carriage return, ␀ a zero byte, ␉ a tab, ␄ at the
///                        end of the last line takes its line feed away
///     --- stored         rows by series: tags sorted, fields sorted by name, values with their
///     type
///     --- refused        LINE COLUMN REASON: MESSAGE
///     --- events         what the caller was told
@Suite struct DocumentTests {
  static let names = ["grammar", "values", "strings", "times", "refusals", "control"]

  struct Case {
    var name: String
    var input: String
    var expected: [String: [String]]
  }

  static func cases(_ text: String) -> [Case] {
    var cases: [Case] = []
    var section = ""
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    for line in lines.map(String.init) {
      if line.hasPrefix("=== ") {
        cases.append(Case(name: String(line.dropFirst(4)), input: "", expected: [:]))
        section = ""
      } else if line.hasPrefix("--- ") {
        section = String(line.dropFirst(4))
      } else if section == "input" {
        cases[cases.count - 1].input += line + "\n"
      } else if !section.isEmpty, !line.isEmpty {
        cases[cases.count - 1].expected[section, default: []].append(line)
      }
    }
    return cases
  }

  static func document(_ input: String) -> [UInt8] {
    var text = ""
    for character in input.dropLast(input.hasSuffix("␄\n") ? 2 : 0).unicodeScalars {
      switch character {
      case "␍": text += "\r"
      case "␀": text += "\0"
      case "␉": text += "\t"
      default: text += String(character)
      }
    }
    return Array(text.utf8)
  }

  /// What a document gives, by section.
  static func result(_ document: [UInt8], step: Int) -> [String: [String]] {
    var harness = Harness()
    for start in stride(from: 0, to: document.count, by: step) {
      harness.send(document[start..<min(start + step, document.count)])
    }
    harness.finish()
    return [
      "stored": harness.outcome.storedRows.map(\.description),
      "refused": harness.verdicts.map {
        "\($0.line) \($0.column) \($0.reason.name): \($0.message)"
      },
      "events": harness.outcome.events,
    ].filter { !$0.value.isEmpty }
  }

  @Test(arguments: names)
  func documentsMeanWhatTheySay(name: String) throws {
    let path = "line-protocol/\(name).txt"
    let text = String(decoding: try Fixtures.bytes(path), as: UTF8.self)
    var written = ""
    for item in Self.cases(text) {
      let document = Self.document(item.input)
      for step in [document.count + 1, 1] {
        let result = Self.result(document, step: step)
        if !Fixtures.areBeingWritten {
          for section in ["stored", "refused", "events"] {
            #expect(result[section] == item.expected[section], "\(name): \(item.name), \(section)")
          }
        }
      }
      written += "=== \(item.name)\n--- input\n\(item.input)"
      let result = Self.result(document, step: document.count + 1)
      for section in ["stored", "refused", "events"] {
        guard let lines = result[section] else { continue }
        written += "--- \(section)\n" + lines.map { $0 + "\n" }.joined()
      }
    }
    if Fixtures.areBeingWritten {
      try RealDisk().replace(Fixtures.path(path), with: Array(written.utf8))
    }
  }
}
