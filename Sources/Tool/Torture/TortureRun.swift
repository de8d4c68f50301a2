internal import Engine
internal import Model
internal import Platform

/// A torture run: lives of one server, each ended by SIGKILL at another moment and followed by a
/// comparison of everything that was promised with everything that is there.
final class TortureRun {
  private static let connectionCount = 3
  private static let seriesPerConnection = 8
  /// A named point that is not reached within this time gives way to an ordinary kill.
  private static let pointNanoseconds: UInt64 = 3_000_000_000
  /// Within this time deleted rows leave the disk at the end.
  private static let spaceNanoseconds: UInt64 = 60_000_000_000

  private let data: String
  private let log: String
  private let clock = RealClock()
  private var random: TortureRandom
  private let connections: [TortureConnection]
  private(set) var faults = TortureFaults()
  private(set) var figures = Figures()

  /// What a run has done so far.
  struct Figures {
    var cycles = 0
    /// Starts, those that were killed before they were ready among them.
    var starts = 0
    /// By name; those whose server died while it was read among them.
    var killsByPoint: [String: Int] = [:]
    var killsWhileStarting = 0
    var acknowledgedRows = 0
    /// Deletes that were answered, and acknowledged rows that they took.
    var deletes = 0
    var deletedRows = 0
    var storedPoints = 0
    var storedRows = 0
    /// The most memory of a server once it took lines, and before it was killed.
    var startPeakByteCount = 0
    var peakByteCount = 0
    var seconds = 0.0
  }

  /// - Parameters:
  ///   - data: a directory that is new or empty.
  ///   - log: gets what the servers write to standard error.
  init(data: String, log: String, seed: UInt64) {
    self.data = data
    self.log = log
    random = TortureRandom(seed: seed)
    let clock = clock
    connections = (0..<Self.connectionCount).map { connection in
      let series = (0..<Self.seriesPerConnection).map { number in
        TortureSeries(name: "torture,id=\(connection)-\(number)", seed: seed)
      }
      return TortureConnection(series: series, seed: seed &+ UInt64(connection), clock: clock)
    }
  }

  /// Runs so many lives, then a last one that ends in peace.
  ///
  /// - Parameter report: told after each life.
  func run(cycles: Int, report: (TortureRun) -> Void) throws {
    let start = clock.monotonic()
    for _ in 0..<cycles {
      try live()
      figures.cycles += 1
      figures.seconds = Double(clock.monotonic() - start) / 1e9
      report(self)
      guard faults.isClean else { break }
    }
    try end()
    figures.seconds = Double(clock.monotonic() - start) / 1e9
  }

  // MARK: One life

  /// Starts, compares, loads, kills.
  private func live() throws {
    try killWhileStarting()
    let point = random.below(2) == 0 ? randomPoint() : nil
    guard let server = try startAndCompare(point) else { return }
    let threads = try connections.enumerated().map { index, connection in
      try WorkerThread(name: "torture-\(index)") { connection.run(to: server) }
    }
    let flusher = try WorkerThread(name: "flusher") { [seed = random.next()] in
      var random = TortureRandom(seed: seed)
      while !server.hasEnded {
        Signal().wait(timeoutNanoseconds: UInt64(random.below(400)) * 1_000_000)
        if random.below(2) == 0 { _ = server.flush() }
      }
    }
    waitForDeath(of: server, at: point)
    for connection in connections { connection.stop() }
    for thread in threads { thread.join() }
    flusher.join()
    for connection in connections { faults.add(connection.takeFaults()) }
    noteAcknowledged()
  }

  private func waitForDeath(of server: TortureServer, at point: String?) {
    let patience = point != nil ? Self.pointNanoseconds : UInt64(random.below(1_200)) * 1_000_000
    let start = clock.monotonic()
    while !server.hasEnded, clock.monotonic() - start < patience {
      Signal().wait(timeoutNanoseconds: min(5_000_000, patience))
    }
    if server.hasEnded, let point {
      noteKill(at: point)
    } else if let peak = server.peakByteCount() {
      figures.peakByteCount = max(figures.peakByteCount, peak)
    }
    server.kill()
    let end = server.wait()
    if end != .killed(signal: 9) { faults.other("a server ended by itself: \(end)") }
  }

  private func noteKill(at point: String) {
    figures.killsByPoint[String(point.prefix { $0 != ":" }), default: 0] += 1
  }

  private func randomPoint() -> String {
    let points = CrashPoint.allCases
    let point = points[random.below(points.count)]
    return "\(point.rawValue):\(1 + random.below(point.isFrequent ? 60 : 6))"
  }

