import ArgumentParser
import Platform
import Testing
import Tool

/// Goal: every command that the page of commands shows is one that the tool takes.
struct CommandPageTests {
  private static func examples() throws -> [[String]] {
    let root = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
    let bytes = try RealDisk().read("/\(root)/docs/commands.md", byteCountMax: 1 << 20)
    var examples: [[String]] = []
    var isShell = false
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      if line.hasPrefix("```") { isShell = line == "```sh" }
      if isShell, line.hasPrefix("varve ") { examples.append(words(String(line))) }
    }
    return examples
  }

  /// Splits as a shell does that knows single quotes.
  private static func words(_ line: String) -> [String] {
    var words: [String] = []
    for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
      if index.isMultiple(of: 2) {
        words += part.split(separator: " ").map(String.init)
      } else {
        words.append(String(part))
      }
    }
    return words
  }

  @Test func theExamplesAreTaken() throws {
    let examples = try Self.examples()
    #expect(examples.count > 20)
    for words in examples {
      let command = VarveCommands.all.first { $0._commandName == words[1] }
      #expect(throws: Never.self, "\(words)") {
        _ = try #require(command).parseAsRoot(Array(words.dropFirst(2)))
      }
    }
  }

  @Test func everyCommandOfThePageIsThere() throws {
    let shown = Set(try Self.examples().map { $0[1] })
    #expect(shown == ["query", "export", "import", "inspect", "queue", "doctor", "plan"])
  }

  @Test(arguments: [
    ["export", "--data", "x", "--format", "parquet"],
    ["export", "--data", "x", "--from", "2026-01-01"],
    ["export", "--data", "x", "--match", "a{b"], ["import", "x"],
    ["import", "x", "--to", "a:1", "--data", "d"], ["query"], ["query", "rate(x[5m])"],
    ["query", "m", "--agg", "min"], ["queue", "dead", "--data", "x", "--reason", "no"],
    ["inspect"], ["inspect", "--data", "x", "--codecs", "--partition", "1"], ["doctor"],
    ["plan"], ["plan", "--servers", "1", "--metrics", "1", "--retention", "2m=1d"],
    ["plan", "--servers", "0", "--metrics", "1"],
  ])
  func wrongUsageIsRefused(words: [String]) throws {
    let command = try #require(VarveCommands.all.first { $0._commandName == words[0] })
    #expect(throws: (any Error).self) { try command.parseAsRoot(Array(words.dropFirst())) }
  }
}
