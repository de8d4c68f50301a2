import Model

/// A value as a line says it and an answer gives it back: comparable bit for bit.
enum ModelValue: Hashable {
  case float(UInt64)
  case integer(Int64)
  case unsigned(UInt64)
  case boolean(Bool)
  case string(String)

  /// As line protocol writes it.
  var text: String {
    switch self {
    case .float(let bits): "\(Double(bitPattern: bits))"
    case .integer(let value): "\(value)i"
    case .unsigned(let value): "\(value)u"
    case .boolean(let value): value ? "true" : "false"
    case .string(let value): "\"\(value)\""
    }
  }

  /// The number that sums and comparisons use; `nil` for strings.
  var number: Double? {
    switch self {
    case .float(let bits): Double(bitPattern: bits)
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .boolean(let value): value ? 1 : 0
    case .string: nil
    }
  }
}

/// What a point is: a second value of the same identity replaces the first.
struct ModelPoint: Hashable {
  /// `measurement,tag=value`.
  var series: String
  var field: String
  var timestamp: Timestamp
}

/// What the pipeline promised, kept in plain dictionaries.
///
/// Every value that was sent for an identity is remembered in order, with the last one that was
/// acknowledged. After a crash that one, or any sent after it, must be there.
struct PipelineModel {
  struct History {
    var values: [ModelValue] = []
    /// The index of the newest acknowledged value.
    var acknowledged: Int?
  }

  private(set) var points: [ModelPoint: History] = [:]
  /// Sent since the last acknowledgement was asked for.
  private var unasked: [(ModelPoint, Int)] = []
  /// Sent before an acknowledgement that is on its way, by its id.
  private var asked: [(id: String, sent: [(ModelPoint, Int)])] = []

  mutating func send(_ point: ModelPoint, _ value: ModelValue) {
    points[point, default: History()].values.append(value)
    unasked.append((point, points[point, default: History()].values.count - 1))
  }

  mutating func ask(_ id: String) {
    asked.append((id, unasked))
    unasked = []
  }

  /// `OK id`: everything sent before it is promised.
  mutating func acknowledge(_ id: String) -> Bool {
    guard let first = asked.first, first.id == id else { return false }
    for (point, index) in first.sent { points[point]?.acknowledged = index }
    asked.removeFirst()
    return true
  }

  /// `FAIL id`: nothing since the last `OK` is promised, and nothing of it is known to be absent.
  mutating func fail(_ id: String) -> Bool {
    guard asked.first?.id == id else { return false }
    asked.removeFirst()
    return true
  }

  var awaitsAnswer: Bool { !asked.isEmpty }

  /// Compares with what was read back; a text for each broken promise.
  func faults(in found: [ModelPoint: ModelValue]) -> [String] {
    var faults: [String] = []
    for (point, history) in points {
      guard let value = found[point] else {
        if history.acknowledged != nil { faults.append("missing \(point)") }
        continue
      }
      let allowed = history.values[(history.acknowledged ?? 0)...]
      if !allowed.contains(value) {
        faults.append("wrong \(point): found \(value), expected one of \(Array(allowed))")
      }
    }
    for point in found.keys where points[point] == nil { faults.append("invented \(point)") }
    return faults
  }

  /// After a crash: what was found is what counts from now on.
  mutating func collapse(to found: [ModelPoint: ModelValue]) {
    points = found.mapValues { History(values: [$0], acknowledged: 0) }
    unasked = []
    asked = []
  }
}
