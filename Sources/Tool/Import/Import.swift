internal import ArgumentParser
internal import Engine
internal import Model
internal import Platform
internal import Server

/// Brings files of points to a server or into a data directory.
struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Import files of line protocol, CSV, JSON lines or Varve's own Parquet.",
    discussion: """
      Sends over TCP with acknowledgements (--to), or runs the engine on a data directory that no \
      server uses (--data), with the settings that varve serve would have: of --config and \
      VARVE_* variables. Where neither sets queue.retain.*, the log keeps the segments that it \
      has. What is acknowledged is durable; sending stamped points again is always safe. \
      Refused lines are listed with their reasons. The format is told by the name: \
      .csv, .jsonl, .ndjson or .parquet, else line protocol; a folder stands for the files in it \
      whose names end so or in .lp, that of a Parquet export for its files; files that are gzip \
      (.csv.gz, say) are decompressed. CSV as varve export writes it needs nothing more; for other \
      headers --map says what each column is, as in --map \
      'host=tag:host,when=time:s,load=field:load1:float'. Exit status: 0 all taken, 1 something \
      was refused or not acknowledged, 2 wrong usage.
      """
  )

  @Argument(help: "What to import; - is standard input.")
  var files: [String]

  @Option(help: "The server's line port, HOST:PORT.")
  var to: String?

  @Option(help: "A data directory that no server uses; made when it is not there.")
  var data: String?

  @Option(help: "The server's line.max. (default: 1MiB)")
  var lineMax: ByteSize?

  @Option(help: "The server's configuration file: without --to its settings and directory hold.")
  var config: String?

  @Option(help: "line, csv, jsonl or parquet. (default: by the name)")
  var format: ImportFormat?

  @Option(help: "Unit of timestamps that are whole numbers: ns, us, ms, s or auto.")
  var precision = ImportPrecision.auto

  @Option(help: "What columns of a CSV file are: NAME=COLUMN,...; may be repeated.")
  var map: [String] = []

  @Option(help: "The measurement of records that name none.")
  var measurement: String?

  @Option(help: "The tenant.")
  var tenant: String?

  @Option(help: "A token for whatever stands before the server; the server itself knows none yet.")
  var token: String?

  @Flag(help: "Whole numbers of JSON lines are floats.")
  var floats = false

  @Option(help: "Lines at the start of the first file that are left out: to go on where one ended.")
  var skipLines = 0

  @Option(help: "Bytes that may be sent and not yet acknowledged.")
  var window = ByteSize(byteCount: 4 << 20)

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    guard to == nil || data == nil, to != nil || data != nil || config != nil else {
      throw ValidationError("give either --to HOST:PORT or --data DIR")
    }
    if let to { try Check.address(to, option: "to") }
    if let lineMax {
      try Check.range(lineMax.byteCount, (1 << 10)...(8 << 20), option: "line-max")
    }
    try Check.range(skipLines, 0...Int.max, option: "skip-lines")
    try Check.range(window.byteCount, 1...(1 << 30), option: "window")
    _ = try mapping()
    for (name, text) in [("tenant", tenant), ("token", token)] {
      guard let text else { continue }
      guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
        throw ValidationError("--\(name) must not be empty or hold spaces")
      }
    }
  }

  private func mapping() throws -> CSVMapping {
    do throws(CSVMapping.Fault) {
      return try CSVMapping(map)
    } catch {
      throw ValidationError(error.message)
    }
  }

  func run() throws {
    let disk = RealDisk()
    let settings = try settings()
    let paths = try expanded(disk)
    let inputs: [InputFile]
    do throws(SystemError) {
      inputs = try paths.map { path throws(SystemError) in try InputFile(disk: disk, path: path) }
    } catch {
      throw Failure("\(error)")
    }
    let channel = try open(settings, disk)
    let progress = ProgressLine("import", unit: .bytes)
    var failure: String?
    do {
      try begin(channel)
      let total = inputs.reduce(0) { $0 + ($1.byteCount ?? 0) }
      let isKnown = inputs.allSatisfy { $0.byteCount != nil }
      var done = 0
      for (index, input) in inputs.enumerated() {
        let format = format ?? ImportFormat(path: input.path)
        // Records of other formats become lines with nanoseconds.
        let unit = format == .line ? precision : .ns
        try channel.begin(Array("#precision \(unit.rawValue)\n".utf8), lineCount: 1)
        var source = try source(input, format, skipping: index == 0 ? skipLines : 0)
        while let piece = try source.next() {
          try channel.send(piece)
          progress.update(
            done + source.position,
            of: isKnown ? total : nil,
            note: "\(Quantity.grouped(channel.tally.accepted)) rows taken"
          )
        }
        done += source.position
      }
      try channel.finish()
    } catch {
      failure = Self.text(error)
      try? channel.finish()
    }
    progress.end()
    let report = ImportReport(channel.tally, failure: failure, seconds: progress.seconds)
    StandardOutput.write(report.rendered(asJSON: json))
    if failure != nil || channel.tally.rejected > 0 { throw ExitCode(1) }
  }

  /// What the engine runs with; `nil` where a server does.
  private func settings() throws -> EngineConfiguration? {
    guard to == nil else { return nil }
    var settings = try ImportSettings.configuration(data: data, file: config)
    // A string of several lines must not end where a server's line would.
    settings.lineByteCountMax = max(settings.lineByteCountMax, lineByteCountMax)
    return settings
  }

  /// How long the lines are that records become.
  private var lineByteCountMax: Int { lineMax?.byteCount ?? Limits.lineByteCountDefault }

  /// The files, with those of a folder in its place.
  private func expanded(_ disk: RealDisk) throws -> [String] {
    try files.flatMap { path in
      guard path != "-" else { return [path] }
      do throws(ImportFault) {
        return try ImportFolder.files(of: path, disk) ?? [path]
      } catch {
        throw Failure(Self.text(error))
      }
    }
  }

  private static func text(_ error: any Error) -> String {
    switch error {
    case let failure as Failure: failure.message
    case ImportFault.system(let error): "\(error)"
    case ImportFault.format(let message): message
    default: "\(error)"
    }
  }

  private func open(
    _ settings: EngineConfiguration?,
    _ disk: RealDisk
  ) throws -> any ImportChannel {
    if let to, let address = Address(to) {
      return try SocketChannel(address, windowByteCount: window.byteCount)
    }
    guard let settings else { throw Failure("give either --to HOST:PORT or --data DIR") }
    do throws(SystemError) {
      try disk.createDirectory(settings.dataDirectory)
    } catch {
      throw Failure("cannot use \(settings.dataDirectory) as data directory: \(error)")
    }
    return try EngineChannel(settings, windowByteCount: window.byteCount)
  }

  private func begin(_ channel: any ImportChannel) throws {
    // Verdicts come from the first acknowledgement on.
    var lines = "#ack import-begin\n"
    if let token { lines += "#auth \(token)\n" }
    if let tenant { lines += "#tenant \(tenant)\n" }
    let bytes = Array(lines.utf8)
    try channel.begin(bytes, lineCount: bytes.count { $0 == UInt8(ascii: "\n") })
  }

  private func source(
    _ file: InputFile,
    _ format: ImportFormat,
    skipping count: Int
  ) throws -> any ImportSource {
    switch format {
    case .line: return LineSource(file, skippedLineCount: count)
    case .csv:
      return CSVSource(
        file,
        mapping: try mapping(),
        measurement: measurement,
        precision: precision,
        skippedLineCount: count,
        lineByteCountMax: lineByteCountMax
      )
    case .jsonl:
      return JSONLinesSource(
        file,
        measurement: measurement,
        precision: precision,
        integersAreFloats: floats,
        skippedLineCount: count,
        lineByteCountMax: lineByteCountMax
      )
    case .parquet:
      guard file.path != "-" else {
        throw Failure("Parquet has its directory at its end: give a file, not standard input")
      }
      return try ParquetSource(
        disk: RealDisk(),
        path: file.path,
        skippedRowCount: count,
        lineByteCountMax: lineByteCountMax
      )
    }
  }
}

