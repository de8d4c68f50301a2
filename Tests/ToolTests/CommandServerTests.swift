import ArgumentParser
import Engine
import Logging
import Platform
import Query
import Server
import TestSupport
import Testing
import Tool

/// Goal: the commands that speak to a server do so with a real one.
struct CommandServerTests {
  /// Runs `body` with a server on free ports, and stops it.
  private static func withServer(
    _ body: @escaping @Sendable (VarveServer.Addresses, TemporaryDirectory) throws -> Void
  ) async throws {
    let directory = try TemporaryDirectory()
    var configuration = ServerConfiguration()
    configuration.lines.port = 0
    configuration.http.port = 0
    configuration.drainSeconds = 1
    let server = try VarveServer(
      configuration,
      engine: .scaled(
        dataDirectory: directory.file("data"),
        machineMemory: 1 << 30,
        disk: 1 << 30,
        cores: 2
      ),
      disk: RealDisk(),
      clock: RealClock(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    let addresses = try await server.listen()
    _ = try await server.recover()
    // On a thread of its own: the commands block, and the server shares the pool of tasks.
    let outcome: Result<Void, any Error> = await withCheckedContinuation { continuation in
      do {
        _ = try WorkerThread(name: "commands") {
          continuation.resume(returning: Result { try body(addresses, directory) })
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    try await server.stop()
    try outcome.get()
  }

  private static func run(_ words: [String]) throws {
    let type = try #require(VarveCommands.all.first { $0._commandName == words[0] })
    var command = try type.parseAsRoot(Array(words.dropFirst()))
    try command.run()
  }

  @Test func whatIsImportedOverTCPIsAnsweredOverHTTP() async throws {
    try await Self.withServer { addresses, directory in
      let base = ExportTests.base / 1_000_000_000
      let rows = (0..<30_000).map { "load,host=a one=\($0),five=\($0 / 2).5 \(base + $0)\n" }
      let file = directory.file("load.lp")
      try RealDisk().replace(file, with: Array(rows.joined().utf8))
      let http = "http://\(addresses.http)"
      try Self.run(["import", file, "--to", "\(addresses.lines)", "--window", "100KB"])

      var question = try RangeQuestion(Selector(parsing: "load{host=a}:one,five"))
      question.start = "\(base - base % 3_600)"
      question.end = "\(base + 40_000)"
      question.step = "12h"
      question.aggregates = "count,max"
      let client = try HTTPClient(url: http)
      let reply = try RangeReply.ask(client, question)
      let counts = reply.series.flatMap { series in
        series.columns.first { $0.name == "count" }?.values.compactMap(\.double) ?? []
      }
      #expect(counts.reduce(0, +) == 60_000)
      #expect(reply.series.map(\.field).sorted() == ["five", "one"])
      question.aggregates = "median"
      let fault = #expect(throws: HTTPClient.Fault.self) { try RangeReply.ask(client, question) }
      #expect(fault?.message.contains("the server refuses: agg") == true)
      for words in [["--csv"], ["--chart"], ["--json"], ["--step", "1h", "--agg", "min,max"]] {
        try Self.run(["query", "load:one", "--url", http, "--start", "\(base + 29_990)"] + words)
      }
      // Beside the live server.
      let text = try StoredDirectory.export(directory.file("data"), .line)
      #expect(text.split(separator: "\n").count == 30_001)
    }
  }

  @Test func refusedLinesMakeAnImportFailAndNobodyThereToo() async throws {
    try await Self.withServer { addresses, directory in
      let file = directory.file("bad.lp")
      try RealDisk().replace(file, with: Array("m f=1\nm f=\nm f=2\n".utf8))
      #expect(throws: ExitCode(1)) {
        try Self.run(["import", file, "--to", "\(addresses.lines)"])
      }
      let log = try LogInspection(disk: RealDisk(), path: directory.file("data"))
      #expect(try log.deadLetters(countMax: 5).count == 1)
      #expect(throws: (any Error).self) { try Self.run(["import", file, "--to", "127.0.0.1:1"]) }
      #expect(throws: (any Error).self) {
        try Self.run(["query", "m", "--url", "http://127.0.0.1:1"])
      }
    }
  }

  @Test(arguments: ["https://a", "http://", "http://a:b", "a:99999", "http://a:1?x"])
  func whatIsNoAddressIsRefused(url: String) {
    #expect(throws: HTTPClient.Fault.self) { try HTTPClient(url: url) }
  }
}
