import Engine
import Platform
import TestSupport
import Testing
import Tool

/// Goal: an import runs with the settings that a server would have on the directory, and takes
/// nothing of the log that somebody may want to read again.
struct ImportSettingsTests {
  private static let day: Int64 = 86_400_000_000_000

  private static func settings(
    _ data: String?,
    _ file: String? = nil,
    _ variables: [String: String] = [:]
  ) throws -> EngineConfiguration {
    try ImportSettings.configuration(data: data, file: file) { variables[$0] }
  }

  @Test func aFileAndVariablesHoldAsForAServer() throws {
    let temporary = try TemporaryDirectory()
    let data = temporary.file("data")
    let file = temporary.file("varve.yaml")
    try RealDisk().replace(
      file,
      with: Array("data: \(data)\nqueue:\n  retain:\n    age: 7d\npartitions: 3\n".utf8)
    )
    let settings = try Self.settings(nil, file)
    #expect(settings.dataDirectory == data)
    #expect(settings.queueRetainNanoseconds == 7 * Self.day)
    #expect(settings.partitionCount == 3)
    let other = temporary.file("other")
    let flagged = try Self.settings(other, file, ["VARVE_QUEUE_RETAIN_AGE": "2d"])
    #expect(flagged.dataDirectory == other)
    #expect(flagged.queueRetainNanoseconds == 2 * Self.day)
  }

  @Test func theLogKeepsWhatItHasWhereNobodySaysForHowLong() throws {
    let temporary = try TemporaryDirectory()
    let fresh = try Self.settings(temporary.file("fresh"))
    #expect(fresh.queueRetainNanoseconds < Self.day)
    let directory = try StoredDirectory()
    try directory.send("m v=1 \(ExportTests.base)\n")
    let known = try Self.settings(directory.path)
    #expect(known.queueRetainNanoseconds == .max)
    #expect(known.queueRetainByteCount == .max)
    let told = try Self.settings(directory.path, nil, ["VARVE_QUEUE_RETAIN_BYTES": "1GiB"])
    #expect(told.queueRetainByteCount == 1 << 30)
    #expect(told.queueRetainNanoseconds < Self.day)
  }

  @Test func whatIsWrongIsNamed() throws {
    let temporary = try TemporaryDirectory()
    let file = temporary.file("varve.yaml")
    try RealDisk().replace(file, with: Array("queue:\n  retain:\n    age: soon\n".utf8))
    func message(_ data: String?, _ file: String?) -> String {
      do { _ = try Self.settings(data, file) } catch { return "\(error)" }
      return ""
    }
    let wrong = message(temporary.file("data"), file)
    for word in ["varve.yaml:3", "queue.retain.age", "soon"] { #expect(wrong.contains(word)) }
    try RealDisk().replace(file, with: Array("partitions: 3\n".utf8))
    #expect(message(nil, file).contains("no data directory"))
    #expect(message(nil, temporary.file("none.yaml")).contains("none.yaml"))
  }
}
