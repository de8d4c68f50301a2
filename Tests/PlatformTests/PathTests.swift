import Platform
import Testing

@Suite struct PathTests {
  static let paths: [(path: String, directory: String, name: String)] = [
    ("a/b/c", "a/b", "c"),
    ("/a/b/c/", "/a/b", "c"),
    ("/a", "/", "a"),
    ("a", ".", "a"),
    ("/", "/", ""),
    ("a//b", "a", "b"),
  ]

  @Test(arguments: paths)
  func splitsIntoFolderAndName(path: String, directory: String, name: String) {
    #expect(Path.directory(of: path) == directory)
    #expect(Path.name(of: path) == name)
  }

  @Test func joinsWithOneSlash() {
    #expect(Path.join("/a", "b") == "/a/b")
    #expect(Path.join("/", "b") == "/b")
  }
}
