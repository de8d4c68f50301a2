import Model
import Query

/// One row as a client sends it.
struct TierRow {
  var measurement: String
  var tags: [String: String]
  var fields: [(name: String, value: ModelValue)]
  var timestamp: Timestamp

  /// As line protocol, without the line feed.
  var line: String {
    let tags = tags.sorted { $0.key < $1.key }.map { ",\($0.key)=\($0.value)" }.joined()
    let fields = fields.map { "\($0.name)=\($0.value.text)" }.joined(separator: ",")
    return "\(measurement)\(tags) \(fields) \(timestamp)"
  }
}

/// A range query in the model's terms.
struct TierQuery {
  var measurement: String
  /// `nil` for all.
  var fields: [String]?
  var tags: [String: String] = [:]
  /// Nanoseconds; whole buckets already where there is a step.
  var range: TimeRange
  var step: Int64?
  var aggregates: [Aggregate] = []
  var groupBy: [String]?
  var limit: Int?

  /// As the parameters of a request.
  var items: [(name: String, value: String)] {
    var items = [(name: "measurement", value: measurement)]
    items.append(("field", fields?.joined(separator: ",") ?? "*"))
    for (key, value) in tags.sorted(by: { $0.key < $1.key }) { items.append(("tag.\(key)", value)) }
    items.append(("start", Self.seconds(range.start)))
    items.append(("end", Self.seconds(range.end)))
    if let step { items.append(("step", "\(step / 1_000_000)ms")) }
    if !aggregates.isEmpty {
      items.append(("agg", aggregates.map(\.rawValue).joined(separator: ",")))
    }
    if let groupBy { items.append(("group_by", groupBy.joined(separator: ","))) }
    if let limit { items.append(("limit", "\(limit)")) }
    return items
  }

  private static func seconds(_ time: Timestamp) -> String {
    let digits = String(1_000_000_000 + time % 1_000_000_000).dropFirst()
    return "\(time / 1_000_000_000).\(digits)"
  }
}

/// What a query answers about: one field of one series, or of one group.
struct TierColumn: Hashable {
  var tags: [String: String]
  var field: String
}

/// All rows in plain dictionaries; a later value of a point replaces an earlier one.
struct TierModel {
  struct Series: Hashable {
    var measurement: String
    var tags: [String: String]
  }

  private(set) var points: [Series: [String: [Timestamp: ModelValue]]] = [:]

  mutating func add(_ row: TierRow) {
    let series = Series(measurement: row.measurement, tags: row.tags)
    for (name, value) in row.fields {
      points[series, default: [:]][name, default: [:]][row.timestamp] = value
    }
  }

  var pointCount: Int { points.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } } }

  /// The points that a query asks for, each column in time order.
  func columns(_ query: TierQuery) -> [TierColumn: [(timestamp: Timestamp, value: ModelValue)]] {
    var result: [TierColumn: [(timestamp: Timestamp, value: ModelValue)]] = [:]
    for (series, fields) in points where series.measurement == query.measurement {
      // An empty value asks for series without the tag.
      guard query.tags.allSatisfy({ series.tags[$0.key, default: ""] == $0.value }) else {
        continue
      }
      let tags = query.groupBy.map { keys in series.tags.filter { keys.contains($0.key) } }
      for (name, values) in fields where query.fields?.contains(name) ?? true {
        let column = TierColumn(tags: tags ?? series.tags, field: name)
        for (timestamp, value) in values where query.range.contains(timestamp) {
          result[column, default: []].append((timestamp, value))
        }
      }
    }
    return result.mapValues { $0.sorted { $0.timestamp < $1.timestamp } }
  }

  // MARK: Comparing

  /// What is wrong with the pages of a raw answer.
  func faults(_ query: TierQuery, pages: [RangeAnswer]) -> [String] {
    var expected = columns(query)
    var found: [TierColumn: [(timestamp: Timestamp, value: ModelValue)]] = [:]
    for series in pages.flatMap(\.series) {
      guard case .points(let timestamps, let values) = series.content else {
        return ["a raw query is answered with buckets"]
      }
      found[TierColumn(series), default: []] += timestamps.indices.map {
        (timestamps[$0], values.modelValue(at: $0))
      }
    }
    var faults: [String] = []
    for (column, points) in found {
      let wanted = expected.removeValue(forKey: column) ?? []
      let isSame = points.elementsEqual(wanted) {
        $0.timestamp == $1.timestamp && $0.value == $1.value
      }
      guard !isSame else { continue }
      let odd = zip(points, wanted).first { $0.timestamp != $1.timestamp || $0.value != $1.value }
      faults.append(
        "\(column): \(points.count) points instead of \(wanted.count), first difference "
          + (odd.map { "\($0.0) instead of \($0.1)" } ?? "at the end")
      )
    }
    faults += expected.map { "\($0.key) is missing with \($0.value.count) points" }
    if let limit = query.limit {
      let tooLong = pages.first { page in
        page.series.reduce(0) { $0 + ($1.content.pointCount) } > limit
      }
      if tooLong != nil { faults.append("a page is longer than \(limit)") }
    }
    return faults
  }

  /// What is wrong with an answer in buckets.
  func faults(_ query: TierQuery, answer: RangeAnswer) -> [String] {
    guard let grid = answer.grid, let step = query.step, grid.step == step else {
      return ["the answer has another step"]
    }
    guard grid.range == query.range else {
      return ["the answer covers \(grid.range) instead of \(query.range)"]
    }
    var expected = columns(query)
    var faults: [String] = []
    for series in answer.series {
      guard case .buckets(let present, let columns) = series.content else {
        faults.append("an answer with a step has points")
        continue
      }
      let column = TierColumn(series)
      var buckets: [Int: [(timestamp: Timestamp, value: ModelValue)]] = [:]
      for point in expected.removeValue(forKey: column) ?? [] {
        buckets[Int(point.timestamp / step - grid.first), default: []].append(point)
      }
      let wanted = query.aggregates.filter { $0.applies(to: series.type) }
      if columns.map(\.aggregate) != wanted {
        faults.append("\(column): \(columns.map(\.aggregate))")
      }
      for bucket in 0..<present.count {
        let points = buckets[bucket] ?? []
        guard present.contains(bucket) == !points.isEmpty else {
          faults.append("\(column): bucket \(grid.start(of: bucket)) has \(points.count) points")
          continue
        }
        guard !points.isEmpty else { continue }
        for (aggregate, values) in columns {
          if let fault = BucketCheck.fault(aggregate, values, bucket, points) {
            faults.append("\(column): bucket \(grid.start(of: bucket)): \(fault)")
          }
        }
      }
    }
    faults += expected.map { "\($0.key) is missing with \($0.value.count) points" }
    return faults
  }
}

