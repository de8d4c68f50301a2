import Model
import Query
import TestSupport

/// Rows from one seed, spread over blocks, ring windows and open rows in a random way.
struct StoreGenerator {
  static let types = ColumnType.allCases
  static let hourCount: Int64 = 3
  static let start = noon

  var random: SeededRandom
  var store = FakeStore()
  var rows: [NaiveRow] = []

  /// - Parameters:
  ///   - seriesCount: `nil` for a few.
  ///   - rowCountMax: of all series together.
  init(seed: UInt64, seriesCount: UInt32? = nil, rowCountMax: Int = 400) {
    random = SeededRandom(seed: seed)
    store.fieldDefinitions = (0..<6).map { index in
      FieldDefinition(
        id: FieldID(10 + UInt32(index)),
        measurement: MeasurementID(1),
        name: Array("f\(index)".utf8),
        type: Self.types[index % Self.types.count]
      )
    }
    let few = UInt32.random(in: 1...4, using: &random)
    let seriesCount = seriesCount ?? few
    store.seriesDefinitions = (0..<seriesCount).map { index in
      SeriesDefinition(
        id: SeriesID(99 + seriesCount - index),
        tenant: .default,
        measurement: MeasurementID(1),
        measurementName: store.measurementName,
        tags: [
          Tag(key: Array("az".utf8), value: Array("z\(index % 2)".utf8)),
          Tag(key: Array("server".utf8), value: Array("s\(index)".utf8)),
        ]
      )
    }
    write(rowCountMax)
    spread()
  }

  private mutating func write(_ rowCountMax: Int) {
    let layouts = (0..<3).map { _ in
      store.fieldDefinitions.filter { _ in Bool.random(using: &random) }
    }
    var clock = Self.start + Int64.random(in: 0...Nanoseconds.perHour, using: &random)
    let steps: [Int64] = [1, 1_000_000, Nanoseconds.perSecond, 7 * Nanoseconds.perSecond]
    for _ in 0..<Int.random(in: 0...rowCountMax, using: &random) {
      clock += steps.randomElement(using: &random) ?? 1
      var timestamp = clock
      // Late, or at a time that is likely taken.
      if Int.random(in: 0..<8, using: &random) == 0 {
        timestamp -= Int64.random(in: 0...(40 * Nanoseconds.perMinute), using: &random)
      } else if Int.random(in: 0..<8, using: &random) == 0,
        let old = rows.randomElement(using: &random)
      {
        timestamp = old.timestamp
      }
      let series = store.seriesDefinitions.randomElement(using: &random)?.id ?? SeriesID(100)
      var values: [FieldID: NaiveValue] = [:]
      for field in layouts.randomElement(using: &random) ?? [] {
        values[field.id] = value(field.type)
      }
      if !values.isEmpty {
        rows.append(NaiveRow(series: series, timestamp: max(timestamp, 0), values: values))
      }
    }
  }

  private mutating func value(_ type: ColumnType) -> NaiveValue {
    switch type {
    case .float:
      let specials: [Double] = [0, -0.0, .nan, -.nan, .infinity, 1, -1, 0.1]
      if Int.random(in: 0..<5, using: &random) == 0 {
        return .number(.float, (specials.randomElement(using: &random) ?? 0).bitPattern)
      }
      return .number(.float, Double.random(in: -1e9...1e9, using: &random).bitPattern)
    case .integer:
      let value = Bool.random(using: &random) ? Int64.random(in: .min ... .max, using: &random) : 3
      return .number(.integer, UInt64(bitPattern: value))
    case .unsigned:
      let value =
        Bool.random(using: &random) ? UInt64.random(in: 0...UInt64.max, using: &random) : 3
      return .number(.unsigned, value)
    case .boolean: return .number(.boolean, UInt64.random(in: 0...1, using: &random))
    case .string:
      let count = Int.random(in: 0...5, using: &random)
      return .text((0..<count).map { _ in UInt8.random(in: 97...122, using: &random) })
    }
  }

