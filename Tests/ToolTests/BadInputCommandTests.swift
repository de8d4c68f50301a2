import Platform
import TestSupport
import Testing

/// Goal: what cannot be exported, imported, planned or verified ends with an error that names the
/// file or the option and says what to do: exit status 1, or 2 for usage; and nothing is lost.
@Suite(.serialized) struct BadInputCommandTests {
  private static let base = 1_795_000_000

  /// A data directory with two days of rows, made by the binary.
  private static func filled(_ temporary: TemporaryDirectory) throws -> String {
    var lines = ""
    for row in 0..<200 {
      lines += "node,server=a\(row % 3) cpu=\(row).5,n=\(row)i \(base + row * 900)\n"
    }
    let (file, data) = (temporary.file("rows.lp"), temporary.file("data"))
    try RealDisk().replace(file, with: Array(lines.utf8))
    let outcome = try CommandProcess.run(["import", file, "--data", data])
    #expect(outcome.status == 0)
    return data
  }

  private static func parquetFile(_ folder: String) throws -> String {
    let days = try RealDisk().list(folder + "/measurement=node")
    return "\(folder)/measurement=node/\(try #require(days.first))/part-00000.parquet"
  }

  @Test(arguments: [
    (["export", "--format", "xml"], "'parquet', 'csv', 'line' or 'jsonl'"),
    (["export", "--format", "parquet"], "--format parquet writes many files: give --out DIR"),
    (["export", "--from", "2026-11-16T00:00:00"], "a time without a zone; write"),
    (["export", "--to", "2026-11-16"], "write 2026-11-16T00:00:00Z for UTC"),
    (["export", "--match", "node{server~a}"], "--match: selector"),
    (["export", "--format", "csv", "--out", "s3://b/x"], "--out s3://b/x: a bucket takes"),
    (["export", "--format", "parquet", "--out", "o", "--rollup", "5m"], "--rollup takes 1m or 1h"),
    (["import", "x", "--format", "xml"], "'line', 'csv', 'jsonl' or 'parquet'"),
    (["import", "x", "--config", "/nowhere.yaml"], "cannot read the config file /nowhere.yaml"),
    (["verify", "--export", "o"], "give either --data DIR or --export DIR"),
    (
      ["plan", "--servers", "1", "--metrics", "1", "--retention", "raw=7"],
      "--retention is \"raw=7\"; expected tiers such as raw=7d,1m=90d,1h=3y, each once and of an"
    ),
  ])
  func wrongUsageNamesTheOption(arguments: [String], message: String) throws {
    let temporary = try TemporaryDirectory()
    let outcome = try CommandProcess.run(arguments + ["--data", temporary.file("none")])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func whereNothingCanBeWrittenTheFolderIsNamed() throws {
    let temporary = try TemporaryDirectory()
    let data = try Self.filled(temporary)
    for format in ["parquet", "csv"] {
      let outcome = try CommandProcess.run([
        "export", "--data", data, "--format", format, "--out", "/dev/null",
      ])
      #expect(outcome.status == 1)
      #expect(outcome.errors.hasPrefix("varve: "))
      #expect(outcome.errors.contains("/dev/null: mkdir: "))
      #expect(outcome.errors.contains("choose another --out"))
    }
    let outcome = try CommandProcess.run(["import", "-", "--data", "/dev/null"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("cannot use /dev/null as data directory"))
  }

  @Test func aDamagedBlockIsNamedLeftOutAndNotForgotten() throws {
    let temporary = try TemporaryDirectory()
    let data = try Self.filled(temporary)
    let disk = RealDisk()
    let blocks = try (0..<8).flatMap { partition in
      let folder = "\(data)/partitions/0\(partition)/blocks"
      return try disk.list(folder).filter { $0.hasSuffix(".block") }.map { "\(folder)/\($0)" }
    }
    let block = try #require(blocks.first)
    var bytes = try disk.read(block, byteCountMax: 1 << 20)
    // In the first group.
    bytes[100] ^= 1
    try disk.replace(block, with: bytes)
    let out = temporary.file("out")
    let exported = try CommandProcess.run([
      "export", "--data", data, "--format", "parquet", "--out", out,
    ])
    #expect(exported.status == 1)
    #expect(exported.errors.contains("left out: \(block) "))
    #expect(exported.errors.contains("varve queue replay"))
    let verified = try CommandProcess.run(["verify", "--data", data])
    #expect(verified.status == 1)
    #expect(verified.output.hasPrefix("\(block) "))
    let planned = try CommandProcess.run([
      "plan", "--servers", "1", "--metrics", "1", "--data", data,
    ])
    #expect(planned.status == 0)
    #expect(planned.errors.contains("hold fewer than 10,000 points: the rates are assumed"))
    // The export is whole as far as it goes, and says what it lacks.
    let checked = try CommandProcess.run(["verify", "--export", out])
    #expect(checked.status == 0)
    #expect(checked.errors.contains("were left out when it was exported; export it again"))
    // An import is a start: the block is made anew from the log, and all of it is there.
    let rows = temporary.file("more.lp")
    try disk.replace(rows, with: Array("other v=1 \(Self.base)\n".utf8))
    #expect(try CommandProcess.run(["import", rows, "--data", data]).status == 0)
    let again = try CommandProcess.run([
      "export", "--data", data, "--format", "parquet", "--out", out,
    ])
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.errors.contains("201 rows"))
    #expect(try CommandProcess.run(["verify", "--export", out]).errors.hasSuffix(": sound\n"))
  }

  @Test func aCutOrDamagedFileIsRefusedAndWhatWasThereStays() throws {
    let temporary = try TemporaryDirectory()
    let data = try Self.filled(temporary)
    let disk = RealDisk()
    let out = temporary.file("out")
    let exported = try CommandProcess.run([
      "export", "--data", data, "--format", "parquet", "--out", out,
    ])
    #expect(exported.status == 0)
    let path = try Self.parquetFile(out)
    let bytes = try disk.read(path, byteCountMax: 1 << 20)
    var flipped = bytes
    flipped[bytes.count / 4] ^= 1
    for (damaged, message) in [
      (Array(bytes.dropLast(100)), "it is cut off, copy or export it again"),
      (flipped, "it is damaged, copy or export it again"),
      ([], "varve export has not written it"),
    ] {
      try disk.replace(path, with: damaged)
      let imported = try CommandProcess.run(["import", path, "--data", data])
      #expect(imported.status == 1)
      #expect(imported.output.contains("\(path): byte "))
      #expect(imported.output.contains(message), "\(imported.output)")
      let verified = try CommandProcess.run(["verify", "--export", out])
      #expect(verified.status == 1)
      #expect(verified.output.contains(path))
    }
    // The same command mends the export: nothing of the data is lost.
    let again = try CommandProcess.run([
      "export", "--data", data, "--format", "parquet", "--out", out,
    ])
    #expect(again.status == 0)
    #expect(try disk.read(path, byteCountMax: 1 << 20) == bytes)
    let missing = try CommandProcess.run(["import", "/nowhere.parquet", "--data", data])
    #expect(missing.status == 1)
    #expect(missing.errors.hasPrefix("varve: /nowhere.parquet: open: No such file"))
  }

  @Test func whatTheQueueDoesNotHaveIsAnErrorThatSaysWhatItHas() throws {
    let temporary = try TemporaryDirectory()
    let data = try Self.filled(temporary)
    for (arguments, message) in [
      (["replay", "nosuch", "--from", "0"], "no topic nosuch; this directory has: node"),
      (["replay", "mode", "--from", "0"], "no topic mode; did you mean node? this directory has:"),
      (
        ["replay", "x", "--from", "-1h", "--tenant", "default"],
        "no topic x; tenant default has: node"
      ),
      (["replay", "--from", "0", "--tenant", "x"], "no tenant x; this directory has: default"),
      (["replay", "--from", "0", "--partition", "8"], "no partition 8; expected 0 to 7"),
      (["replay", "--from", "99999999"], "no offset 99999999 in the log; it has partition "),
      (["tail", "nosuch-topic"], "no topic nosuch-topic; this directory has: node"),
      (["tail", "--partition", "99"], "no partition 99; expected 0 to 7"),
      (["tail", "--tenant", "x"], "no tenant x; this directory has: default"),
      (["topics", "--tenant", "x"], "no tenant x; this directory has: default"),
      (["dead", "--tenant", "x"], "no tenant x; this directory has: default"),
    ] {
      let outcome = try CommandProcess.run(["queue"] + arguments + ["--data", data])
      #expect(outcome.status == 1)
      #expect(outcome.errors.contains("there is \(message)"), "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
    }
    for (arguments, message) in [
      (["replay", "--from", "2026-11-16"], "write 2026-11-16T00:00:00Z for UTC"),
      (["replay", "--from", "0", "--partition", "-1"], "partition"),
      (["tail", "--lines", "-1"], "lines"),
      (["replay"], "--from"),
    ] {
      let outcome = try CommandProcess.run(["queue"] + arguments + ["--data", data])
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }
    let replayed = try CommandProcess.run([
      "queue", "replay", "node", "--from", "0", "--dry-run", "--data", data,
    ])
    #expect(replayed.status == 0, "\(replayed.errors)")
    let later = try CommandProcess.run([
      "queue", "replay", "--from", "2200-01-01T00:00:00Z", "--dry-run", "--data", data,
    ])
    #expect(later.status == 0)
    #expect(later.errors.contains("the log holds no such rows from there on"))
  }

  @Test func anImportTakesTheServersSettings() throws {
    let temporary = try TemporaryDirectory()
    let data = try Self.filled(temporary)
    let (file, config) = (temporary.file("old.lp"), temporary.file("varve.yaml"))
    let disk = RealDisk()
    try disk.replace(config, with: Array("data: \(data)\nretention:\n  age: 30d\n".utf8))
    try disk.replace(file, with: Array("node,server=a1 cpu=1 1700000000\n".utf8))
    let refused = try CommandProcess.run(["import", file, "--config", config])
    #expect(refused.status == 1)
    #expect(refused.output.contains("where the measurement's retention begins"))
    #expect(try CommandProcess.run(["import", file, "--data", data]).status == 0)
  }
}
