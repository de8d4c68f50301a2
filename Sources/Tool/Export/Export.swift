internal import ArgumentParser
internal import Catalog
internal import Engine
internal import Model
internal import Platform

/// Writes the points of a data directory in a format that other programs read.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Export points of a data directory as CSV, line protocol or JSON lines.",
    discussion: """
      Reads blocks, and what the log holds beyond the last cuts, without changing anything; may \
      run beside a live server and then shows one moment. Rows come measurement by measurement, \
      series by series, in order of time: the same points always give the same bytes. With --out \
      DIR each measurement is a file, which gets its name when it is whole. --match takes \
      MEASUREMENT{TAG=VALUE,...}:FIELD,... with =, !=, =~ and !~. Exit status: 0 done, 1 failed or \
      something was damaged and left out, 2 wrong usage.
      """
  )

  @Option(help: "The data directory.")
  var data: String

  @Option(
    parsing: .unconditional,
    help: "From when on: RFC 3339 with a zone, Unix seconds, or relative. (default: all)"
  )
  var from: String?

  @Option(parsing: .unconditional, help: "Up to when, itself not included. (default: all)")
  var to: String?

  @Option(help: "Which series and fields; may be repeated. (default: all)")
  var match: [String] = []

  @Option(help: "csv, line or jsonl.")
  var format = ExportFormat.line

  @Option(help: "The folder to write into, or - for standard output.")
  var out = "-"

  @Option(help: "The tenant.")
  var tenant = "default"

  @Flag(help: "Replace files that are there.")
  var overwrite = false

  func validate() throws {
    _ = try range(now: RealClock().now())
    _ = try matches()
  }

  private func range(now: Timestamp) throws -> TimeRange {
    let start = try from.map { try Check.time($0, option: "from", now: now) } ?? 0
    let end = try to.map { try Check.time($0, option: "to", now: now) } ?? .max
    guard start <= end else { throw ValidationError("--from lies behind --to") }
    return TimeRange(start: start, end: end)
  }

  private func matches() throws -> [SelectorMatch] {
    do throws(Selector.Fault) {
      return try match.map { text throws(Selector.Fault) in
        try SelectorMatch(Selector(parsing: text))
      }
    } catch {
      throw ValidationError("--match: \(error.message)")
    }
  }

  func run() throws {
    let disk = RealDisk()
    let snapshot = try open(disk)
    guard let tenant = snapshot.tenants.first(where: { $0.name == Array(self.tenant.utf8) }) else {
      let names = snapshot.tenants.map { TerminalText.escape($0.name) }.joined(separator: ", ")
      throw Failure("there is no tenant \(self.tenant); this directory has: \(names)")
    }
    var run = ExportRun(
      snapshot,
      tenant: tenant.id,
      range: try range(now: RealClock().now()),
      matches: try matches(),
      format: format
    )
    let progress = ProgressLine("export", unit: .items("series"))
    defer { progress.end() }
    if out == "-" {
      var target = StreamTarget(separator: format == .csv ? Array("\n".utf8) : [])
      try write(&run, &target, progress)
    } else {
      var target = try folder(disk)
      do {
        try write(&run, &target, progress)
      } catch {
        target.abandon()
        throw error
      }
    }
    progress.end()
    try report(run.summary, snapshot, seconds: progress.seconds)
  }

  private func open(_ disk: RealDisk) throws -> DirectorySnapshot {
    let progress = ProgressLine("read the log", unit: .bytes)
    defer { progress.end() }
    do throws(EngineError) {
      return try DirectorySnapshot(disk: disk, path: data) { progress.update($0, of: $1) }
    } catch {
      throw Failure(reading: error)
    }
  }

  private func folder(_ disk: RealDisk) throws -> FolderTarget {
    do throws(SystemError) {
      let names = try disk.list(out)
      if !overwrite, let name = names.first(where: { $0.hasSuffix(format.fileSuffix) }) {
        throw SystemError(
          code: SystemError.Code.exists,
          operation: "export",
          path: Path.join(out, name)
        )
      }
      return try FolderTarget(disk: disk, directory: out, suffix: format.fileSuffix)
    } catch {
      let remedy = error.code == SystemError.Code.exists ? "; --overwrite replaces files" : ""
      throw Failure("\(error)\(remedy)")
    }
  }

  private func write(
    _ run: inout ExportRun,
    _ target: inout some ExportTarget,
    _ progress: ProgressLine
  ) throws {
    do throws(SystemError) {
      try run.run(into: &target) { progress.update($0, of: $1) }
    } catch {
      // Whoever read has had enough, as head does.
      if error.code == SystemError.Code.brokenPipe { throw ExitCode(1) }
      throw Failure("the export failed: \(error)")
    }
  }

  private func report(
    _ summary: ExportRun.Summary,
    _ snapshot: DirectorySnapshot,
    seconds: Double
  ) throws {
    StandardOutput.writeError(
      "\(Quantity.grouped(summary.rowCount)) rows, \(Quantity.grouped(summary.pointCount)) points "
        + "of \(Quantity.grouped(summary.seriesCount)) series, "
        + "\(ByteSize(byteCount: summary.byteCount)) in \(Quantity.decimals(seconds, 1)) s\n"
    )
    let others = snapshot.tenants.filter { $0.name != Array(tenant.utf8) }
    if !others.isEmpty {
      let names = others.map { TerminalText.escape($0.name) }.joined(separator: ", ")
      StandardOutput.writeError("other tenants, exported by --tenant: \(names)\n")
    }
    if summary.unsayableCount > 0 {
      StandardOutput.writeError(
        "\(Quantity.grouped(summary.unsayableCount)) values have no spelling in line protocol "
          + "(NaN, infinities, odd names) and were left out; csv and jsonl have them\n"
      )
    }
    if snapshot.laterBatchCount > 0 {
      StandardOutput.writeError(
        "\(Quantity.grouped(snapshot.laterBatchCount)) batches of the log came after the snapshot, "
          + "or their names are lost; they were left out\n"
      )
    }
    var isDamaged = snapshot.unreadableRowCount > 0
    if isDamaged {
      StandardOutput.writeError(
        "\(Quantity.grouped(snapshot.unreadableRowCount)) rows of the log cannot be read\n"
      )
    }
    for finding in snapshot.findings where finding.severity != .note {
      isDamaged = true
      StandardOutput.writeError("left out: \(VerifyText.line(finding))")
    }
    if isDamaged { throw ExitCode(1) }
  }
}

extension ExportFormat: ExpressibleByArgument {}
