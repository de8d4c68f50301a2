import Model
import Query
import TestSupport

/// Random rows and random queries from one seed.
struct TierScript {
  private static let second: Int64 = 1_000_000_000
  private static let minute = 60 * second
  private static let hour = 60 * minute

  var random: SeededRandom
  private var sent: [TierRow] = []

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  private mutating func one(of count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

  // MARK: Rows

  /// Rows as agents send them at `now`: mostly fresh, some late, repeated, corrected or ahead.
  mutating func rows(now: Timestamp) -> [TierRow] {
    var rows: [TierRow] = []
    switch one(of: 6) {
    case 0:
      // A minute or two of one server, a row a second.
      let start = now - Int64.random(in: 0...120, using: &random) * Self.second
      let tags = tags()
      let names = names()
      for offset in 0..<Int64.random(in: 30...90, using: &random) {
        let time = min(start + offset * Self.second, now + 500 * Self.second)
        rows.append(row("cpu", tags, names, at: time))
      }
    case 1:
      // Each metric as a row of its own, under one timestamp.
      let tags = tags()
      let time = time(now)
      for name in Self.fields { rows.append(row("cpu", tags, [name], at: time)) }
    default:
      for _ in 0..<Int.random(in: 1...25, using: &random) {
        let measurement = one(of: 3) == 0 ? "disk" : "cpu"
        rows.append(row(measurement, tags(), names(), at: time(now)))
      }
    }
    // Sent again, as it was or with other values.
    for _ in 0..<Int.random(in: 0...4, using: &random) where !sent.isEmpty {
      var again = sent[one(of: sent.count)]
      if one(of: 2) == 0 {
        again = row(again.measurement, again.tags, names(), at: again.timestamp)
      }
      rows.append(again)
    }
    if one(of: 4) == 0 { rows.shuffle(using: &random) }
    sent += rows
    if sent.count > 2_000 { sent.removeFirst(sent.count - 2_000) }
    return rows
  }

  private static let fields = ["f", "g", "i", "u", "b", "s"]

  /// Rows of a server of its own, a second apart, enough for a chunk that tells what it comes to.
  mutating func longRun(of server: Int, until now: Timestamp) -> [TierRow] {
    let tags = ["host": "long\(server)"]
    let count = Int64.random(in: 513...600, using: &random)
    let rows = (0..<count).map {
      row("cpu", tags, Self.fields, at: now - (count - $0) * Self.second)
    }
    sent += rows.prefix(2)
    return rows
  }

  /// All of a time by the day, with every aggregate.
  func dayByDay(from start: Timestamp, to end: Timestamp) -> TierQuery {
    var query = TierQuery(measurement: "cpu", fields: nil, range: TimeRange(start: 0, end: 0))
    let day = 24 * Self.hour
    query.step = day
    query.range = TimeRange(start: start / day * day, end: (end + day - 1) / day * day)
    query.aggregates = Aggregate.allCases
    return query
  }

  private mutating func names() -> [String] {
    if one(of: 3) == 0 { return Self.fields }
    return Array(Self.fields.shuffled(using: &random).prefix(1 + one(of: 4)))
  }

  private mutating func tags() -> [String: String] {
    var tags = ["host": "h\(one(of: 3))"]
    if one(of: 3) > 0 { tags["zone"] = ["east", "west"][one(of: 2)] }
    return tags
  }

  private mutating func time(_ now: Timestamp) -> Timestamp {
    switch one(of: 20) {
    case 0: now - Int64.random(in: 0...50, using: &random) * Self.hour
    case 1, 2: now - Int64.random(in: 0...200, using: &random) * Self.minute
    case 3: now + Int64.random(in: 0...9, using: &random) * Self.minute
    case 4: now / Self.hour * Self.hour
    case 5: now / Self.minute * Self.minute - 1
    default: now - Int64.random(in: 0...30, using: &random) * Self.second
    }
  }

  private mutating func row(
    _ measurement: String,
    _ tags: [String: String],
    _ names: [String],
    at time: Timestamp
  ) -> TierRow {
    TierRow(
      measurement: measurement,
      tags: tags,
      fields: names.map { ($0, value(of: $0)) },
      timestamp: time
    )
  }

  private mutating func value(of field: String) -> ModelValue {
    let small = Int64.random(in: -3...3, using: &random)
    switch field {
    case "f": return .float((small == 3 ? -0.0 : Double(small) / 8).bitPattern)
    case "g":
      let raw = Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / 977
      return .float((one(of: 20) == 0 ? raw * 1e290 : raw).bitPattern)
    case "i": return .integer(one(of: 2) == 0 ? small : .max - small * small)
    case "u": return .unsigned(UInt64(bitPattern: small))
    case "b": return .boolean(small > 0)
    default: return .string(["", "a b", "x\ny", "é"][Int(small & 3)])
    }
  }

  // MARK: Queries

  /// A query of any shape about what was written up to `now`.
  mutating func query(now: Timestamp) -> TierQuery {
    var query = TierQuery(
      measurement: one(of: 4) == 0 ? "disk" : "cpu",
      fields: one(of: 3) == 0 ? nil : names().sorted(),
      range: range(now)
    )
    switch one(of: 4) {
    case 0: query.tags["host"] = "h\(one(of: 4))"
    case 1: query.tags["zone"] = ["", "east", "west"][one(of: 3)]
    default: break
    }
    guard one(of: 3) > 0 else {
      if one(of: 3) == 0 { query.limit = Int.random(in: 1...200, using: &random) }
      return query
    }
    let steps = [
      Self.second, 7 * Self.second, Self.minute, Self.minute, 90 * Self.second, 5 * Self.minute,
      Self.hour, 24 * Self.hour,
    ]
    var step = steps[one(of: steps.count)]
    if (query.range.end - query.range.start) / step > 50_000 { step = Self.minute }
    query.step = step
    query.range = TimeRange(
      start: query.range.start / step * step,
      end: (query.range.end + step - 1) / step * step
    )
    query.aggregates = Array(
      Aggregate.allCases.shuffled(using: &random).prefix(1 + one(of: Aggregate.allCases.count))
    )
    switch one(of: 4) {
    case 0: query.groupBy = ["zone"]
    case 1: query.groupBy = ["host", "zone"]
    default: break
    }
    return query
  }

  private mutating func range(_ now: Timestamp) -> TimeRange {
    let spans = [Self.minute, 10 * Self.minute, Self.hour, 3 * Self.hour, 60 * Self.hour]
    let span = Int64.random(in: 1...spans[one(of: spans.count)], using: &random)
    var end = now + 10 * Self.minute
    if one(of: 2) == 0 { end = now - Int64.random(in: 0...4 * Self.hour, using: &random) }
    let start = end - span
    guard one(of: 2) == 0 else { return TimeRange(start: start, end: end) }
    return TimeRange(
      start: start / Self.minute * Self.minute,
      end: end / Self.minute * Self.minute + Self.minute
    )
  }
}