/// `--format` of `varve import`.
enum ImportFormat: String, CaseIterable, ExpressibleByArgument {
  case line, csv, jsonl, parquet

  /// By the name; what is nothing else is line protocol.
  init(path: String) { self = Self.named(path) ?? .line }

  /// What the end of a name says, if anything.
  static func named(_ path: String) -> ImportFormat? {
    var words = path.split(separator: ".").map { $0.lowercased() }
    if words.last == "gz" { words.removeLast() }
    guard words.count > 1 else { return nil }
    switch words.last {
    case "csv": return .csv
    case "jsonl", "ndjson": return .jsonl
    case "parquet": return .parquet
    case "lp", "line": return .line
    default: return nil
    }
  }
}

extension ImportPrecision: ExpressibleByArgument {}

/// What `varve import` prints at its end.
package struct ImportReport {
  private let tally: ImportTally
  private let failure: String?
  private let seconds: Double

  package init(_ tally: ImportTally, failure: String?, seconds: Double) {
    self.tally = tally
    self.failure = failure
    self.seconds = seconds
  }

  package func rendered(asJSON: Bool) -> String {
    var report = TextReport()
    report.fact("accepted_rows", .integer(tally.accepted))
    report.fact("rejected_rows", .integer(tally.rejected))
    report.fact("seconds", .decimal(seconds, 1))
    if let failure { report.fact("failure", .text(failure)) }
    if failure != nil { report.fact("go_on_with", .text(hint)) }
    var table = TextTable(["file", "line>", "column>", "reason"])
    for refusal in tally.refusals {
      table.add([
        .text(refusal.file), .integer(refusal.line), .integer(refusal.column),
        .text(refusal.reason),
      ])
    }
    report.table(
      "first refused lines (varve queue dead has all that a server refused)",
      key: "refused",
      table
    )
    return report.rendered(asJSON: asJSON)
  }

  /// How to go on; everything before it is durable or was refused.
  private var hint: String {
    guard let file = tally.doneFile else { return "the same command: nothing was acknowledged" }
    return "--skip-lines \(tally.doneLine) and \(file) as the first file"
  }
}
