package import Model

/// One series of a torture run: every row that was ever sent, and what must be there of it.
///
/// A row's values follow from the seed, the row's number and its version, so a few bytes a row say
/// what the server may answer. A version replaces the one before.
package struct TortureSeries {
  /// Versions of one row at most.
  static let versionsMax: UInt8 = 4

  package struct Row {
    var timestamp: Timestamp
    /// Versions sent so far: 0 ..< this may be there.
    var sent: UInt8 = 0
    /// Versions up to this one were acknowledged: an earlier one than the last of them is wrong.
    var acknowledged: UInt8 = 0
    /// A delete that has it was sent and not answered.
    var isDoubtful = false
  }

  package enum Value: Equatable {
    case float(Double)
    case integer(Int64)
    case string(String)
  }

  package static let fields = ["a", "b", "s", "d"]

  package let name: String
  private let key: UInt64
  package private(set) var rows: [Row] = []
  /// Rows by time.
  private var places: [Timestamp: Int] = [:]

  package init(name: String, seed: UInt64) {
    self.name = name
    var hash = seed
    for byte in name.utf8 { hash = Self.mix(hash ^ UInt64(byte)) }
    key = hash
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var result = value &+ 0x9e37_79b9_7f4a_7c15
    result = (result ^ (result >> 30)) &* 0xbf58_476d_1ce4_e5b9
    result = (result ^ (result >> 27)) &* 0x94d0_49bb_1331_11eb
    return result ^ (result >> 31)
  }

  // MARK: What is sent

  /// Adds a row that is not sent yet; its time must be new.
  ///
  /// - Returns: its number.
  package mutating func add(_ timestamp: Timestamp) -> Int {
    places[timestamp] = rows.count
    rows.append(Row(timestamp: timestamp))
    return rows.count - 1
  }

  /// Which fields a row has: two sets that overlap, and now and then all.
  package func fields(of row: Int) -> [String] {
    switch Self.mix(key ^ UInt64(row)) % 8 {
    case 0..<4: ["a", "b", "s"]
    case 4..<7: ["a", "d"]
    default: Self.fields
    }
  }

  package func value(of field: String, row: Int, version: UInt8) -> Value {
    let place = UInt64(field.utf8.first ?? 0) << 56 | UInt64(version) << 48 | UInt64(row)
    let bits = Self.mix(key &+ Self.mix(place))
    switch field {
    case "b": return .integer(Int64(bits % 2_000_001) - 1_000_000)
    case "s": return .string("v\(version) \(bits % 1_000)")
    // Eighths, so that sums are exact in any order.
    default: return .float(Double(Int64(bits % 20_001) - 10_000) / 8)
    }
  }

  /// The row as line protocol, with its line feed, in its newest version or in the next.
  package mutating func line(_ row: Int, isNewVersion: Bool) -> String {
    if isNewVersion || rows[row].sent == 0 {
      rows[row].sent = min(rows[row].sent + 1, Self.versionsMax)
    }
    let version = rows[row].sent - 1
    let values = fields(of: row).map { field in
      switch value(of: field, row: row, version: version) {
      case .float(let value): "\(field)=\(value)"
      case .integer(let value): "\(field)=\(value)i"
      case .string(let value): "\(field)=\"\(value)\""
      }
    }
    return "\(name) \(values.joined(separator: ",")) \(rows[row].timestamp)\n"
  }

  /// Promises that `sent` versions of a row are stored.
  package mutating func acknowledge(_ row: Int, sent: UInt8) {
    rows[row].acknowledged = max(rows[row].acknowledged, sent)
  }

  // MARK: What is deleted

  /// Notes a delete that is sent. Rows of it that are sent again before it is answered would be
  /// nobody's to judge.
  package mutating func beginDelete(_ range: ClosedRange<Timestamp>) {
    for index in rows.indices where range.contains(rows[index].timestamp) {
      rows[index].isDoubtful = true
    }
  }

  /// Promises that the rows of the last delete are gone.
  ///
  /// - Returns: how many had been acknowledged.
  package mutating func endDelete() -> Int {
    var count = 0
    for index in rows.indices where rows[index].isDoubtful {
      if rows[index].acknowledged > 0 { count += 1 }
      forget(index)
    }
    return count
  }

  /// A row that is not there, and may be sent anew.
  private mutating func forget(_ index: Int) {
    rows[index] = Row(timestamp: rows[index].timestamp)
  }

  // MARK: What is found

  package var acknowledgedRowCount: Int { rows.count { $0.acknowledged > 0 } }

  /// Compares what a server gives back with what was promised, and takes what it has of the rest
  /// for the truth from now on: who reads it once must be able to read it again.
  package mutating func compare(
    _ found: [Timestamp: [String: Value]],
    _ faults: inout TortureFaults
  ) {
    for (timestamp, values) in found where places[timestamp] == nil {
      faults.invented(values.count, "\(name) at \(timestamp)")
    }
    // A delete takes all rows that it is about, or none.
    let doubtful = rows.filter { $0.isDoubtful && $0.acknowledged > 0 }
    let isDeleted = doubtful.allSatisfy { found[$0.timestamp] == nil }
    for index in rows.indices {
      let row = rows[index]
      guard let values = found[row.timestamp] else {
        if row.acknowledged > 0, !(row.isDoubtful && isDeleted) {
          faults.missing(fields(of: index).count, "\(name) at \(row.timestamp)")
        }
        // Perhaps it never came; it is sent anew.
        forget(index)
        continue
      }
      rows[index].isDoubtful = false
      check(index, values, &faults)
    }
  }

  private mutating func check(
    _ index: Int,
    _ values: [String: Value],
    _ faults: inout TortureFaults
  ) {
    let row = rows[index]
    let fields = fields(of: index)
    let place = "\(name) at \(row.timestamp)"
    for field in fields where values[field] == nil { faults.missing(1, "\(place) field \(field)") }
    for field in values.keys where !fields.contains(field) {
      faults.invented(1, "\(place) field \(field)")
    }
    let oldest = row.acknowledged > 0 ? row.acknowledged - 1 : 0
    let versions = oldest..<max(row.sent, oldest)
    // A row is one record: all its values are of one version.
    let version = versions.last { version in
      fields.allSatisfy { values[$0] == value(of: $0, row: index, version: version) }
    }
    guard let version else {
      faults.invented(fields.count, "\(place): \(values), versions \(versions)")
      return
    }
    rows[index].sent = version + 1
    rows[index].acknowledged = version + 1
  }
}

