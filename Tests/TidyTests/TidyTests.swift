import TestSupport
import Testing

/// Goal: what the guide asks of every file holds of every file. Each failure lists its places.
@Suite struct TidyTests {
  static let lineCountMax = 500
  static let columnMax = 100

  @Test func theRepositoryIsFound() {
    #expect(Repository.files.contains { $0.path == "Package.swift" })
    #expect(Repository.sources.count > 10)
    #expect(Repository.floors["Bytes"] == 0)
    #expect(Repository.floors["Tool"] ?? 0 > Repository.floors["Engine"] ?? 100)
  }

  @Test func noFileIsLongerThanTheLimit() {
    let long = (Repository.sources + Repository.tests).compactMap { file in
      let count = file.lines.count - 1
      return count > Self.lineCountMax ? "\(file.path): \(count) lines" : nil
    }
    #expect(long.isEmpty, "\(list(long))")
  }

  @Test func noSwiftLineIsWiderThanTheLimit() {
    let wide = (Repository.sources + Repository.tests).filter(\.isSwift).flatMap { file in
      file.lines.enumerated().compactMap { number, line in
        // Columns are characters; the bytes that go on a character do not count.
        let columns = line.count { $0 & 0xc0 != 0x80 }
        return columns > Self.columnMax ? "\(file.path):\(number + 1)" : nil
      }
    }
    #expect(wide.isEmpty, "\(list(wide))")
  }

  /// Written in two parts, so that this file is not its own first find.
  static let banned: [String] = [
    "try" + "!", "as" + "!", "TO" + "DO", "FIX" + "ME", "-Oun" + "checked",
  ]

  @Test(arguments: banned)
  func noSourceHoldsABannedWord(word: String) {
    let places = Repository.sources.flatMap { $0.places(of: word) }
    #expect(places.isEmpty, "\(list(places))")
  }

  @Test func onlyTheToolPrints() {
    let places = Repository.sources.filter { $0.isSwift && $0.module != "Tool" }
      .flatMap { $0.places(of: "print(") + $0.places(of: "debugPrint(") }
    #expect(places.isEmpty, "\(list(places))")
  }

  @Test func testsSeeNoMoreThanOtherModulesDo() {
    let places = (Repository.sources + Repository.tests).flatMap { $0.places(of: "@test" + "able") }
    #expect(places.isEmpty, "\(list(places))")
  }

  @Test func modulesImportOnlyFromBelow() {
    var upward: [String] = []
    for file in Repository.sources where file.isSwift {
      guard let own = Repository.floors[file.module] else {
        upward.append("\(file.path): \(file.module) stands on no floor")
        continue
      }
      for (module, line) in file.imports {
        guard let other = Repository.floors[module], other >= own else { continue }
        upward.append("\(file.path):\(line): \(module) is not below \(file.module)")
      }
    }
    #expect(upward.isEmpty, "\(list(upward))")
  }

  @Test func theLowerFloorsKnowNeitherFoundationNorTheCLibrary() throws {
    let engine = try #require(Repository.floors["Engine"])
    var foreign: [String] = []
    for file in Repository.sources where file.isSwift {
      guard let own = Repository.floors[file.module], own < engine else { continue }
      for (module, line) in file.imports {
        let isForeign = module.hasPrefix("Foundation") || (module == "Glibc" && own > 0)
        if isForeign { foreign.append("\(file.path):\(line): \(module)") }
      }
    }
    #expect(foreign.isEmpty, "\(list(foreign))")
  }

  @Test func everyFormatPageHasAGoldenFile() {
    let fixtures = Repository.names(in: "Fixtures/format-v1")
    let bare = Repository.names(in: "docs/format").filter { page in
      guard page.hasSuffix(".md"), page != "README.md" else { return false }
      let name = String(page.dropLast(3))
      return !fixtures.contains {
        $0 == name || $0.hasPrefix("\(name).") || $0.hasPrefix("\(name)-")
      }
    }
    #expect(bare.isEmpty, "\(list(bare))")
  }

  /// The product does not tell where it was made.
  static let places: [String] = ["/wo" + "rk", "fa" + "rm", "/sha" + "red", "fix" + "unsafe"]

  @Test(arguments: places)
  func noTextTellsWhereItWasMade(word: String) {
    let places = Repository.files.flatMap { $0.places(of: word) }
    #expect(places.isEmpty, "\(list(places))")
  }

  /// A page that names a test which is gone proves nothing.
  @Test func testsThatPagesNameAreThere() {
    var known: Set<Substring> = []
    for file in Repository.tests where file.isSwift {
      for line in file.lines {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard let place = words.firstIndex(where: { $0 == "func" || $0 == "struct" }),
          place + 1 < words.count
        else { continue }
        known.insert(words[place + 1].prefix { $0.isLetter || $0.isNumber })
      }
    }
    var count = 0
    for page in ["docs/lessons.md", "docs/reliability.md"] {
      let text = Repository.files.first { $0.path == page }.map {
        String(decoding: $0.bytes, as: UTF8.self)
      }
      let quoted = (text ?? "").split(separator: "`", omittingEmptySubsequences: false)
      for (index, word) in quoted.enumerated() where index % 2 == 1 {
        // Sentences in camel case; what is shorter is an option, a file or a word of a format.
        guard word.allSatisfy({ $0.isLetter || $0.isNumber }), word.count >= 12,
          word.contains(where: \.isUppercase), word.contains(where: \.isLowercase)
        else { continue }
        count += 1
        #expect(known.contains(word), "\(page): \(word)")
      }
    }
    #expect(count > 60)
  }

  private func list(_ places: [String]) -> String { "\n  " + places.joined(separator: "\n  ") }
}

/// Goal: the rules above find what they look for.
@Suite struct TidyRuleTests {
  private func file(_ text: String) -> Repository.File {
    Repository.File(path: "Sources/X/Y.swift", bytes: Array(text: text))
  }

  @Test func wordsAreFoundOnlyByThemselves() {
    let text = "let fingerprint(a)\nprint(b)\n self.print(c)\nprinter()\n"
    #expect(
      file(text).places(of: "print(") == ["Sources/X/Y.swift:2", "Sources/X/Y.swift:3"]
    )
    #expect(file("try!x try! y").places(of: "try!").count == 2)
    #expect(file("retry! y").places(of: "try!").isEmpty)
  }

  @Test func importsAreReadWithTheirModifiers() {
    let text = """
      import Bytes
      public import struct Model.Tag
      @preconcurrency internal import NIOCore
      // import Nothing
      let text = "an import of nothing"
      #if canImport(Glibc)
        import Glibc
      #endif
      """
    #expect(file(text).imports.map(\.module) == ["Bytes", "Model", "NIOCore", "Glibc"])
    #expect(file(text).imports.map(\.line) == [1, 2, 3, 7])
    #expect(file(text).module == "X")
  }
}
