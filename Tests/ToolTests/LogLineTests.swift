import Logging
import Synchronization
import TestSupport
import Testing
import Tool

/// Goal: one event is one line in both formats, whatever a client put into it.
struct LogLineTests {
  private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
    LogLine(
      nanoseconds: 1_795_373_340_123_456_789,
      level: .warning,
      logger: "varve",
      message: message,
      metadata: metadata
    )
  }

  @Test func textIsForPeople() {
    #expect(
      line("disk full", ["path": "/data", "free": "1 MiB"]).text
        == "2026-11-22T18:49:00.123Z WARNING varve: disk full free=\"1 MiB\" path=/data\n"
    )
  }

  @Test func jsonIsOneObject() {
    #expect(
      line("disk full", ["path": "/data", "more": ["a": ["1", "2"]]]).json
        == """
        {"time":"2026-11-22T18:49:00.123Z","level":"warning","logger":"varve",\
        "message":"disk full","metadata":{"more":{"a":["1","2"]},"path":"/data"}}

        """
    )
    #expect(!line("x").json.contains("metadata"))
  }

  @Test func theKindStandsByItselfInJSONAndNumbersAreNumbers() {
    let event = line(
      "disk full",
      [
        "kind": "writes_refused", "times": .stringConvertible(3), "text": "3",
        "seconds": .stringConvertible(0.25),
      ]
    )
    #expect(
      event.json
        == """
        {"time":"2026-11-22T18:49:00.123Z","level":"warning","logger":"varve",\
        "kind":"writes_refused","message":"disk full",\
        "metadata":{"seconds":0.25,"text":"3","times":3}}

        """
    )
    #expect(event.text.hasSuffix("varve: disk full seconds=0.25 text=3 times=3\n"))
  }

  @Test(arguments: [
    "\n", "\r\n", "\u{1b}[31m", "\u{0}", "\u{7f}", "\u{9b}2J", "\u{2028}", "\u{202e}",
  ])
  func controlBytesStayOnTheLine(text: String) {
    let line = line("a\(text)b", ["k\(text)": "v\(text)"])
    for written in [line.text, line.json] {
      #expect(written.split(separator: "\n", omittingEmptySubsequences: false).count == 2)
      let body = written.dropLast().unicodeScalars
      #expect(!body.contains { $0.value < 0x20 })
    }
    #expect(
      !line.text.dropLast().unicodeScalars.contains { $0.properties.generalCategory == .control }
    )
  }

  @Test func ordinaryTextStaysAsItIs() {
    #expect(line("größer – 日本").text.hasSuffix("varve: größer – 日本\n"))
    #expect(line("größer \"x\"").json.contains("\"message\":\"größer \\\"x\\\"\""))
  }

  @Test func aHandlerWritesWhatItsLevelLetsThrough() {
    let lines = Lines()
    var logger = Logger(label: "varve") { label in
      LineLogHandler(label: label, format: .json, clock: ManualClock()) { lines.append($0) }
    }
    logger.logLevel = .notice
    logger[metadataKey: "station"] = "cut"
    logger.info("left out")
    logger.error("kept", metadata: ["partition": "3"])
    #expect(lines.all.count == 1)
    #expect(lines.all[0].contains("\"level\":\"error\""))
    #expect(lines.all[0].contains("\"metadata\":{\"partition\":\"3\",\"station\":\"cut\"}"))
  }
}

private final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func append(_ line: String) { lines.withLock { $0.append(line) } }
}
