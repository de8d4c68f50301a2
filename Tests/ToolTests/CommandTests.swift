import Foundation
import Platform
import TestSupport
import Testing

/// Goal: exit status 0 done, 1 failed, 2 wrong usage, and one clear line that says why.
@Suite(.serialized) struct CommandTests {
  @Test(arguments: [["--version"], ["--help"], ["help", "serve"], ["config", "show", "--json"]])
  func whatCanBeAnsweredIsZero(arguments: [String]) throws {
    let outcome = try CommandProcess.run(arguments)
    #expect(outcome.status == 0)
    #expect(outcome.output.hasSuffix("\n"))
    #expect(outcome.errors.isEmpty)
  }

  @Test func theVersionNamesTheCompiler() throws {
    let version = try CommandProcess.run(["--version"]).output
    #expect(version.hasPrefix("varve "))
    #expect(version.contains("Swift 6."))
  }

  @Test(arguments: [
    (["sreve"], "there is no command varve sreve; did you mean serve? varve --help lists all"),
    (["queue", "tial", "--data", "x"], "there is no command varve queue tial; did you mean tail?"),
    (["serve"], "no data directory; give --data DIR, VARVE_DATA"),
    (["serve", "--data"], "--data"),
    (["serve", "--data", "/tmp/x", "--open-rows", "12"], "--open-rows is \"12\"; expected a size"),
    (["serve", "--open-row", "1GiB"], "--open-rows"),
    (["serve", "--config", "/nowhere.yaml"], "cannot read the config file /nowhere.yaml"),
    (["config", "check", "/nowhere.yaml"], "cannot read the config file /nowhere.yaml"),
    (["config", "show", "--workers", "x"], "--workers is \"x\"; expected a whole number, 1 to 64"),
    (["load", "--servers", "0"], "--servers is 0; expected 1 to"),
    (["verify"], "--data"),
  ])
  func wrongUsageIsTwo(arguments: [String], message: String) throws {
    let outcome = try CommandProcess.run(arguments)
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains(message))
    #expect(outcome.output.isEmpty)
  }

  @Test func aVariableIsNamedWhenItIsWrong() throws {
    let outcome = try CommandProcess.run(
      ["serve"],
      environment: ["VARVE_DATA": "/tmp/x", "VARVE_CUT_INTERVAL": "10"]
    )
    #expect(outcome.status == 2)
    #expect(outcome.errors.hasPrefix("varve: VARVE_CUT_INTERVAL is \"10\"; expected a duration"))
    #expect(outcome.errors.count { $0 == "\n" } == 1)
  }

  @Test(arguments: [
    ["serve", "--data", "/proc/no", "--line-tcp", "127.0.0.1:0", "--http", "127.0.0.1:0"],
    ["load", "--to", "127.0.0.1:1", "--duration", "1"],
  ])
  func whatFailsIsOne(arguments: [String]) throws {
    let outcome = try CommandProcess.run(arguments)
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("varve: "))
    #expect(outcome.errors.count { $0 == "\n" } == 1)
  }

  @Test func aFileIsCheckedWithoutStarting() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("varve.yaml")
    try Data("data: /tmp/x\nopen_rows: 1GiB\npartitions: 0\n".utf8)
      .write(to: URL(fileURLWithPath: path))
    let bad = try CommandProcess.run(["config", "check", path])
    #expect(bad.status == 1)
    #expect(bad.output.isEmpty)
    let lines = bad.errors.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
      lines.first == "\(path):2: there is no option open_rows; did you mean open-rows?"
    )
    try Data("data: /tmp/x\n".utf8).write(to: URL(fileURLWithPath: path))
    let good = try CommandProcess.run(
      ["config", "check"],
      environment: ["VARVE_CONFIG": path, "VARVE_OPENROWS": "1GiB"]
    )
    #expect(good.status == 0)
    #expect(good.output == "\(path): sound; 1 option given\n")
    #expect(good.errors.contains("VARVE_OPENROWS sets no option; did you mean VARVE_OPEN_ROWS?"))
  }

  /// What it says is sound, serve takes.
  @Test func whatServeRefusesIsNotSound() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("varve.yaml")
    let data = directory.file("data")
    for (text, fault) in [
      ("log.level: info", "no data directory; give --data DIR"),
      (
        "data: \(data)\nhttp.listen: localhost:9009",
        "line.tcp is 127.0.0.1:9009 (default) and http.listen is localhost:9009 (\(path):2)"
      ),
      ("data: \(data)\nhttp.listen: 0.0.0.0:9009", "expected two different ports"),
      ("data: \(data)\ncold.after: 2d", "cold.rules is set and no cold.directory"),
      (
        "data: \(data)\nretention.age: 30m",
        "retention.age is 30m (\(path):2); expected 0, which keeps everything, or 1h or more"
      ),
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      let check = try CommandProcess.run(["config", "check", path])
      #expect(check.status == 1)
      #expect(check.errors.contains(fault), "\(check.errors)")
      let serve = try CommandProcess.run(["serve", "--config", path])
      #expect(serve.status == 2)
      #expect(serve.errors.contains(fault), "\(serve.errors)")
    }
    #expect(try RealDisk().list(data).isEmpty)
    let ports = ["--http", "127.0.0.1:0", "--line-tcp", "127.0.0.1:0"]
    #expect(try CommandProcess.run(["config", "check", "--data", data] + ports).status == 0)
  }

  @Test(.timeLimit(.minutes(1))) func aStartThatFailsForItsPortLeavesNothing() throws {
    let directory = try TemporaryDirectory()
    let first = try serve(directory)
    let text = try #require(try first.read(until: "taking lines"))
    let other = directory.file("other")
    let taken = "127.0.0.1:\(try port(text))"
    let second = try CommandProcess.run([
      "serve", "--data", other, "--line-tcp", taken, "--http", "127.0.0.1:0",
    ])
    #expect(second.status == 1)
    #expect(second.errors.contains("\(taken) is in use by another process"), "\(second.errors)")
    #expect(try RealDisk().byteCount(of: other) == nil)
    // The line port of a server is told from a port that something else has.
    let doctor = try CommandProcess.run([
      "doctor", "--data", directory.file("data"), "--line-tcp", taken, "--http", "127.0.0.1:1",
    ])
    #expect(doctor.output.contains("OK    line port    \(taken): a server takes lines"))
    first.terminate()
    #expect(try first.finish().status == 0)
  }

  @Test func aFolderOfFilesIsImported() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.file("files")
    let disk = RealDisk()
    try disk.createDirectory(folder)
    let empty = try CommandProcess.run([
      "import", "--data", directory.file("data"), "--json", folder,
    ])
    #expect(empty.status == 1)
    #expect(empty.errors.contains("\(folder) is a folder and holds no .lp"), "\(empty.errors)")
    try disk.replace(folder + "/a.lp", with: Array("m f=1 1750000000\n".utf8))
    try disk.replace(
      folder + "/b.jsonl",
      with: Array(#"{"measurement":"m","time":"2025-06-15T15:07:00Z","fields":{"f":2.5}}"#.utf8)
    )
    try disk.replace(folder + "/README.md", with: Array("no points\n".utf8))
    let outcome = try CommandProcess.run([
      "import", "--data", directory.file("data"), "--json", folder,
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(#""accepted_rows":2,"rejected_rows":0"#), "\(outcome.output)")
    let compact = try CommandProcess.run(["compact", "--data", directory.file("data"), "--json"])
    #expect(compact.status == 0)
    #expect(compact.output.hasPrefix(#"{"points":2,"bytes_before":"#), "\(compact.output)")
    let verify = try CommandProcess.run(["verify", "--data", directory.file("data"), "--json"])
    #expect(verify.status == 0)
    #expect(verify.output.hasPrefix(#"{"sound":true,"files":"#), "\(verify.output)")
    let tail = try CommandProcess.run(["queue", "tail", "n", "--data", directory.file("data")])
    #expect(tail.status == 1)
    #expect(tail.errors.contains("there is no topic n; did you mean m?"), "\(tail.errors)")
    let export = try CommandProcess.run([
      "export", "--data", directory.file("data"), "--format", "csv", "--out", "-", "--match", "n",
    ])
    #expect(export.errors.contains("nothing matches in this range; measurements of default: m\n"))
  }

  @Test func aDirectoryThatIsNotThereIsToldSo() throws {
    let outcome = try CommandProcess.run(["verify", "--data", "/nope"])
    #expect(outcome.status == 2)
    #expect(outcome.output == "/nope 0 0 there is no such directory\n")
    #expect(outcome.errors == "0 files, 0 B: 1 place that cannot be read\n")
    let serve = try CommandProcess.run(["serve", "--data", "/etc/passwd"])
    #expect(serve.status == 1)
    #expect(serve.errors.contains("/etc/passwd: mkdir: Not a directory"), "\(serve.errors)")
    let doctor = try CommandProcess.run(["doctor", "--data", "/etc/passwd"])
    #expect(doctor.status == 1)
    #expect(doctor.output.contains("/etc/passwd: Not a directory"), "\(doctor.output)")
    #expect(!doctor.output.contains("is new"))
  }

  // MARK: A server

  private func serve(_ directory: TemporaryDirectory, _ more: [String] = []) throws
    -> CommandProcess
  {
    try CommandProcess(
      [
        "serve", "--data", directory.file("data"), "--line-tcp", "127.0.0.1:0", "--http",
        "127.0.0.1:0",
      ] + more
    )
  }

  /// The port that the server prints.
  private func port(_ text: String) throws -> Int {
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("lines ") })
    return try #require(line.split(separator: ":").last.flatMap { Int($0) })
  }

  @Test(.timeLimit(.minutes(1)), arguments: [false, true])
  func oneSignalEndsItWithZero(isInterrupt: Bool) throws {
    let directory = try TemporaryDirectory()
    let server = try serve(directory)
    _ = try #require(try server.read(until: "taking lines"))
    if isInterrupt { server.interrupt() } else { server.terminate() }
    let outcome = try server.finish()
    #expect(outcome.status == 0)
    #expect(outcome.output.hasSuffix("stopped\n"))
    #expect(outcome.errors.isEmpty)
  }

  /// A client that takes no replies holds the first stop up for as long as it may drain.
  @Test(.timeLimit(.minutes(1))) func aSecondSignalEndsItAtOnce() throws {
    let directory = try TemporaryDirectory()
    let server = try serve(directory, ["--stop-drain", "60s", "--stop-timeout", "10m"])
    let text = try #require(try server.read(until: "taking lines"))
    let socket = try TCPSocket(host: "127.0.0.1", port: try port(text))
    let flood = Array(("#ack 1\n" + String(repeating: "x\n", count: 2_000_000)).utf8)
    let sender = try WorkerThread(name: "flood") { try? socket.send(flood, 0..<flood.count) }
    _ = Signal().wait(timeoutNanoseconds: 500_000_000)
    server.terminate()
    _ = try #require(try server.read(until: "draining and cutting"))
    server.terminate()
    let outcome = try server.finish()
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("SIGTERM again: ending at once"))
    socket.shutDown()
    sender.join()
  }

  @Test(.timeLimit(.minutes(1))) func jsonLogsAreNothingButJSON() throws {
    let directory = try TemporaryDirectory()
    let server = try serve(directory, ["--log-format", "json"])
    // Standard output stays empty.
    server.wait(forErrors: "\"ready\"")
    server.terminate()
    let outcome = try server.finish()
    #expect(outcome.status == 0)
    #expect(outcome.output.isEmpty)
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count >= 3)
    var kinds: [String] = []
    for line in lines {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      let keys: Set<String> = ["time", "level", "logger", "kind", "message"]
      #expect(keys.isSubset(of: Set(try #require(object).keys)))
      let kind = try #require(object?["kind"] as? String)
      kinds.append(kind)
      let facts = object?["metadata"] as? [String: Any] ?? [:]
      if kind == "started" { #expect(facts["partitions"] as? Int == 8) }
      if kind == "ready" {
        #expect(facts["replayed_rows"] as? Int == 0)
        #expect(facts["rewind_seconds"] as? Double != nil)
      }
    }
    kinds.removeAll { $0 == "few_descriptors" }
    #expect(kinds == ["started", "ready", "stopping", "stopped"])
  }

  // MARK: An import

  @Test(.timeLimit(.minutes(1))) func anImportThatLosesItsServerTellsHowToGoOn() throws {
    let directory = try TemporaryDirectory()
    let server = try serve(directory)
    let started = try #require(try server.read(until: "taking lines"))
    let port = try port(started)
    let file = directory.file("rows.lp")
    try Data("m f=1 1000000000\n".utf8).write(to: URL(fileURLWithPath: file))
    // The kernel takes the connection and the bytes; nobody answers.
    server.suspend()
    let command = try CommandProcess(["import", file, "--to", "127.0.0.1:\(port)", "--json"])
    let remote = "0100007F:" + String(format: "%04X", port) + " 01 "
    var isConnected = false
    for _ in 0..<500 where !isConnected {
      let table = FileHandle(forReadingAtPath: "/proc/net/tcp")?.readDataToEndOfFile() ?? Data()
      isConnected = String(decoding: table, as: UTF8.self).contains(remote)
      if !isConnected { usleep(20_000) }
    }
    #expect(isConnected)
    usleep(300_000)
    server.kill()
    let outcome = try command.finish()
    #expect(outcome.status == 1)
    #expect(outcome.output.contains(#""go_on_with""#), "\(outcome.output) \(outcome.errors)")
  }

  @Test(.timeLimit(.minutes(1))) func anImportToAnHTTPPortIsToldSo() throws {
    let directory = try TemporaryDirectory()
    let server = try serve(directory)
    let started = try #require(try server.read(until: "taking lines"))
    let line = try #require(started.split(separator: "\n").first { $0.hasPrefix("http ") })
    let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
    let file = directory.file("rows.lp")
    try Data("m f=1 1000000000\n".utf8).write(to: URL(fileURLWithPath: file))
    for _ in 0..<4 {
      let outcome = try CommandProcess.run(["import", file, "--to", "127.0.0.1:\(port)"])
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("give the line port"), "\(outcome.output)")
    }
    server.terminate()
    #expect(try server.finish().status == 0)
  }
}
