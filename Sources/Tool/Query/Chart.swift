internal import Model

/// A chart of text: braille dots, two by four a character, with labelled axes and a legend.
///
/// Colours tell series apart on a terminal. Without colours one series is drawn in braille, several
/// with a letter each, so that the chart reads the same in a file.
package struct Chart {
  private struct Line {
    var label: String
    var points: [(time: Timestamp, value: Double?)]
  }

  private static let markers = Array("abcdefghijklmnopqrstuvwxyz")
  /// ANSI colours that are legible on dark and light.
  private static let colours = [36, 33, 32, 35, 34, 31, 96, 93, 92, 95, 94, 91]
  static let seriesCountMax = 26

  private let lines: [Line]
  private let droppedCount: Int
  private let width: Int
  private let height: Int
  private let isColoured: Bool

  /// - Parameters:
  ///   - width: columns in all, axis included; at least 40.
  ///   - height: lines of the plot.
  package init(_ reply: RangeReply, width: Int, height: Int, isColoured: Bool) {
    var lines: [Line] = []
    for series in reply.series {
      for column in series.columns {
        let values = column.values.map { $0.double.flatMap { $0.isFinite ? $0 : nil } }
        guard values.contains(where: { $0 != nil }) else { continue }
        let name = series.columns.count > 1 || column.name != "value" ? " \(column.name)" : ""
        lines.append(
          Line(
            label: TerminalText.escape(series.label + name),
            // Whatever answers, nothing lies before 1970.
            points: zip(series.timestamps, values).filter { $0.0 >= 0 }
              .map { (time: $0, value: $1) }
          )
        )
      }
    }
    droppedCount = max(0, lines.count - Self.seriesCountMax)
    self.lines = Array(lines.prefix(Self.seriesCountMax))
    self.width = max(40, width)
    self.height = height
    self.isColoured = isColoured
  }

  /// Empty when there is no number to draw.
  package var text: String {
    let times = lines.flatMap { $0.points.map(\.time) }
    let values = lines.flatMap { $0.points.compactMap(\.value) }
    guard let first = times.min(), let last = times.max(), let low = values.min(),
      let high = values.max()
    else { return "" }
    let scale = ValueScale(low: low, high: high, tickCount: max(2, height / 4))
    let labels = scale.ticks.map { scale.text($0) }
    let gutter = labels.reduce(0) { max($0, $1.count) }
    let plotWidth = max(10, width - gutter - 2)
    let usesLetters = !isColoured && lines.count > 1
    var canvas = Canvas(width: plotWidth, height: height)
    for (index, line) in lines.enumerated() {
      draw(line, index, first, last, scale, usesLetters, &canvas)
    }
    var result = ""
    for row in 0..<height {
      // The tick whose value lies in this line of characters.
      let tick = scale.ticks.firstIndex { scale.row($0, height: height) == row }
      let label = tick.map { labels[$0] } ?? ""
      result += TerminalText.padded(label, to: gutter, atStart: true) + (tick == nil ? " │" : " ┤")
      result += canvas.line(row, colour: isColoured ? { Self.colours[$0 % 12] } : nil) + "\n"
    }
    result += String(repeating: " ", count: gutter) + " └"
    result += String(repeating: "─", count: plotWidth) + "\n"
    result += timeAxis(first, last, plotWidth, gutter)
    return result + legend(usesLetters)
  }

  private func draw(
    _ line: Line,
    _ index: Int,
    _ first: Timestamp,
    _ last: Timestamp,
    _ scale: ValueScale,
    _ usesLetters: Bool,
    _ canvas: inout Canvas
  ) {
    var previous: (x: Int, y: Int)?
    let span = Double(last - first)
    for point in line.points {
      guard let value = point.value else {
        previous = nil
        continue
      }
      let fraction = span > 0 ? Double(point.time - first) / span : 0.5
      let x = Int((fraction * Double(canvas.dotWidth - 1)).rounded())
      let y = Int((scale.fraction(value) * Double(canvas.dotHeight - 1)).rounded())
      let dot = (x: x, y: canvas.dotHeight - 1 - y)
      let marker = usesLetters ? Self.markers[index] : nil
      canvas.draw(from: previous ?? dot, to: dot, series: index, marker: marker)
      previous = dot
    }
  }

  private func timeAxis(
    _ first: Timestamp,
    _ last: Timestamp,
    _ plotWidth: Int,
    _ gutter: Int
  ) -> String {
    let span = last - first
    let sample = TimeFormat.axis(first, spanning: span)
    let count = max(2, min(7, plotWidth / (sample.count + 6)))
    var axis = ""
    for index in 0..<count {
      let text = TimeFormat.axis(
        first + span / Int64(count - 1) * Int64(index),
        spanning: span
      )
      let centre = (plotWidth - 1) * index / (count - 1)
      let start = min(max(0, centre - text.count / 2), plotWidth - text.count)
      guard start >= axis.count else { continue }
      axis += String(repeating: " ", count: start - axis.count) + text
    }
    return String(repeating: " ", count: gutter + 2) + axis + " UTC\n"
  }

  private func legend(_ usesLetters: Bool) -> String {
    var result = ""
    for (index, line) in lines.enumerated() {
      if isColoured {
        result += "  \u{1b}[\(Self.colours[index % 12])m──\u{1b}[0m \(line.label)\n"
      } else {
        result += usesLetters ? "  \(Self.markers[index]) \(line.label)\n" : "  \(line.label)\n"
      }
    }
    if droppedCount > 0 { result += "  and \(droppedCount) more series that are not drawn\n" }
    return result
  }
}

