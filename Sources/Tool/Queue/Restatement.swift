internal import Catalog
package import Engine
package import Model
internal import Platform

/// Compares what the log holds with what blocks hold, and applies what differs once more as rows
/// that come late, so that its windows are restated.
///
/// Rows that differ are held as text until the log is read through, for the engine needs the
/// directory for itself then. Beyond ``heldByteCountMax`` the rest waits for another round: the log
/// is read again, and what the rounds before have applied does not differ any more. Memory does not
/// grow with what differs; each round costs a reading of the log.
package struct Restatement {
  /// What a server can be told to take at most.
  private static let lineByteCountMax = 8 << 20

  /// Bytes of line protocol that are held, about: one series' rows more at the most.
  package static let heldByteCountMax = 64 << 20

  package struct Outcome {
    /// Of the first round: all that differed.
    package var summary = LogReplay.Summary()
    package var damages: [Damage] = []
    package var restatedRowCount = 0
    package var rejectedRowCount = 0
    /// Points that have no spelling in line protocol, by which rows are applied.
    package var unsayablePointCount = 0
    package var roundCount = 0
  }

  private let path: String
  private let start: LogReplay.Start
  private let partition: PartitionID?
  private let topic: [UInt8]?
  private let tenant: [UInt8]?
  private let heldByteCountMax: Int

  /// - Parameters:
  ///   - partition: `nil` for all, as for `topic` and `tenant`.
  package init(
    path: String,
    from start: LogReplay.Start,
    partition: PartitionID? = nil,
    topic: [UInt8]? = nil,
    tenant: [UInt8]? = nil,
    heldByteCountMax: Int = heldByteCountMax
  ) {
    self.path = path
    self.start = start
    self.partition = partition
    self.topic = topic
    self.tenant = tenant
    self.heldByteCountMax = heldByteCountMax
  }

  /// Rows of one tenant as text.
  private struct Held {
    var tenant: [UInt8]
    var piece = ImportPiece()
  }

  /// - Parameters:
  ///   - dryRun: whether nothing is applied.
  ///   - progress: told of the pass and of how many there are.
  ///   - change: gets each window that would be another one, of the first round.
  /// - Throws: ``EngineError``, and whatever ends the engine.
  package func run(
    dryRun: Bool,
    progress: (_ pass: Int, _ passCount: Int) -> Void = { _, _ in },
    change: (LogReplay.Change, DirectorySnapshot) -> Void
  ) throws -> Outcome {
    var outcome = Outcome()
    var last = Int.max
    while true {
      let isFirst = outcome.roundCount == 0
      var held: [Held] = []
      let (replay, unsayableCount, isCutShort) = try compare(&held, dryRun: dryRun, progress) {
        if isFirst { change($0, $1) }
      }
      // Each round meets them.
      outcome.unsayablePointCount = max(outcome.unsayablePointCount, unsayableCount)
      if isFirst {
        outcome.summary = replay.summary
        outcome.damages = replay.damages
      }
      outcome.roundCount += 1
      // What a round does not make less, the next one would not either.
      guard !held.isEmpty, replay.summary.changedPointCount < last else { break }
      last = replay.summary.changedPointCount
      let tally = try apply(held)
      outcome.restatedRowCount += tally.accepted
      outcome.rejectedRowCount += tally.rejected
      guard isCutShort, tally.rejected == 0 else { break }
    }
    return outcome
  }

  private func compare(
    _ held: inout [Held],
    dryRun: Bool,
    _ progress: (Int, Int) -> Void,
    _ change: (LogReplay.Change, DirectorySnapshot) -> Void
  ) throws(EngineError) -> (replay: LogReplay, unsayableCount: Int, isCutShort: Bool) {
    let disk = RealDisk()
    let log = try LogInspection(disk: disk, path: path)
    let snapshot = try DirectorySnapshot(disk: disk, path: path)
    let (catalog, topic, tenant) = (snapshot.catalog, topic, tenant)
    let replay = LogReplay(log, snapshot, from: start, partition: partition) { owner, measurement in
      (tenant == nil || catalog.tenant(owner)?.name == tenant)
        && (topic == nil || catalog.measurement(measurement)?.name == topic)
    }
    var writer = LineWriter(lineByteCountMax: Self.lineByteCountMax)
    var byteCount = 0
    var isCutShort = false
    try replay.run(progress: progress) {
      change($0, snapshot)
    } rows: { found throws(EngineError) in
      guard !dryRun else { return }
      guard byteCount < heldByteCountMax else {
        isCutShort = true
        return
      }
      var item = Held(tenant: catalog.tenant(found.tenant)?.name ?? [])
      item.piece.file = "the log"
      writer.write(found.values, of: found.series, into: &item.piece.bytes)
      item.piece.lineFeedCount = item.piece.bytes.count { $0 == UInt8(ascii: "\n") }
      byteCount += item.piece.bytes.count
      held.append(item)
    }
    return (replay, writer.unsayableCount, isCutShort)
  }

  private func apply(_ held: [Held]) throws -> ImportTally {
    var configuration = try EngineChannel.configuration(of: path)
    // What is replayed may be replayed again: the server's own limits hold from its next start on.
    configuration.lineByteCountMax = Self.lineByteCountMax
    configuration.queueRetainByteCount = .max
    configuration.queueRetainNanoseconds = .max
    let channel = try EngineChannel(configuration, windowByteCount: 4 << 20)
    do {
      try channel.begin(Array("#ack replay-begin\n#precision ns\n".utf8), lineCount: 2)
      var tenant: [UInt8]?
      for item in held {
        if tenant != item.tenant {
          let line = Array("#tenant ".utf8) + item.tenant + [UInt8(ascii: "\n")]
          try channel.begin(line, lineCount: 1)
          tenant = item.tenant
        }
        try channel.send(item.piece)
      }
      try channel.finish()
    } catch {
      try? channel.finish()
      throw error
    }
    return channel.tally
  }
}
