internal import ArgumentParser
internal import Engine
internal import Model
internal import Platform

/// Shows what is in a data directory: the overview, or one part of it closely.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Show partitions, segments, blocks, chunks, names and the ledger of a data directory.",
    discussion: """
      Changes nothing and may run beside a live server. Without more options the overview comes; \
      --partition, --block, --segment, --measurement and --codecs look closely. A block reads \
      alone, without --data, for it repeats the names that it uses. Damage is listed at the end. \
      Exit status: 0 shown, 1 damaged or failed, 2 wrong usage.
      """
  )

  @Option(help: "The data directory.")
  var data: String?

  @Option(help: "A partition: its blocks and the hours of its ring.")
  var partition: Int?

  @Option(help: "A block, by path or by its name in the directory: its groups and codecs.")
  var block: String?

  @Option(help: "A segment of the queue, by path, name or number: what it has of each partition.")
  var segment: String?

  @Option(help: "A measurement: its fields and tags.")
  var measurement: String?

  @Flag(help: "Codecs of all blocks; reads them whole.")
  var codecs = false

  @Flag(help: "With --block: every chunk of the groups listed. With --segment: every batch.")
  var chunks = false

  @Option(help: "Groups, chunks, fields or batches that are listed at most.")
  var limit = 50

  @Option(help: "The tenant of --measurement.")
  var tenant = "default"

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    let views: [Bool] = [
      partition != nil, block != nil, segment != nil, measurement != nil, codecs,
    ]
    guard views.count(where: { $0 }) <= 1 else {
      throw ValidationError(
        "give one of --partition, --block, --segment, --measurement and --codecs"
      )
    }
    guard data != nil || block?.contains("/") == true else {
      throw ValidationError("give --data DIR, or --block with the path of a block")
    }
    try Check.range(partition ?? 0, 0...Int.max, option: "partition")
    try Check.range(limit, 0...Int.max, option: "limit")
  }

  func run() throws {
    let found: (report: TextReport, findings: [Damage])
    do {
      found = try view()
    } catch let error as EngineError {
      throw Failure(reading: error)
    }
    StandardOutput.write(found.report.rendered(asJSON: json))
    let damages = found.findings.filter { $0.severity != .note }
    for damage in damages {
      StandardOutput.writeError("damaged: \(VerifyText.line(damage))")
    }
    if !damages.isEmpty { throw ExitCode(1) }
  }

  private func view() throws -> (report: TextReport, findings: [Damage]) {
    let disk = RealDisk()
    if let block, block.contains("/") {
      return try BlockView.make(disk, path: block, limit: limit, listsChunks: chunks)
    }
    let data = data ?? "."
    if let segment {
      let log = try LogInspection(disk: disk, path: data)
      return try SegmentView.make(log, segment, limit: limit, listsBatches: chunks)
    }
    let snapshot = try DirectorySnapshot(disk: disk, path: data, readsLog: false)
    if let block {
      if let cold = snapshot.coldBlock(named: block) {
        return BlockView.make(cold, limit: limit, listsChunks: chunks)
      }
      let path = try BlockView.path(of: block, in: snapshot)
      return try BlockView.make(disk, path: path, limit: limit, listsChunks: chunks)
    }
    if let measurement {
      return try (CatalogView.make(snapshot, tenant: tenant, measurement: measurement), [])
    }
    if codecs { return CodecView.make(snapshot, limit: limit) }
    if let partition { return try PartitionTables.make(snapshot, partition) }
    return try Overview.make(snapshot)
  }
}

extension Failure {
  /// A data directory that cannot be read; the engine's words are for one that should be used.
  init(reading error: EngineError) {
    if case .foreignDirectory(let path, let found) = error {
      self.init("\(path) is no data directory that this version reads: \(found)")
    } else {
      self.init("\(error)")
    }
  }

  /// Something that a command was asked to show and that is not there.
  static func notThere(_ path: String, _ what: String) -> Failure { Failure("\(path): \(what)") }
}
