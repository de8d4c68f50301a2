import Platform
import TestSupport
import Testing
import Tool

/// Goal: what is committed is what the table makes.
struct ConfigurationPageTests {
  private func committed(_ path: String) throws -> String {
    let bytes = try RealDisk().read("\(Fixtures.repository)/\(path)", byteCountMax: 1 << 20)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func thePageIsUpToDate() throws {
    let isSame = try committed("docs/configuration.md") == ConfigurationPage.markdown
    #expect(isSame, "run: varve config page > docs/configuration.md")
  }

  @Test func thePackagedFileIsUpToDate() throws {
    let isSame = try committed("packaging/varve.yaml") == ConfigurationPage.example
    #expect(isSame, "run: varve config example > packaging/varve.yaml")
  }

  @Test func theExampleIsSound() {
    let bytes = Array(ConfigurationPage.example.utf8)
    let file = ConfigurationFile(path: "example", bytes: bytes)
    #expect(file.faults.isEmpty)
    #expect(file.entries.map(\.key) == ["data"])
  }

  /// With every # in front of an option removed.
  @Test func theExampleIsSoundWhenAllOfItIsMeant() {
    let lines = ConfigurationPage.example.split(separator: "\n").map { line in
      line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
    }
    let text = lines.joined(separator: "\n")
    let file = ConfigurationFile(path: "example", bytes: Array(text.utf8))
    #expect(file.faults.map(\.message) == [])
    #expect(file.entries.map(\.key) == Settings.all.map(\.key))
  }

  @Test func theExampleOfThePageIsSound() throws {
    let page = ConfigurationPage.markdown.split(separator: "\n", omittingEmptySubsequences: false)
    let start = try #require(page.firstIndex(of: "```yaml"))
    let text = page[(start + 1)...].prefix { $0 != "```" }.joined(separator: "\n")
    let file = ConfigurationFile(path: "page", bytes: Array(text.utf8))
    #expect(file.faults.map(\.message) == [])
    #expect(file.entries.count == 5)
  }
}
