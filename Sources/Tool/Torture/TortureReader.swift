internal import Model

/// Reads everything back from a server and compares it with what was promised.
struct TortureReader {
  /// What a server gave back of one series.
  typealias Rows = [Timestamp: [String: TortureSeries.Value]]

  private static let measurement = "torture"
  /// Points of one page.
  private static let limit = 500_000

  let server: TortureServer
  /// The newest time that may be asked for, in seconds.
  let end: Int64

  /// All points by the series' line protocol name; `nil` when the server is gone.
  func rows(_ faults: inout TortureFaults) -> [String: Rows]? {
    var result: [String: Rows] = [:]
    var next = ""
    while true {
      let page = server.data(
        "/api/v1/range?measurement=\(Self.measurement)&field=*&start=0&end=\(end)"
          + "&limit=\(Self.limit)\(next)"
      )
      guard let page else { return nil }
      for series in page["series"]?.items ?? [] { take(series, into: &result, &faults) }
      guard let token = page["next"]?.text else { return result }
      next = "&next=\(token)"
    }
  }

  private func take(
    _ series: TortureJSON,
    into rows: inout [String: Rows],
    _ faults: inout TortureFaults
  ) {
    guard let name = Self.name(series), let field = series["field"]?.text,
      let times = series["timestamps"]?.items, let values = series["values"]?.items,
      times.count == values.count
    else { return faults.other("an answer of an unknown shape") }
    var found = rows.removeValue(forKey: name) ?? [:]
    for (time, value) in zip(times, values) {
      guard let timestamp = time.text.flatMap({ Timestamp($0) }), let text = value.text else {
        faults.other("\(name) \(field): a point of an unknown shape")
        continue
      }
      let value: TortureSeries.Value =
        switch field {
        case "b": .integer(Int64(text) ?? .min)
        case "s": .string(text)
        default: .float(Double(text) ?? .nan)
        }
      let old = found[timestamp, default: [:]].updateValue(value, forKey: field)
      if old != nil { faults.duplicated("\(name) \(field) at \(timestamp)") }
    }
    rows[name] = found
  }

  private static func name(_ series: TortureJSON) -> String? {
    series["tags"]?["id"]?.text.map { "\(measurement),id=\($0)" }
  }

  // MARK: Windows

  /// Compares the minutes of every numeric field with a fold of `rows`; `false` when the server is
  /// gone.
  func checkWindows(_ rows: [String: Rows], _ faults: inout TortureFaults) -> Bool {
    guard let start = rows.values.compactMap({ $0.keys.min() }).min() else { return true }
    let minute: Int64 = 60_000_000_000
    let data = server.data(
      "/api/v1/range?measurement=\(Self.measurement)&field=a,b,d&start=\(start / minute * 60)"
        + "&end=\(end)&step=60s&agg=count,sum,min,max,first,last"
    )
    guard let data else { return false }
    let times = (data["timestamps"]?.items ?? []).map { Int64($0.text ?? "") ?? -1 }
    var expected = Self.fold(rows)
    for series in data["series"]?.items ?? [] {
      guard let name = Self.name(series), let field = series["field"]?.text else { continue }
      let columns = ["count", "sum", "min", "max", "first", "last"].map { series[$0]?.items ?? [] }
      guard columns.allSatisfy({ $0.count == times.count }) else {
        faults.other("windows of an unknown shape")
        continue
      }
      for (index, time) in times.enumerated() where columns[0][index].text != "0" {
        let key = WindowKey(name: name, field: field, minute: time / 60_000)
        let found = columns.map { Double($0[index].text ?? "") ?? .nan }
        let wanted = expected.removeValue(forKey: key)
        if wanted != found {
          faults.windowWrong("\(name) \(field) at \(time): \(found), expected \(wanted ?? [])")
        }
      }
    }
    for key in expected.keys { faults.windowWrong("\(key.name) \(key.field) at \(key.minute)") }
    return true
  }

  private struct WindowKey: Hashable {
    var name: String
    var field: String
    var minute: Int64
  }

  /// Count, sum, min, max, first and last of every minute.
  private static func fold(_ rows: [String: Rows]) -> [WindowKey: [Double]] {
    var windows: [WindowKey: [Double]] = [:]
    for (name, rows) in rows {
      for (timestamp, values) in rows.sorted(by: { $0.key < $1.key }) {
        for (field, value) in values {
          let number: Double
          switch value {
          case .float(let value): number = value
          case .integer(let value): number = Double(value)
          case .string: continue
          }
          let key = WindowKey(name: name, field: field, minute: timestamp / 60_000_000_000)
          guard let old = windows[key] else {
            windows[key] = [1, number, number, number, number, number]
            continue
          }
          windows[key] = [
            old[0] + 1, old[1] + number, min(old[2], number), max(old[3], number), old[4], number,
          ]
        }
      }
    }
    return windows
  }

  // MARK: Ledger

  /// How much is where its end is.
  enum Progress {
    /// Points may be pending.
    case open
    /// None are; deleted ones may be on the disk.
    case flushed
    /// Nor are those.
    case settled
  }

  /// Checks that every point is accounted for, and that as many are stored as were found, where
  /// nothing hides some; `false` when the server is gone.
  func checkLedger(points: Int, _ progress: Progress, _ faults: inout TortureFaults) -> Bool {
    guard let data = server.data("/api/v1/ledger?tenants=all") else { return false }
    var stored: UInt64 = 0
    var left = UInt64(points)
    // Deletes count what lies on the disk twice as often: values with others in their place.
    var copies: UInt64 = 0
    for row in data["rows"]?.items ?? [] {
      func count(_ name: String) -> UInt64 { row[name]?.text.flatMap { UInt64($0) } ?? 0 }
      var rejected: UInt64 = 0
      if case .object(let reasons)? = row["rejected"] {
        rejected = reasons.values.reduce(0) { $0 + ($1.text.flatMap { UInt64($0) } ?? 0) }
      }
      let sum =
        count("stored") + count("duplicate") + count("replaced") + rejected + count("pending")
      let received = count("received")
      if received != sum {
        faults.ledgerOff(
          by: max(received, sum) - min(received, sum),
          "received \(received), \(sum)"
        )
      }
      if row["measurement"]?.text == Self.measurement {
        stored += count("stored")
        left += count("deleted")
        copies += count("replaced") + count("duplicate")
      }
    }
    let isRight =
      switch progress {
      case .open: true
      case .flushed: left <= stored + copies
      case .settled: stored <= left && left <= stored + copies
      }
    guard !isRight else { return true }
    let off = max(stored, left) - min(stored, left)
    faults.ledgerOff(by: off, "\(stored) stored, \(left) found or deleted")
    return true
  }
}
