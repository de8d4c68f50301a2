import Model
import Rollup
import TestSupport

/// Columns of every kind that a client can send, from one seed.
enum ColumnSamples {
  /// Doubles whose order, sign or payload is easily lost.
  static let oddities: [Cell] = [
    (0.0).bitPattern, (-0.0).bitPattern, Double.infinity.bitPattern,
    (-Double.infinity).bitPattern, 0x7ff8_0000_0000_0001, 0xfff8_dead_beef_0002,
    0x7ff0_0000_0000_0001, 0xffff_ffff_ffff_ffff, Double.leastNonzeroMagnitude.bitPattern,
    (-Double.leastNonzeroMagnitude).bitPattern, Double.greatestFiniteMagnitude.bitPattern,
    (-Double.greatestFiniteMagnitude).bitPattern, (0x1p51).bitPattern, (0x1p53 + 2).bitPattern,
    (0.1).bitPattern, (-0.3).bitPattern, (1e15 + 0.3).bitPattern, (1e-12).bitPattern,
  ]

  static func floats(count: Int, _ random: inout SeededRandom) -> [Cell] {
    switch Int.random(in: 0..<9, using: &random) {
    case 0: return (0..<count).map { _ in oddity(&random) }
    case 1:  // Nothing but NaN, of several payloads.
      return (0..<count).map { _ in
        0x7ff8_0000_0000_0000 | UInt64.random(in: 0...9, using: &random)
      }
    case 2:  // A few oddities among ordinary values.
      return (0..<count).map { _ in
        random.oneIn(9)
          ? oddity(&random) : Double.random(in: -9...9, using: &random).bitPattern
      }
    case 3: return (0..<count).map { _ in random.next() }
    case 4: return Array(repeating: oddity(&random), count: count)
    case 5:  // A counter.
      var value = Double.random(in: 0...1e12, using: &random).rounded()
      return (0..<count).map { _ in
        value += Double(Int.random(in: 0...5000, using: &random))
        return value.bitPattern
      }
    case 6: return (0..<count).map { _ in random.oneIn(2) ? 0 : (-0.0).bitPattern }
    default:  // Decimals.
      let powers: [Double] = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e9, 1e12]
      let power = powers.randomElement(using: &random) ?? 1
      let reach = [9, 1000, 1_000_000].randomElement(using: &random) ?? 9
      let low = random.oneIn(2) ? -reach : 0
      return (0..<count).map { _ in
        (Double(Int.random(in: low...reach, using: &random)) / power).bitPattern
      }
    }
  }

  static func oddity(_ random: inout SeededRandom) -> Cell {
    oddities.randomElement(using: &random) ?? 0
  }

  static func cells(
    _ type: ColumnType,
    count: Int,
    strings: inout StringArena,
    _ random: inout SeededRandom
  ) -> [Cell] {
    switch type {
    case .float: return floats(count: count, &random)
    case .integer, .unsigned:
      let extremes: [Cell] = [0, 1, .max, 1 << 63, 1 << 63 - 1, 1 << 53 + 1]
      switch Int.random(in: 0..<4, using: &random) {
      case 0: return (0..<count).map { _ in extremes.randomElement(using: &random) ?? 0 }
      case 1: return (0..<count).map { _ in random.next() }
      case 2: return Array(repeating: extremes.randomElement(using: &random) ?? 0, count: count)
      default:
        let start = type == .integer ? UInt64(bitPattern: -500) : 7_000_000_000
        return (0..<count).map { _ in start &+ UInt64.random(in: 0...1000, using: &random) }
      }
    case .boolean:
      let isSteady = random.oneIn(3)
      return (0..<count).map { _ in isSteady ? 1 : random.next() & 1 }
    case .string:
      let isSteady = random.oneIn(3)
      return (0..<count).map { _ in
        let length = random.oneIn(9) ? 300 : Int.random(in: 0...4, using: &random)
        return strings.append(isSteady ? [65] : random.bytes(length)) ?? 0
      }
    }
  }

  /// Ascending times of one minute.
  static func times(minute: Int64, count: Int, _ random: inout SeededRandom) -> [Timestamp] {
    let unit = [1, 1_000, 1_000_000, 1_000_000_000].randomElement(using: &random) ?? 1
    let places = Int(Nanoseconds.perMinute) / unit
    var chosen: Set<Int> = []
    while chosen.count < min(count, places) {
      chosen.insert(Int.random(in: 0..<places, using: &random))
    }
    return chosen.sorted().map { minute * Nanoseconds.perMinute + Int64($0 * unit) }
  }
}

/// The plainest fold there is.
enum NaiveFold {
  static func window(_ cells: [Cell], _ times: [Timestamp], _ type: ColumnType) -> Window {
    var window = Window(
      count: UInt64(cells.count),
      sum: .zero,
      min: 0,
      max: 0,
      first: cells[0],
      last: cells[cells.count - 1],
      firstTimestamp: times[0],
      lastTimestamp: times[times.count - 1]
    )
    switch type {
    case .float:
      window.sum = WindowSum(float: cells.map { Double(bitPattern: $0) }.reduce(0, +))
      let numbers = cells.filter { !Double(bitPattern: $0).isNaN }
      window.min = numbers.min(by: isLess) ?? cells[0]
      window.max = numbers.max(by: isLess) ?? cells[0]
    case .integer:
      let values = cells.map { Int64(bitPattern: $0) }
      window.sum = WindowSum(integer: values.reduce(0) { $0 + Int128($1) })
      window.min = UInt64(bitPattern: values.min() ?? 0)
      window.max = UInt64(bitPattern: values.max() ?? 0)
    case .unsigned, .boolean:
      window.sum = WindowSum(integer: cells.reduce(0) { $0 + Int128($1) })
      window.min = cells.min() ?? 0
      window.max = cells.max() ?? 0
    case .string: break
    }
    return window
  }

  private static func isLess(_ left: Cell, _ right: Cell) -> Bool {
    let (a, b) = (Double(bitPattern: left), Double(bitPattern: right))
    return a < b || (a == b && a.sign == .minus && b.sign == .plus)
  }

  /// Whether two float sums of `cells` agree as the design promises: within 1e-12 of Σ|x|.
  static func sumsAgree(_ left: Double, _ right: Double, _ cells: [Cell]) -> Bool {
    if left == right || (left.isNaN && right.isNaN) { return true }
    let total = cells.reduce(0.0) { $0 + Double(bitPattern: $1).magnitude }
    // Beyond the largest double an order of adding decides what comes out.
    return !total.isFinite || (left - right).magnitude <= 1e-12 * total
  }
}

extension Window {
  func with(sum: WindowSum) -> Window {
    var copy = self
    copy.sum = sum
    return copy
  }
}
