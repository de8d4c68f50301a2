import Engine
import Logging
import Model
import Platform
import Query
import TestSupport

/// One data directory through several lives: lines, retries, late rows, cuts, queries, crashes. All
/// chance comes from one seed, so a failure is replayed by its number.
final class PipelineSimulation {
  let seed: UInt64
  var random: SeededRandom
  let disk: FaultyDisk
  let clock = ManualClock(now: 1_795_373_340_000_000_000)
  var model = PipelineModel()
  var faults: [String] = []
  private var engine: Engine?
  private var receiver: Receiver?
  private var connection: LineConnection?
  private var acknowledgements = 0
  private var newest: [String: Timestamp] = [:]
  private(set) var lives = 0
  private(set) var checks = 0

  init(seed: UInt64) {
    self.seed = seed
    random = SeededRandom(seed: seed)
    disk = FaultyDisk(seed: seed)
  }

  private var configuration: EngineConfiguration {
    var result = EngineConfiguration(dataDirectory: "/data")
    result.partitionCount = 2
    result.workerCount = 1
    result.openRowByteCountMax = 4 << 20
    result.segmentByteCountMax = 8 << 10
    result.queueRetainByteCount = 0
    result.queueRetainNanoseconds = 0
    result.ringExtentByteCount = 64 << 10
    result.compaction.cutCount = 2
    result.blockOpenFileCountMax = 4
    return result
  }

  func run(lives: Int, stepsPerLife: Int) async {
    for life in 0..<lives {
      guard await open() else { return }
      await check(afterCrash: life > 0)
      guard faults.isEmpty else { return }
      if Int.random(in: 0..<3, using: &random) > 0 {
        disk.powerOff(afterOperations: Int.random(in: 0..<400, using: &random))
      }
      for _ in 0..<stepsPerLife {
        await act()
        guard faults.isEmpty else { return }
        if disk.isOff { break }
      }
      crash()
    }
    guard await open() else { return }
    await check(afterCrash: true)
    await settleAndFlush()
    await check(afterCrash: false)
    await checkLedger(isFlushed: true)
    clock.advance(seconds: 8_000)
    for _ in 0..<400 { step() }
    if !disk.files.keys.contains(where: { $0.hasSuffix(".frozen") }) {
      faults.append("seed \(seed): no hour was frozen")
    }
    await checkWindows()
  }

  // MARK: Life and death

  private func open() async -> Bool {
    lives += 1
    // A crash may strike while the engine opens, too.
    if lives > 1, Int.random(in: 0..<4, using: &random) == 0 {
      disk.powerOff(afterOperations: Int.random(in: 0..<30, using: &random))
      _ = try? start()
      crash()
    }
    do {
      try start()
      return true
    } catch {
      faults.append("seed \(seed): life \(lives) does not open: \(error)")
      return false
    }
  }

