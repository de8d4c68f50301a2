package import Model

/// The lines of some simulated servers, one behind another in one buffer that is sent as it is.
///
/// Every line has the same length and its digits are changed in place, so that a row costs a few
/// nanoseconds a point and no text is ever put together again:
///
///     node,server=s000017,region=north cpu_user=41.7,…,up=1 1795373340000000000↵
package struct Fleet {
  private struct Field {
    /// Where the value begins in its line, how many bytes it has, and where its last digit is.
    var start: Int
    var end: Int
    var kind: Metric.Kind
  }

  static let measurement = "node"
  private static let regions = ["north", "south"]
  private static let stampDigitCount = 19

  package let lineByteCount: Int
  package let serverCount: Int
  package let metricCount: Int
  package private(set) var bytes: [UInt8] = []
  /// The fields that change, constants left out, in two halves that take turns: a host's metrics
  /// change about every third second.
  private var halves: [[Field]] = [[], []]
  private var turn = 0
  private var random: UInt64

  /// - Parameters:
  ///   - servers: their numbers, 0 ..< 1,000,000.
  ///   - seed: the same seed makes the same values.
  package init(servers: Range<Int>, metricCount: Int, seed: UInt64) {
    serverCount = servers.count
    self.metricCount = metricCount
    random = (seed &+ UInt64(servers.lowerBound) &+ 1) &* 0x9e37_79b9_7f4a_7c15 | 1
    let metrics = Metric.make(count: metricCount)
    let head = Self.head(0).utf8.count
    let (fields, end) = Self.layout(metrics, from: head)
    let changing = fields.filter { $0.kind != .constant }
    for (index, field) in changing.enumerated() { halves[index & 1].append(field) }
    lineByteCount = end + 1 + Self.stampDigitCount + 1
    let (template, digits) = Self.template(metrics)
    bytes.reserveCapacity(lineByteCount * servers.count)
    for server in servers {
      bytes += Self.head(server).utf8
      bytes += template
    }
    fill(digits.map { (head + $0.index, $0.least) })
  }

  /// Measurement and tags, of one length for all servers.
  static func head(_ server: Int) -> String {
    "\(measurement),server=\(name(ofServer: server)),region=\(regions[server % regions.count]) "
  }

  static func name(ofServer server: Int) -> String {
    let digits = "\(server)"
    return "s" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  private static func layout(
    _ metrics: [Metric],
    from head: Int
  ) -> (fields: [Field], end: Int) {
    var position = head
    var fields: [Field] = []
    for (index, metric) in metrics.enumerated() {
      position += (index > 0 ? 1 : 0) + metric.name.utf8.count + 1
      let end = position + metric.shape.utf8.count
      let digits = metric.shape.hasSuffix("i") ? end - 1 : end
      fields.append(Field(start: position, end: digits, kind: metric.kind))
      position = end
    }
    return (fields, position)
  }

  /// What follows the head of every line, and where random digits go in it: `least` or more.
  private static func template(
    _ metrics: [Metric]
  ) -> (text: [UInt8], digits: [(index: Int, least: UInt8)]) {
    var text: [UInt8] = []
    var digits: [(index: Int, least: UInt8)] = []
    for (index, metric) in metrics.enumerated() {
      text += "\(index > 0 ? "," : "")\(metric.name)=".utf8
      for character in metric.shape.utf8 {
        if character == UInt8(ascii: "d") { digits.append((text.count, 0)) }
        if character == UInt8(ascii: "D") { digits.append((text.count, 1)) }
        text.append(character)
      }
    }
    text.append(UInt8(ascii: " "))
    text += repeatElement(UInt8(ascii: "0"), count: stampDigitCount)
    text.append(UInt8(ascii: "\n"))
    return (text, digits)
  }

  /// Puts random digits where `digits` says, in every line.
  private mutating func fill(_ digits: [(index: Int, least: UInt8)]) {
    let (length, count) = (lineByteCount, serverCount)
    var random = random
    var text = bytes.mutableSpan
    for server in 0..<count {
      for digit in digits {
        let roll = UInt32(Self.draw(&random) & 0xff)
        let value = UInt8(truncatingIfNeeded: (roll &* UInt32(10 - 2 * digit.least)) >> 8)
        text[server * length + digit.index] = UInt8(ascii: "0") + digit.least + value
      }
    }
    self.random = random
  }

  /// Where the line of the `index`th server stands in ``bytes``.
  func range(of servers: Range<Int>) -> Range<Int> {
    servers.lowerBound * lineByteCount..<servers.upperBound * lineByteCount
  }

  /// Gives the lines of `servers` their next values and the time `stamp`.
  ///
  /// Cost: 1 to 2 ns a point.
  package mutating func advance(_ servers: Range<Int>, to stamp: Timestamp) {
    let digits = Self.digits(of: stamp)
    // Locals, so that the loops below touch neither the array's count of owners nor `self`.
    let (fields, length) = (halves[turn & 1], lineByteCount)
    if servers.upperBound == serverCount { turn += 1 }
    var random = random
    var text = bytes.mutableSpan
    for server in servers {
      let line = server * length
      Self.change(fields, line, &text, &random)
      let position = line + length - 1 - Self.stampDigitCount
      for index in digits.indices { text[position + index] = digits[index] }
    }
    self.random = random
  }

  private static func digits(of stamp: Timestamp) -> [UInt8] {
    var digits = [UInt8](repeating: UInt8(ascii: "0"), count: stampDigitCount)
    var rest = stamp
    for index in digits.indices.reversed() where rest > 0 {
      digits[index] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    return digits
  }

  /// Gives `fields` of a line their next values.
  private static func change(
    _ fields: [Field],
    _ line: Int,
    _ text: inout MutableSpan<UInt8>,
    _ random: inout UInt64
  ) {
    var bits: UInt64 = 0
    var left = 0
    for field in fields {
      if left == 0 {
        bits = draw(&random)
        left = 8
      }
      // 0 ... 255, scaled to a digit by a multiplication instead of a division.
      let roll = UInt32(bits & 0xff)
      bits >>= 8
      left -= 1
      let last = line + field.end - 1
      if field.kind == .counter {
        count(line + field.start, last, by: UInt8(truncatingIfNeeded: roll & 31), &text)
      } else {
        text[last] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: (roll &* 10) >> 8)
        // Now and then the digit before it moves too, unless it is the only one or a point.
        if roll & 7 == 0, field.end - field.start > 3, text[last - 1] != UInt8(ascii: ".") {
          text[last - 1] = UInt8(ascii: "1") &+ UInt8(truncatingIfNeeded: (roll &* 9) >> 8)
        }
      }
    }
  }

  /// Adds to a number in place; from all nines it begins again at 1, as a restarted counter does.
  private static func count(
    _ start: Int,
    _ last: Int,
    by step: UInt8,
    _ text: inout MutableSpan<UInt8>
  ) {
    var carry = step
    var position = last
    while carry > 0, position >= start {
      let sum = text[position] &- UInt8(ascii: "0") &+ carry
      carry = sum / 10
      text[position] = UInt8(ascii: "0") &+ sum % 10
      position -= 1
    }
    if text[start] == UInt8(ascii: "0") { text[start] = UInt8(ascii: "1") }
  }

  /// Xorshift: plenty for made-up values.
  private static func draw(_ random: inout UInt64) -> UInt64 {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random
  }
}