  /// Cuts the arrivals into tiers.
  private mutating func spread() {
    var rest = rows[...]
    var sealed: [NaiveRow] = []
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let cut = rest.prefix(Int.random(in: 0...rest.count, using: &random))
      rest = rest.dropFirst(cut.count)
      sealed += cut
      for (series, points) in naivePoints(cut).sorted(by: { $0.key < $1.key }) {
        store.sealed[series, default: []] += groups(points)
      }
    }
    fillRing(naivePoints(sealed))
    for definition in store.seriesDefinitions {
      let newest = sealed.filter { $0.series == definition.id }.map(\.timestamp).max() ?? -1
      let open = rest.filter { $0.series == definition.id }
      store.open[definition.id] = OpenRows(
        fresh: openBatches(open.filter { $0.timestamp > newest }, definition.id),
        late: openBatches(open.filter { $0.timestamp <= newest }, definition.id),
        rowCount: open.count
      )
    }
  }

  private mutating func openBatches(_ rows: [NaiveRow], _ series: SeriesID) -> [ColumnBatch] {
    let split = Int.random(in: 0...rows.count, using: &random)
    return [rows[..<split], rows[split...]].flatMap { part in
      batches(naivePoints(part)[series] ?? [:])
    }
  }

  /// Chunk groups of one cut: batches cut further at random times.
  private mutating func groups(_ points: [FieldID: [Timestamp: NaiveValue]]) -> [FakeRows] {
    var groups: [FakeRows] = []
    for batch in batches(points) {
      let times = batch.timestamps
      let pivot = times.randomElement(using: &random) ?? 0
      let fields = batch.columns.map(\.field)
      for range in [TimeRange(start: 0, end: pivot), TimeRange(start: pivot, end: .max)] {
        let part = batch.clipped(to: range, fields: fields)
        if !part.timestamps.isEmpty { groups.append(FakeRows(batch: part)) }
      }
    }
    return groups
  }

  /// Points as batches, by the fields that share a timestamp.
  private func batches(_ points: [FieldID: [Timestamp: NaiveValue]]) -> [ColumnBatch] {
    var byTime: [Timestamp: [FieldID: NaiveValue]] = [:]
    for (field, values) in points {
      for (timestamp, value) in values { byTime[timestamp, default: [:]][field] = value }
    }
    var bySet: [[FieldID]: [Timestamp]] = [:]
    for (timestamp, values) in byTime {
      bySet[values.keys.sorted(), default: []].append(timestamp)
    }
    return bySet.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { fields, times in
      var batch = ColumnBatch(timestamps: times.sorted())
      for field in fields {
        let cells = batch.timestamps.map { time -> Cell in
          guard let value = byTime[time]?[field] else { return 0 }
          if case .text(let bytes) = value { return batch.strings.append(bytes) ?? 0 }
          return value.cell
        }
        batch.columns.append(
          ColumnBatch.Column(field: field, type: type(of: field), cells: cells)
        )
      }
      return batch
    }
  }

  private func type(of field: FieldID) -> ColumnType {
    store.fieldDefinitions.first { $0.id == field }?.type ?? .float
  }

  /// Windows of some hours; a few records are damaged.
  private mutating func fillRing(_ sealed: NaivePoints) {
    let first = Self.start / Nanoseconds.perHour - 1
    store.windows.coveredHours = (first...first + Self.hourCount).filter { _ in
      Bool.random(using: &random)
    }
    for (series, fields) in sealed.sorted(by: { $0.key < $1.key }) {
      for (field, values) in fields.sorted(by: { $0.key < $1.key }) {
        let minutes = Dictionary(grouping: values.keys.sorted()) { Nanoseconds.minute(of: $0) }
        for (minute, times) in minutes where store.windows.coveredHours.contains(minute / 60) {
          let key = FakeWindows.Key(series: series, minute: minute)
          var record = store.windows.records[key] ?? FakeWindows.Record(windows: [:])
          let bucket = NaiveBucket(values: times.compactMap { values[$0] }, type: type(of: field))
          let window = bucket.window(timestamps: times, strings: &record.strings)
          record.windows[field] = (type(of: field), window)
          store.windows.records[key] = record
        }
      }
    }
    for key in store.windows.records.keys.sorted(by: { $0.minute < $1.minute }) {
      if Int.random(in: 0..<20, using: &random) == 0 {
        store.windows.records[key]?.damage = FakeWindows.Damage.allCases.randomElement(
          using: &random
        )
      }
    }
  }
}