  private func start() throws {
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() },
      threading: .manual
    )
    let report = try engine.start()
    // The catalog keeps two copies: what a torn write spoiled in one is healed from the other.
    for damage in report.damages
    where damage.severity != .note && !damage.path.contains("/catalog/") {
      faults.append("seed \(seed): a crash is no damage: \(damage)")
    }
    let receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "simulation")
    self.receiver = receiver
    self.engine = engine
  }

  private func crash() {
    engine = nil
    receiver = nil
    connection = nil
    let kinds: [FaultyDisk.Crash] = [.power, .powerLosingAll, .kill]
    disk.crash(kinds[Int.random(in: 0..<3, using: &random)])
    clock.advance(seconds: Int64.random(in: 1...5, using: &random))
  }

  // MARK: Acts

  private func act() async {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<50: send()
    case 50..<65: ask()
    case 65..<85: step()
    case 85..<89: clock.advance(nanoseconds: Int64.random(in: 0...20_000_000_000, using: &random))
    case 89..<93:
      // Time for hours to close; what comes for them later restates them.
      clock.advance(seconds: Int64.random(in: 0...3_000, using: &random))
      for _ in 0..<10 { step() }
    case 93..<96:
      step()
      _ = try? await engine?.flush()
    default:
      step()
      if !disk.isOff { await checkWindows() }
    }
    readReplies()
  }

  private func send() {
    var text = ""
    for _ in 0..<Int.random(in: 1...20, using: &random) { text += line() }
    receive(text)
  }

  private func receive(_ text: String) {
    guard let receiver, let connection else { return }
    let bytes = Array(text.utf8)
    // The bytes arrive in pieces of any size.
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count, start + Int.random(in: 1...300, using: &random))
      unsafe bytes[start..<end].withUnsafeBytes { _ = unsafe receiver.receive($0, on: connection) }
      start = end
    }
    receiver.endOfRound()
  }

  private func ask() {
    acknowledgements += 1
    let id = "a\(acknowledgements)"
    model.ask(id)
    receive("#ack \(id)\n")
    step()
  }

  private func step() {
    clock.advance(nanoseconds: 3_000_000)
    receiver?.tick()
    for _ in 0..<Int.random(in: 1...4, using: &random) { _ = try? engine?.step() }
    receiver?.settle()
  }

  private func readReplies() {
    guard let connection else { return }
    for line in String(decoding: connection.takeReplies(), as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      let isKnown =
        switch words.first {
        case "OK": model.acknowledge(String(words[1])) && words[3] == "0"
        case "FAIL": model.fail(String(words[1]))
        default: false
        }
      if !isKnown { faults.append("seed \(seed): unexpected reply \(line)") }
    }
  }

  /// A line of one to four fields: mostly in order, sometimes late, repeated or replacing.
  private func line() -> String {
    let measurement = ["cpu", "disk"][Int.random(in: 0..<2, using: &random)]
    let series = "\(measurement),host=h\(Int.random(in: 0..<3, using: &random))"
    let last = newest[series] ?? clock.now() - 7_200_000_000_000
    let timestamp: Timestamp =
      switch Int.random(in: 0..<10, using: &random) {
      case 0: last - Int64.random(in: 0...100, using: &random) * 1_000_000_000
      case 1: max(0, last - Int64.random(in: 0...10_000, using: &random) * 1_000_000_000)
      case 2: last
      default:
        min(
          clock.now() + 500_000_000_000,
          last + Int64.random(in: 1...5, using: &random) * 1_000_000_000
        )
      }
    newest[series] = max(last, timestamp)
    let names = ["f", "g", "i", "u", "b", "s"].shuffled(using: &random)
    let fields = names.prefix(Int.random(in: 1...4, using: &random)).map { name in
      let value = value(of: name)
      model.send(ModelPoint(series: series, field: name, timestamp: timestamp), value)
      return "\(name)=\(value.text)"
    }
    return "\(series) \(fields.joined(separator: ",")) \(timestamp)\n"
  }

  private func value(of field: String) -> ModelValue {
    let small = Int64.random(in: -3...3, using: &random)
    switch field {
    case "f": return .float((Double(small) / 10).bitPattern)
    case "g":
      let raw = Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / 977
      return .float(raw.bitPattern)
    case "i": return .integer(Bool.random(using: &random) ? small : Int64.max - small * small)
    case "u": return .unsigned(UInt64(bitPattern: small))
    case "b": return .boolean(small > 0)
    default: return .string(["", "a b", "x\ny", "é"][Int(small & 3)])
    }
  }

  // MARK: Checks

  private func settleAndFlush() async {
    ask()
    for _ in 0..<1000 where model.awaitsAnswer {
      step()
      readReplies()
    }
    if model.awaitsAnswer { faults.append("seed \(seed): an #ack is never answered") }
    do { try await engine?.flush() } catch { faults.append("seed \(seed): flush: \(error)") }
  }

  private func query(_ items: [(name: String, value: String)]) async -> RangeAnswer? {
    guard let engine else { return nil }
    do {
      return try await engine.range(items, tenant: "default")
    } catch {
      if !disk.isOff { faults.append("seed \(seed): query \(items): \(error)") }
      return nil
    }
  }

  /// Reads every point back.
  private func readAll() async -> [ModelPoint: ModelValue]? {
    var found: [ModelPoint: ModelValue] = [:]
    for measurement in ["cpu", "disk"] {
      guard
        let answer = await query([
          ("measurement", measurement), ("field", "*"), ("start", "0"),
          ("end", "\(clock.now() / 1_000_000_000 + 1000)"),
        ])
      else { return nil }
      if !answer.warnings.isEmpty { faults.append("seed \(seed): \(answer.warnings)") }
      for series in answer.series {
        let name = Self.name(series)
        guard case .points(let timestamps, let values) = series.content else { continue }
        for (index, timestamp) in timestamps.enumerated() {
          let point = ModelPoint(
            series: name,
            field: String(decoding: series.field, as: UTF8.self),
            timestamp: timestamp
          )
          found[point] = values.modelValue(at: index)
        }
      }
    }
    return found
  }

  private static func name(_ series: RangeAnswer.Series) -> String {
    String(decoding: series.measurement, as: UTF8.self)
      + series.tags.map { tag in
        ",\(String(decoding: tag.key, as: UTF8.self))=\(String(decoding: tag.value, as: UTF8.self))"
      }.joined()
  }

  private func check(afterCrash: Bool) async {
    checks += 1
    guard let found = await readAll() else { return }
    faults += model.faults(in: found).prefix(5).map {
      "seed \(seed), life \(lives), after crash \(afterCrash): \($0)"
    }
    if afterCrash { model.collapse(to: found) }
    await checkLedger(isFlushed: false)
    await checkWindows()
  }

  private func checkLedger(isFlushed: Bool) async {
    guard let engine, !disk.isOff else { return }
    let rows = await engine.ledger()
    for row in rows where !row.isBalanced {
      faults.append("seed \(seed), life \(lives): ledger off: \(row)")
    }
    guard isFlushed else { return }
    let stored = rows.reduce(0) { $0 + $1.entry.stored }
    if stored != UInt64(model.points.count) {
      faults.append("seed \(seed): \(stored) stored, \(model.points.count) points")
    }
  }

  /// Minutes of every field as the engine folds them, against a fold of what it gives back raw.
  private func checkWindows() async {
    guard let found = await readAll() else { return }
    var minutes: [ModelPoint: [(Timestamp, ModelValue)]] = [:]
    for (point, value) in found {
      var minute = point
      minute.timestamp = point.timestamp / 60_000_000_000
      minutes[minute, default: []].append((point.timestamp, value))
    }
    for measurement in ["cpu", "disk"] {
      let now = clock.now() / 1_000_000_000
      guard
        let answer = await query([
          ("measurement", measurement), ("field", "*"), ("start", "\(now - 40_000)"),
          ("end", "\(now + 1000)"), ("step", "60s"), ("agg", "count,sum,min,max,first,last"),
        ]), let grid = answer.grid
      else { return }
      for series in answer.series {
        guard case .buckets(let present, let columns) = series.content else { continue }
        for bucket in 0..<present.count {
          let point = ModelPoint(
            series: Self.name(series),
            field: String(decoding: series.field, as: UTF8.self),
            timestamp: grid.start(of: bucket) / 60_000_000_000
          )
          let expected = minutes.removeValue(forKey: point)?.sorted { $0.0 < $1.0 } ?? []
          if present.contains(bucket) != !expected.isEmpty {
            let found = present.contains(bucket) ? "a window" : "no window"
            faults.append("seed \(seed), life \(lives): \(point) \(found), \(expected.count) rows")
          }
          guard present.contains(bucket), !expected.isEmpty else { continue }
          for column in columns {
            let fault = WindowCheck.fault(
              column.aggregate,
              column.values.modelValue(at: bucket),
              expected.map(\.1)
            )
            if let fault { faults.append("seed \(seed), life \(lives): \(point): \(fault)") }
          }
        }
      }
    }
    let oldest = clock.now() / 60_000_000_000 - 600
    let left = minutes.keys.filter { $0.timestamp > oldest }
    if let first = left.first, faults.isEmpty {
      faults.append("seed \(seed): no window for \(first)")
    }
  }
}