/// The value axis: round ticks that enclose all values.
struct ValueScale {
  let low: Double
  let high: Double
  let ticks: [Double]
  private let step: Double

  init(low: Double, high: Double, tickCount: Int) {
    // A flat line gets room on both sides; so does one near the ends of what a double holds.
    let flat = low == high ? max(abs(low) * 0.1, 0.5) : 0
    let span = max((high / 2 - low / 2) * 2, flat * 2)
    let raw = min(span, 1e300) / Double(tickCount)
    let power = Self.powerOfTen(below: raw)
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    let bottom = ((low - flat) / step).rounded(.down) * step
    var ticks = [bottom]
    while let last = ticks.last, last < high + flat, ticks.count < tickCount + 3 {
      ticks.append(bottom + Double(ticks.count) * step)
    }
    self.step = step
    self.ticks = ticks
    self.low = bottom
    self.high = max(ticks[ticks.count - 1], bottom + step)
  }

  private static func powerOfTen(below value: Double) -> Double {
    var power = 1.0
    while power > value, power > 1e-300 { power /= 10 }
    while power * 10 <= value, power < 1e307 { power *= 10 }
    return power
  }

  /// 0 at the bottom, 1 at the top.
  func fraction(_ value: Double) -> Double {
    let fraction = (value / 2 - low / 2) / (high / 2 - low / 2)
    return fraction.isFinite ? min(1, max(0, fraction)) : 0.5
  }

  /// The line of characters that a value falls into, 0 at the top.
  func row(_ value: Double, height: Int) -> Int {
    let dots = height * 4
    return (dots - 1 - Int((fraction(value) * Double(dots - 1)).rounded())) / 4
  }

  /// As many decimals as the step needs, units of 1,000 where numbers are large.
  func text(_ value: Double) -> String {
    let most = max(abs(low), abs(high))
    if most >= 1e15 || (most < 1e-3 && most > 0) { return Self.scientific(value) }
    for (name, factor) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)]
    where most >= factor * 10 {
      return Self.decimal(value / factor, step: step / factor) + name
    }
    return Self.decimal(value, step: step)
  }

  private static func decimal(_ value: Double, step: Double) -> String {
    var (count, rest) = (0, step)
    while count < 6, abs(rest - rest.rounded()) > 1e-9 * rest {
      (count, rest) = (count + 1, rest * 10)
    }
    let text = Quantity.decimals(abs(value), min(3, count))
    let digits = count > 3 ? "\((value * 1e6).rounded() / 1e6)" : (value < 0 ? "-" : "") + text
    return digits.allSatisfy { "-0.".contains($0) } ? String(digits.drop { $0 == "-" }) : digits
  }

  private static func scientific(_ value: Double) -> String {
    guard value != 0 else { return "0" }
    let power = powerOfTen(below: abs(value))
    var exponent = 0
    var rest = power
    while rest >= 10 { (rest, exponent) = (rest / 10, exponent + 1) }
    while rest < 0.999_999 { (rest, exponent) = (rest * 10, exponent - 1) }
    return "\((value / power * 100).rounded() / 100)e\(exponent)"
  }
}
