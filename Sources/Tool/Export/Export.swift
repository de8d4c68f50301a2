internal import ArgumentParser
internal import Catalog
internal import Cold
internal import Engine
internal import Model
internal import Platform
internal import Query

/// Writes the points of a data directory in a format that other programs read.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Export points of a data directory as Parquet, CSV, line protocol or JSON lines.",
    discussion: """
      Reads blocks, and what the log holds beyond the last cuts, without changing anything; may \
      run beside a live server and then shows one moment. Rows come measurement by measurement, \
      series by series, in order of time: the same points always give the same bytes. With --out \
      DIR each measurement is a file, which gets its name when it is whole; Parquet is a folder \
      tree, measurement=…/date=…, with a manifest, and a run that was interrupted goes on where it \
      was; with --out s3://BUCKET/PREFIX it is made here first and then brought there, the \
      manifest last. --match takes MEASUREMENT{TAG=VALUE,...}:FIELD,... with =, !=, =~ and !~. \
      Exit status: 0 done, 1 failed or something was damaged and left out, 2 wrong usage.
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

  @Option(help: "parquet, csv, line or jsonl.")
  var format = Format.line

  @Option(help: "The folder to write into, s3://BUCKET/PREFIX (parquet), or - for standard output.")
  var out = "-"

  @Option(help: "The folder in which an export to a bucket is made. (default: one in TMPDIR)")
  var staging: String?

  @Option(help: "The tenant.")
  var tenant = "default"

  @Option(help: "Unit of Parquet's timestamps: us, ns, or auto: us where that is exact.")
  var timestamps: TimestampUnit?

  @Option(help: "Windows of this length instead of raw points, Parquet only: 1m or 1h.")
  var rollup: String?

  @Flag(help: "Replace files that are there.")
  var overwrite = false

  @Flag(help: "Take out of an earlier Parquet export what retention has removed since.")
  var prune = false

  @Flag(help: "Print the report as JSON on standard output.")
  var json = false

  func validate() throws {
    if format == .parquet, out == "-" {
      throw ValidationError("--format parquet writes many files: give --out DIR")
    }
    if format != .parquet {
      if timestamps != nil { throw ValidationError("--timestamps is of --format parquet") }
      if rollup != nil { throw ValidationError("--rollup is of --format parquet") }
      if prune { throw ValidationError("--prune is of --format parquet") }
      if isBucket { throw ValidationError("--out \(out): a bucket takes --format parquet alone") }
    }
    if staging != nil, !isBucket { throw ValidationError("--staging is of --out s3://…") }
    guard rollup == nil || rollupUnit != nil else {
      throw ValidationError(
        "--rollup takes \(RollupUnit.allCases.map(\.name).joined(separator: " or "))"
      )
    }
    guard !json || out != "-" else {
      throw ValidationError("--json prints to standard output: give --out DIR")
    }
    _ = try range(now: RealClock().now())
    _ = try matches()
  }

  private var rollupUnit: RollupUnit? { RollupUnit.allCases.first { $0.name == rollup } }

  private var isBucket: Bool { ObjectStores.isBucket(out) }

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
    guard let format = format.rows else { return try writeParquet(snapshot, tenant, disk) }
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
      var target = try folder(disk, format)
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

  private func writeParquet(
    _ snapshot: DirectorySnapshot,
    _ tenant: TenantDefinition,
    _ disk: RealDisk
  ) throws {
    let destination = try isBucket ? ExportDestination(out, staging: staging, disk) : nil
    let directory = destination?.directory ?? out
    var run = ParquetExport(
      snapshot,
      ParquetOptions(
        tenant: tenant.id,
        tenantName: tenant.name,
        range: try range(now: RealClock().now()),
        matchTexts: match,
        matches: try matches(),
        unit: timestamps ?? .auto,
        rollup: rollupUnit
      ),
      disk: disk,
      directory: directory,
      // What is in the staging folder is nobody's but ours.
      overwrites: overwrite || destination != nil,
      prunes: prune,
      remote: try destination?.manifest(overwrites: overwrite)
    )
    let progress = ProgressLine("export", unit: .parts)
    defer { progress.end() }
    do {
      try run.run { progress.update($0, of: $1) }
    } catch let fault as ParquetExport.Fault {
      throw Failure(fault.message)
    } catch let error as SystemError {
      throw Failure("the export failed: \(error); \(remedy(error)), and run it again to go on")
    }
    progress.end()
    try destination?.upload(overwrites: overwrite)
    let found = run.summary
    let summary = ExportRun.Summary(
      seriesCount: found.seriesCount,
      rowCount: found.rowCount,
      pointCount: found.pointCount,
      byteCount: found.byteCount
    )
    if found.keptFileCount > 0 {
      StandardOutput.writeError(
        "\(Quantity.grouped(found.keptFileCount)) of \(Quantity.grouped(found.fileCount)) files "
          + "were there already and are whole\n"
      )
    }
    if rollup != nil {
      StandardOutput.writeError(
        "\(Quantity.grouped(found.rollupDayCount)) of \(Quantity.grouped(found.dayCount)) days "
          + "come from rollup files, the others from rows\n"
      )
    }
    if found.expiredDayCount > 0 {
      StandardOutput.writeError(
        "days that stay as an earlier run wrote them: \(Quantity.grouped(found.expiredDayCount)), "
          + "of which retention has removed rows since; they take neither later rows nor deletes; "
          + "--prune writes what is left\n"
      )
    }
    if found.goneDayCount > 0 {
      StandardOutput.writeError(
        "days that stay as an earlier run wrote them: \(Quantity.grouped(found.goneDayCount)), "
          + "of which rows are gone that nobody deleted, as after a restore; --prune writes what "
          + "is left\n"
      )
    }
    if found.unreadableDayCount > 0 {
      StandardOutput.writeError(
        "days that stay as an earlier run wrote them: "
          + "\(Quantity.grouped(found.unreadableDayCount)), of which rows cannot be read now\n"
      )
    }
    if found.brokenDayCount > 0 {
      StandardOutput.writeError(
        "days of which files are damaged or missing, and the data directory has less now: "
          + "\(Quantity.grouped(found.brokenDayCount)); varve verify --export names the files, "
          + "--prune writes what is left\n"
      )
    }
    try report(summary, snapshot, seconds: progress.seconds, parquet: found)
    if found.brokenDayCount > 0 { throw ExitCode(1) }
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

  private func folder(_ disk: RealDisk, _ format: ExportFormat) throws -> FolderTarget {
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
      let isThere = error.code == SystemError.Code.exists
      throw Failure("\(error); \(isThere ? "--overwrite replaces files" : remedy(error))")
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
      throw Failure("the export failed: \(error); \(remedy(error))")
    }
  }

  private func remedy(_ error: SystemError) -> String {
    let folder = isBucket ? "choose another --staging" : "choose another --out"
    return error.isDiskFull ? "free some space, or \(folder)" : folder
  }

  private static let listedNameCountMax = 20

  private func report(
    _ summary: ExportRun.Summary,
    _ snapshot: DirectorySnapshot,
    seconds: Double,
    parquet: ParquetExport.Summary? = nil
  ) throws {
    if json {
      var report = TextReport()
      report.fact("series", .integer(summary.seriesCount))
      report.fact("rows", .integer(summary.rowCount))
      report.fact("points", .integer(summary.pointCount))
      report.fact("bytes", .byteCount(summary.byteCount))
      if let parquet {
        report.fact("files", .integer(parquet.fileCount))
        report.fact("files_kept", .integer(parquet.keptFileCount))
        report.fact("days_expired", .integer(parquet.expiredDayCount))
        report.fact("days_unreadable", .integer(parquet.unreadableDayCount))
        report.fact("days_gone", .integer(parquet.goneDayCount))
        report.fact("days_broken", .integer(parquet.brokenDayCount))
        if rollup != nil {
          report.fact("days", .integer(parquet.dayCount))
          report.fact("days_from_rollups", .integer(parquet.rollupDayCount))
        }
        report.fact(
          "points_per_second",
          .decimal(Double(parquet.writtenPointCount) / max(seconds, 1e-9), 0)
        )
      }
      report.fact("unsayable", .integer(summary.unsayableCount))
      report.fact(
        "left_out",
        .integer(snapshot.findings.count { $0.severity != .note } + snapshot.unreadableRowCount)
      )
      report.fact("seconds", .decimal(seconds, 3))
      StandardOutput.write(report.rendered(asJSON: true))
    }
    StandardOutput.writeError(
      "\(Quantity.grouped(summary.rowCount)) rows, \(Quantity.grouped(summary.pointCount)) points "
        + "of \(Quantity.grouped(summary.seriesCount)) series, "
        + "\(ByteSize(byteCount: summary.byteCount)) in \(Quantity.decimals(seconds, 1)) s\n"
    )
    let (own, others) = (
      snapshot.tenants.first { $0.name == Array(tenant.utf8) },
      snapshot.tenants.filter { $0.name != Array(tenant.utf8) }
    )
    if summary.seriesCount == 0, let own {
      let names = snapshot.measurements(of: own.id).map { TerminalText.escape($0.name) }
      let listed = names.prefix(Self.listedNameCountMax).joined(separator: ", ")
      let more = names.count > Self.listedNameCountMax ? ", …" : ""
      StandardOutput.writeError(
        "nothing matches in this range; measurements of \(TerminalText.escape(own.name)): "
          + (names.isEmpty ? "none\n" : "\(listed)\(more)\n")
      )
    }
    if !others.isEmpty {
      let names = others.map { TerminalText.escape($0.name) }.joined(separator: ", ")
      StandardOutput.writeError("other tenants, exported by --tenant: \(names)\n")
    }
    if summary.unsayableCount > 0 {
      StandardOutput.writeError(
        "\(Quantity.grouped(summary.unsayableCount)) values have no spelling in line protocol "
          + "(NaN, infinities, odd names, strings with lines that begin with \"#ack \" or longer "
          + "than a line) and were left out; csv and jsonl have them\n"
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
    if isDamaged {
      StandardOutput.writeError(
        "what the log still has of it comes back at the next start of varve serve, or by varve "
          + "queue replay; else restore it from a snapshot\n"
      )
      throw ExitCode(1)
    }
  }
}

extension Export {
  /// `--format`.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case parquet, csv, line, jsonl

    /// `nil` for Parquet, which is a folder of files.
    var rows: ExportFormat? { ExportFormat(rawValue: rawValue) }
  }
}

extension TimestampUnit: ExpressibleByArgument {}