  /// Now and then a start is killed, by the clock or at a point, before there is a next one.
  private func killWhileStarting() throws {
    while random.below(3) == 0 {
      figures.starts += 1
      figures.killsWhileStarting += 1
      if random.below(2) == 0 {
        let delay = UInt64(random.below(150)) * 1_000_000
        _ = try TortureServer.start(data: data, log: log, killAfter: delay)
        continue
      }
      let point = random.below(2) == 0 ? CrashPoint.opened : .replaying
      let crash = "\(point.rawValue):\(1 + random.below(3))"
      if let server = try TortureServer.start(data: data, log: log, crash: crash) {
        // There was too little to replay.
        server.kill()
        _ = server.wait()
      } else {
        noteKill(at: crash)
      }
    }
  }

  /// A server whose content is as it was promised; `nil` when it died at its point meanwhile.
  private func startAndCompare(_ point: String?) throws -> TortureServer? {
    figures.starts += 1
    guard let server = try TortureServer.start(data: data, log: log, crash: point) else {
      if let point { noteKill(at: point) }
      return nil
    }
    if let peak = server.peakByteCount() {
      figures.startPeakByteCount = max(figures.startPeakByteCount, peak)
    }
    guard try compare(server, flushes: random.below(3) == 0) else {
      guard let point, server.endOfSilence() == .killed(signal: 9) else {
        throw Failure("the server gave no answer while it was read; see \(log)")
      }
      noteKill(at: point)
      return nil
    }
    return server
  }

  /// Reads everything back and compares.
  ///
  /// - Returns: `false` when the server died before all was read; nothing is concluded then.
  private func compare(_ server: TortureServer, flushes: Bool) throws -> Bool {
    let end = clock.now() / 1_000_000_000 + 660
    let reader = TortureReader(server: server, end: end)
    var found = TortureFaults()
    if flushes, !server.flush() { return false }
    guard let rows = reader.rows(&found) else { return false }
    guard reader.checkWindows(rows, &found) else { return false }
    let points = rows.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    guard reader.checkLedger(points: points, flushes ? .flushed : .open, &found) else {
      return false
    }
    faults.add(found)
    for connection in connections {
      connection.update { series, faults in
        for index in series.indices {
          series[index].compare(rows[series[index].name] ?? [:], &faults)
        }
      }
      faults.add(connection.takeFaults())
    }
    let names = Set(connections.flatMap(\.series).map(\.name))
    for name in rows.keys where !names.contains(name) { faults.other("an unknown series \(name)") }
    figures.storedPoints = points
    figures.storedRows = rows.values.reduce(0) { $0 + $1.count }
    return true
  }

  private func noteAcknowledged() {
    figures.acknowledgedRows = connections.flatMap(\.series).reduce(0) {
      $0 + $1.acknowledgedRowCount
    }
    figures.deletes = connections.reduce(0) { $0 + $1.deletes.count }
    figures.deletedRows = connections.reduce(0) { $0 + $1.deletes.rows }
  }

  // MARK: The end

  /// Waits until every block with deleted rows was made anew: then as many points are stored as
  /// are found.
  private func awaitSpace(_ server: TortureServer) throws {
    let start = clock.monotonic()
    while true {
      var found = TortureFaults()
      let reader = TortureReader(server: server, end: 0)
      guard reader.checkLedger(points: figures.storedPoints, .settled, &found) else {
        throw Failure("the server went away while it was read; see \(log)")
      }
      let isLate = clock.monotonic() - start > Self.spaceNanoseconds
      if found.isClean || isLate { return faults.add(found) }
      Signal().wait(timeoutNanoseconds: 100_000_000)
    }
  }

  /// A last start, everything compared before and after a cut, an orderly stop, every checksum.
  private func end() throws {
    guard let server = try startAndCompare(nil) else { return }
    noteAcknowledged()
    guard try compare(server, flushes: true) else {
      throw Failure("the server went away while it was read; see \(log)")
    }
    try awaitSpace(server)
    let end = server.stop()
    if end != .exited(0) { faults.other("an orderly stop ended with \(end)") }
    for damage in DataDirectoryCheck(disk: RealDisk(), path: data).run().findings
    where damage.severity != .note {
      faults.other("damage: \(damage)")
    }
  }
}

extension CrashPoint {
  /// Whether a server under load arrives here many times a second.
  fileprivate var isFrequent: Bool {
    switch self {
    case .logAppended, .logSynced, .replaying: true
    case .segmentRolled, .catalogHalf, .blocksWritten, .ringSynced, .replacing, .cutCommitted,
      .hourFrozen, .freezeCommitted, .compactionWritten, .compactionCommitted,
      .compactionRemoving, .removalCommitted, .rollupWritten, .rollupCommitted, .opened:
      false
    }
  }
}
