import Platform
import TestSupport

/// The files of the repository, as this source file's place tells.
enum Repository {
  struct File: Sendable {
    /// From the root, such as `Sources/Bytes/CRC32C.swift`.
    var path: String
    var bytes: [UInt8]

    /// The module that a source file belongs to: the folder below `Sources`.
    var module: String { String(path.split(separator: "/")[1]) }
    var isSwift: Bool { path.hasSuffix(".swift") }

    var lines: [ArraySlice<UInt8>] {
      bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    /// `path:line` of each place where `word` stands by itself: no letter, digit or underscore
    /// touches it.
    func places(of word: String) -> [String] {
      let wanted = Array(word.utf8)
      var places: [String] = []
      var line = 1
      for index in bytes.indices {
        if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        guard bytes[index] == wanted[0], bytes[index...].starts(with: wanted) else { continue }
        let after = index + wanted.count
        let touchesBefore = index > 0 && joins(wanted[0], bytes[index - 1])
        let touchesAfter = after < bytes.count && joins(wanted[wanted.count - 1], bytes[after])
        if !touchesBefore, !touchesAfter { places.append("\(path):\(line)") }
      }
      return places
    }

    private func joins(_ inner: UInt8, _ outer: UInt8) -> Bool {
      isOfWord(inner) && isOfWord(outer)
    }

    private func isOfWord(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "_") || (byte >= 0x30 && byte <= 0x39)
        || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a)
    }
  }

  /// Every text file: sources, pages, scripts, settings. No build products, no binary fixtures.
  static let files: [File] = {
    var files: [File] = []
    collect("", into: &files)
    return files
  }()

  static var sources: [File] { files.filter { $0.path.hasPrefix("Sources/") } }
  static var tests: [File] { files.filter { $0.path.hasPrefix("Tests/") } }

  private static func collect(_ path: String, into files: inout [File]) {
    let disk = RealDisk()
    let place = path.isEmpty ? Fixtures.repository : "\(Fixtures.repository)/\(path)"
    let names = ((try? disk.list(place)) ?? []).filter { name in
      !name.hasPrefix(".build") && ![".git", ".swiftpm", "Package.resolved"].contains(name)
    }
    for name in names { collect(path.isEmpty ? name : "\(path)/\(name)", into: &files) }
    guard names.isEmpty, let bytes = try? disk.read(place, byteCountMax: 1 << 20) else { return }
    guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else { return }
    files.append(File(path: path, bytes: bytes))
  }

  /// The names of a folder of the repository.
  static func names(in folder: String) -> [String] {
    (try? RealDisk().list("\(Fixtures.repository)/\(folder)")) ?? []
  }

  /// Module to floor, as Package.swift has it.
  static let floors: [String: Int] = {
    guard let manifest = files.first(where: { $0.path == "Package.swift" }) else { return [:] }
    var floors: [String: Int] = [:]
    let text = String(decoding: manifest.bytes, as: UTF8.self)
    guard let start = text.range(of: "let floors: [String: Int] = [") else { return [:] }
    for entry in text[start.upperBound...].prefix(while: { $0 != "]" }).split(separator: ",") {
      let parts = entry.split(separator: ":").map { $0.filter { !$0.isWhitespace && $0 != "\"" } }
      if parts.count == 2, let floor = Int(parts[1]) { floors[parts[0]] = floor }
    }
    return floors
  }()
}

extension Repository.File {
  /// The modules that a Swift file imports, with the line of each.
  var imports: [(module: String, line: Int)] {
    lines.enumerated().compactMap { number, line in
      // Imports are indented only inside `#if`, and seldom.
      guard line.count < 100, line.contains(UInt8(ascii: "i")) else { return nil }
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard let place = words.firstIndex(of: "import"), place + 1 < words.count else { return nil }
      let modifiers: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
      guard words[..<place].allSatisfy({ modifiers.contains($0) || $0.hasPrefix("@") }) else {
        return nil
      }
      let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol", "typealias"]
      let name =
        kinds.contains(words[place + 1]) ? words.dropFirst(place + 2).first : words[place + 1]
      return name.map { (String($0.prefix(while: { $0 != "." })), number + 1) }
    }
  }
}

extension String {
  /// Where `part` first stands.
  fileprivate func range(of part: String) -> Range<String.Index>? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(part) { return index..<self.index(index, offsetBy: part.count) }
      index = self.index(after: index)
    }
    return nil
  }
}
