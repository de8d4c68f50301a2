/// A field of dots, two columns and four rows a character, as braille has them.
struct Canvas {
  private struct Cell {
    /// Bits of the braille pattern.
    var dots: UInt8 = 0
    var series = 0
    /// Drawn instead of the dots.
    var marker: Character?
  }

  /// Bits of the dots of a character, by row, then column (Unicode, "Braille Patterns").
  private static let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

  let width: Int
  let height: Int
  private var cells: [Cell]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    cells = Array(repeating: Cell(), count: width * height)
  }

  var dotWidth: Int { width * 2 }
  var dotHeight: Int { height * 4 }

  /// Draws a straight line of dots, both ends included.
  mutating func draw(
    from start: (x: Int, y: Int),
    to end: (x: Int, y: Int),
    series: Int,
    marker: Character?
  ) {
    let (dx, dy) = (abs(end.x - start.x), -abs(end.y - start.y))
    let (stepX, stepY) = (start.x < end.x ? 1 : -1, start.y < end.y ? 1 : -1)
    var (x, y, error) = (start.x, start.y, dx + dy)
    while true {
      set(x, y, series, marker)
      if x == end.x, y == end.y { return }
      let doubled = 2 * error
      if doubled >= dy { (error, x) = (error + dy, x + stepX) }
      if doubled <= dx { (error, y) = (error + dx, y + stepY) }
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ series: Int, _ marker: Character?) {
    guard (0..<dotWidth).contains(x), (0..<dotHeight).contains(y) else { return }
    let index = y / 4 * width + x / 2
    cells[index].dots |= Self.bits[y % 4][x % 2]
    cells[index].series = series
    cells[index].marker = marker
  }

  /// The characters of one line, without blanks at its end.
  ///
  /// - Parameter colour: the ANSI colour of a series; without it nothing but the characters.
  func line(_ row: Int, colour: ((Int) -> Int)?) -> String {
    let cells = self.cells[row * width..<(row + 1) * width]
    guard let last = cells.lastIndex(where: { $0.dots != 0 }) else { return "" }
    var result = ""
    var current: Int?
    for cell in cells[...last] {
      let wanted = cell.dots == 0 ? nil : colour?(cell.series)
      if let wanted, wanted != current {
        result += "\u{1b}[\(wanted)m"
        current = wanted
      }
      if cell.dots == 0 {
        result += " "
      } else if let marker = cell.marker {
        result.append(marker)
      } else {
        result.unicodeScalars.append(Unicode.Scalar(0x2800 + UInt32(cell.dots)) ?? " ")
      }
    }
    return current == nil ? result : result + "\u{1b}[0m"
  }
}