/// What a torture run has found to be wrong, counted in points, with the first few places.
package struct TortureFaults {
  static let examplesMax = 20

  package var missing = 0
  package var invented = 0
  package var duplicated = 0
  package var windowsWrong = 0
  package var ledgerOff: UInt64 = 0
  /// Everything else: a wrong answer, a start that failed, damage.
  package var other = 0
  package private(set) var examples: [String] = []

  package init() {}

  package var isClean: Bool {
    missing + invented + duplicated + windowsWrong + other == 0 && ledgerOff == 0
  }

  mutating func missing(_ count: Int, _ place: String) {
    missing += count
    note("missing: \(place)")
  }

  mutating func invented(_ count: Int, _ place: String) {
    invented += count
    note("invented: \(place)")
  }

  mutating func duplicated(_ place: String) {
    duplicated += 1
    note("duplicated: \(place)")
  }

  mutating func windowWrong(_ place: String) {
    windowsWrong += 1
    note("window wrong: \(place)")
  }

  mutating func ledgerOff(by count: UInt64, _ place: String) {
    ledgerOff += count
    note("ledger off by \(count): \(place)")
  }

  mutating func other(_ text: String) {
    other += 1
    note(text)
  }

  mutating func add(_ faults: TortureFaults) {
    missing += faults.missing
    invented += faults.invented
    duplicated += faults.duplicated
    windowsWrong += faults.windowsWrong
    ledgerOff += faults.ledgerOff
    other += faults.other
    for example in faults.examples { note(example) }
  }

  private mutating func note(_ text: String) {
    if examples.count < Self.examplesMax { examples.append(text) }
  }
}
