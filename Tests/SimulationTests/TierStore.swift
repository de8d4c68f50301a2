import Engine
import Logging
import Model
import Platform
import Query
import TestSupport

/// One engine that is told the same as others and keeps it in its own way.
final class TierStore {
  /// Where rows come to lie.
  enum Habit: CaseIterable {
    /// Never cuts: all rows stay open, and come back from the log.
    case open
    /// Cuts after nearly every batch, by order.
    case cutting
    /// Cuts by its own budgets, with several partitions and workers.
    case budget
    /// Cuts, restarts and power failures as the seed says.
    case mixed
    /// Cuts, merges at once and moves what is three days old into the cold tier, with restarts.
    case cold

    /// Those that a test of two days compares.
    static let hot: [Habit] = [.open, .cutting, .budget, .mixed]
  }

  let habit: Habit
  private let disk: FaultyDisk
  private let clock: ManualClock
  private var random: SeededRandom
  private var engine: Engine
  private var receiver: Receiver
  private var connection: LineConnection
  private(set) var faults: [String] = []
  private var acknowledgements = 0
  /// What answers came from, over all queries.
  private(set) var statistics = RangeAnswer.Statistics()

  init(_ habit: Habit, clock: ManualClock, seed: UInt64) throws {
    self.habit = habit
    self.clock = clock
    disk = FaultyDisk(seed: seed)
    random = SeededRandom(seed: seed)
    engine = try Self.open(habit, disk, clock)
    receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "tiers")
  }

  private static func open(
    _ habit: Habit,
    _ disk: FaultyDisk,
    _ clock: ManualClock
  ) throws -> Engine {
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = habit == .budget ? 4 : 2
    configuration.workerCount = habit == .budget ? 2 : 1
    configuration.segmentByteCountMax = 16 << 10
    configuration.ringExtentByteCount = 64 << 10
    configuration.compaction.cutCount = 3
    switch habit {
    case .open:
      configuration.cutIntervalNanoseconds = .max / 2
      configuration.stretchRowCount = 5
    case .cutting: break
    case .mixed: configuration.stretchRowCount = 3
    case .cold:
      configuration.stretchRowCount = 7
      configuration.compaction.cutCount = 2
      configuration.compaction.coldAfterNanoseconds = 60_000_000_000
      configuration.cold.location = "/cold"
      configuration.cold.afterNanoseconds = 3 * 86_400_000_000_000
      configuration.cold.cacheByteCount = 1 << 20
    case .budget:
      configuration.openRowByteCountMax = 4 << 20
      configuration.stretchRowCount = 17
    }
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: Logger(label: "tiers") { _ in SwiftLogNoOpLogHandler() },
      threading: .manual
    )
    let report = try engine.start()
    let damages = report.damages.filter { damage in
      damage.severity != .note && !damage.path.contains("/catalog/")
    }
    guard damages.isEmpty else { throw TierFault(text: "a restart is no damage: \(damages)") }
    return engine
  }

  private func restart(_ crash: FaultyDisk.Crash) throws {
    disk.crash(crash)
    engine = try Self.open(habit, disk, clock)
    receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "tiers")
  }

  // MARK: Writing

  /// Sends rows and waits until they are acknowledged.
  func write(_ rows: [TierRow]) throws {
    acknowledgements += 1
    let id = "a\(acknowledgements)"
    let text = rows.map { $0.line + "\n" }.joined() + "#ack \(id)\n"
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...5_000, using: &random))
      unsafe bytes[start..<end].withUnsafeBytes { _ = unsafe receiver.receive($0, on: connection) }
      start = end
    }
    receiver.endOfRound()
    for _ in 0..<10_000 where !connection.hasReplies {
      // The clock stands still; only waits of the committer need it to move.
      clock.advance(nanoseconds: 1_000_000)
      try engine.step()
      receiver.settle()
    }
    let reply = String(decoding: connection.takeReplies(), as: UTF8.self)
    if reply != "OK \(id) \(rows.count) 0\n" { faults.append("\(habit): answered \(reply)") }
  }

  /// Cuts, restarts and idles as the habit wants it.
  func rest() async throws {
    for _ in 0..<Int.random(in: 0...3, using: &random) { try engine.step() }
    switch habit {
    case .open: if Int.random(in: 0..<8, using: &random) == 0 { try restart(.kill) }
    case .cutting: if Int.random(in: 0..<8, using: &random) > 0 { try await engine.flush() }
    case .budget: if Int.random(in: 0..<10, using: &random) == 0 { try restart(.power) }
    case .mixed:
      switch Int.random(in: 0..<6, using: &random) {
      case 0, 1: try await engine.flush()
      case 2: try restart(.powerLosingAll)
      case 3:
        try engine.stop()
        try restart(.kill)
      default: break
      }
    case .cold:
      if Int.random(in: 0..<8, using: &random) > 0 { try await engine.flush() }
      for _ in 0..<40 { try engine.step() }
      let crashes = [FaultyDisk.Crash.kill, .power, .powerLosingAll]
      if Int.random(in: 0..<6, using: &random) == 0 {
        try restart(crashes[Int.random(in: 0..<3, using: &random)])
      }
    }
  }

  /// Blocks that lie in the cold tier.
  var coldBlockCount: Int { engine.metrics().partitions.reduce(0) { $0 + $1.coldBlockCount } }

  // MARK: Reading

  /// All pages of a raw answer, or the one answer in buckets.
  func answer(_ query: TierQuery) async throws -> [RangeAnswer] {
    var items = query.items
    var pages: [RangeAnswer] = []
    while pages.count < 10_000 {
      let page = try await engine.range(items, tenant: "default")
      if !page.warnings.isEmpty { faults.append("\(habit): \(page.warnings)") }
      statistics.ringWindows += page.statistics.ringWindows
      statistics.chunksFromStatistics += page.statistics.chunksFromStatistics
      statistics.chunksDecoded += page.statistics.chunksDecoded
      statistics.chunksCold += page.statistics.chunksCold
      statistics.rowsOpen += page.statistics.rowsOpen
      pages.append(page)
      guard let next = page.next else { break }
      items.removeAll { $0.name == "next" }
      items.append(("next", next.text))
    }
    return pages
  }

  /// Compares the ledger with the number of points that there are.
  func checkLedger(points: Int) async throws {
    try await engine.flush()
    let rows = await engine.ledger()
    for row in rows where !row.isBalanced { faults.append("\(habit): ledger off: \(row)") }
    let stored = rows.reduce(0) { $0 + $1.entry.stored }
    // Late rows are not compared with the cold tier: those that it has count as stored again.
    let isRight = habit == .cold ? stored >= UInt64(points) : stored == UInt64(points)
    if !isRight { faults.append("\(habit): \(stored) stored of \(points) points") }
  }
}

struct TierFault: Error {
  var text: String
}