extension TierColumn {
  init(_ series: RangeAnswer.Series) {
    tags = Dictionary(
      uniqueKeysWithValues: series.tags.map {
        (String(decoding: $0.key, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
      }
    )
    field = String(decoding: series.field, as: UTF8.self)
  }
}

extension RangeAnswer.Content {
  var pointCount: Int {
    switch self {
    case .points(let timestamps, _): timestamps.count
    case .buckets: 0
    }
  }
}

/// Folds the points of a bucket in the plainest way and compares.
enum BucketCheck {
  /// - Parameter points: in time order; of equal times in any.
  static func fault(
    _ aggregate: Aggregate,
    _ values: AnswerValues,
    _ bucket: Int,
    _ points: [(timestamp: Timestamp, value: ModelValue)]
  ) -> String? {
    let found = values.modelValue(at: bucket)
    let numbers = points.compactMap { $0.value.number }
    switch aggregate {
    case .count: return found.number == Double(points.count) ? nil : "count \(found)"
    case .first, .last:
      // Where several series fold into one, any of those of the time will do.
      let time = aggregate == .first ? points[0].timestamp : points[points.count - 1].timestamp
      let allowed = points.filter { $0.timestamp == time }.map(\.value)
      let isAllowed = allowed.contains { $0 == found || $0.isTruth && $0.number == found.number }
      return isAllowed ? nil : "\(aggregate) \(found) instead of \(allowed)"
    case .min, .max:
      let ordered = points.map(\.value).sorted { $0.precedes($1) }
      let wanted = aggregate == .min ? ordered[0] : ordered[ordered.count - 1]
      let isSame = wanted == found || wanted.isTruth && wanted.number == found.number
      return isSame ? nil : "\(aggregate) \(found) instead of \(wanted)"
    case .sum, .avg:
      let integers = points.compactMap(\.value.integer)
      if integers.count == points.count, aggregate == .sum, case .sum(let sums, _) = values {
        let sum = integers.reduce(Int128(0), +)
        return sums[bucket] == sum ? nil : "sum \(sums[bucket]) instead of \(sum)"
      }
      let sum = numbers.reduce(0, +)
      let scale = numbers.reduce(0) { $0 + $1.magnitude }
      let count = aggregate == .avg ? Double(points.count) : 1
      guard let value = found.number else { return "\(aggregate) \(found)" }
      return (value * count - sum).magnitude <= 1e-12 * scale + 1e-300
        ? nil : "\(aggregate) \(value) instead of \(sum / count)"
    }
  }
}

extension ModelValue {
  /// Booleans answer aggregates as 0 and 1.
  var isTruth: Bool { if case .boolean = self { true } else { false } }

  var integer: Int128? {
    switch self {
    case .integer(let value): Int128(value)
    case .unsigned(let value): Int128(value)
    case .boolean(let value): value ? 1 : 0
    case .float, .string: nil
    }
  }

  /// The order of min and max: −0 before +0.
  func precedes(_ other: ModelValue) -> Bool {
    if let left = integer, let right = other.integer { return left < right }
    guard case .float(let left) = self, case .float(let right) = other else { return false }
    let (a, b) = (Double(bitPattern: left), Double(bitPattern: right))
    return a == b ? a.sign == .minus && b.sign == .plus : a < b
  }
}
