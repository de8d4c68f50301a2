/// Records of CSV (RFC 4180): commas, quotes, doubled quotes inside of them, and line ends, which
/// are text as they stand inside of quotes.
struct CSVReader {
  struct Cell: Sendable, Equatable {
    var text: [UInt8]
    /// Tells the empty text from nothing.
    var isQuoted: Bool

    var isEmpty: Bool { text.isEmpty && !isQuoted }
  }

  enum Record {
    /// A line without anything.
    case blank
    case cells([Cell])
    /// What is wrong, and the byte of the record's last line where.
    case fault(column: Int, String)
  }

  private var lines: InputLines
  /// The first physical line of the record that ``next()`` gave last.
  private(set) var line = 0

  init(_ file: InputFile) { lines = InputLines(file) }

  var position: Int { lines.file.position }
  var lastLine: Int { lines.number }

  mutating func next() throws(ImportFault) -> Record? {
    guard var text = try read() else { return nil }
    line = lines.number
    if line == 1, text.starts(with: [0xef, 0xbb, 0xbf]) { text.removeFirst(3) }
    if text.isEmpty { return .blank }
    var cells: [Cell] = []
    var index = 0
    while true {
      var cell = Cell(text: [], isQuoted: false)
      if index < text.count, text[index] == UInt8(ascii: "\"") {
        cell.isQuoted = true
        index += 1
        while true {
          guard index < text.count else {
            // The quote goes on in the next line.
            let lineEnd = lines.lineEnd
            guard let more = try read() else {
              return .fault(column: text.count + 1, "a quote is never closed")
            }
            cell.text += lineEnd
            text = more
            index = 0
            continue
          }
          if text[index] == UInt8(ascii: "\"") {
            index += 1
            guard index < text.count, text[index] == UInt8(ascii: "\"") else { break }
          }
          cell.text.append(text[index])
          index += 1
        }
      } else {
        let end = text[index...].firstIndex(of: UInt8(ascii: ",")) ?? text.count
        cell.text = Array(text[index..<end])
        index = end
      }
      cells.append(cell)
      guard index < text.count else { return .cells(cells) }
      guard text[index] == UInt8(ascii: ",") else {
        return .fault(column: index + 1, "expected a comma behind a closing quote")
      }
      index += 1
    }
  }

  private mutating func read() throws(ImportFault) -> [UInt8]? {
    do { return try lines.next() } catch { throw .system(error) }
  }
}
