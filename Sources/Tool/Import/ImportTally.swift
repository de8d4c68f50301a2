/// What became of the pieces that were sent: one state for every way of sending.
///
/// Knows the connection's line numbers, so that a verdict is told with the line of the file.
package struct ImportTally: Sendable {
  /// Refused lines that are listed; the rest is counted.
  package static let refusalCountMax = 20
  private static let prefix = "import-"

  private struct Waiting {
    var number: UInt64
    var byteCount: Int
    /// Connection lines before the piece.
    var lineCount: UInt64
    var lineFeedCount: Int
    var marks: [ImportPiece.Mark]
    var file: String
    var lastFileLine: Int
  }

  private var waiting: [Waiting] = []
  private var number: UInt64 = 0
  /// Line feeds that were sent on the connection.
  private var lineCount: UInt64 = 0
  package private(set) var inFlightByteCount = 0
  package private(set) var accepted = 0
  package private(set) var rejected = 0
  package private(set) var refusals: [ImportRefusal] = []
  /// Why nothing more can be sent.
  package private(set) var failure: String?
  /// Up to where all is durable or refused.
  package private(set) var doneFile: String?
  package private(set) var doneLine = 0

  package init() {}

  package var isWaiting: Bool { !waiting.isEmpty }

  /// Notes that control lines are sent.
  package mutating func sendControl(lineCount: Int) { self.lineCount += UInt64(lineCount) }

  /// Notes that a piece is sent now.
  ///
  /// - Returns: the line that must follow it.
  package mutating func send(_ piece: ImportPiece) -> [UInt8] {
    number += 1
    waiting.append(
      Waiting(
        number: number,
        byteCount: piece.bytes.count,
        lineCount: lineCount,
        lineFeedCount: piece.lineFeedCount,
        marks: piece.marks,
        file: piece.file,
        lastFileLine: piece.lastFileLine
      )
    )
    lineCount += UInt64(piece.lineFeedCount) + 1
    inFlightByteCount += piece.bytes.count
    note(piece)
    return Array("#ack \(Self.prefix)\(number)\n".utf8)
  }

  /// Counts what was refused before it was sent.
  package mutating func note(_ piece: ImportPiece) {
    rejected += piece.refusedCount
    for refusal in piece.refusals { add(refusal) }
  }

  package mutating func fail(_ reason: String) { if failure == nil { failure = reason } }

  /// Takes a line that the server has written, without its line feed.
  package mutating func take(_ line: some Collection<UInt8>) {
    let text = String(decoding: line, as: UTF8.self)
    let words = text.split(separator: " ", maxSplits: 3)
    switch words.first {
    case "OK" where words.count == 4:
      // An #ack that stands in the file counts its lines too.
      accepted += Int(words[2]) ?? 0
      rejected += Int(words[3]) ?? 0
      settle(words[1])
    case "ERR" where words.count >= 3:
      let connectionLine = UInt64(words[1]) ?? 0
      let column = Int(words[2]) ?? 0
      let reason = words.count > 3 ? String(words[3]) : ""
      let place = place(of: connectionLine)
      add(
        ImportRefusal(file: place.file, line: place.line, column: column, reason: reason)
      )
    case let word? where word.hasPrefix("HTTP/"):
      fail("an HTTP server answers there: give the line port, 9009 unless it was told otherwise")
    default: fail(text)
    }
  }

  private mutating func settle(_ id: Substring) {
    guard let first = waiting.first, id == "\(Self.prefix)\(first.number)" else { return }
    waiting.removeFirst()
    inFlightByteCount -= first.byteCount
    doneFile = first.file
    doneLine = first.lastFileLine
  }

  private mutating func add(_ refusal: ImportRefusal) {
    if refusals.count < Self.refusalCountMax { refusals.append(refusal) }
  }

  private func place(of connectionLine: UInt64) -> (file: String, line: Int) {
    for piece in waiting {
      guard connectionLine > piece.lineCount,
        connectionLine <= piece.lineCount + UInt64(piece.lineFeedCount)
      else { continue }
      let index = Int(connectionLine - piece.lineCount) - 1
      guard let mark = piece.marks.last(where: { $0.lineFeedCount <= index }) else { break }
      return (piece.file, mark.fileLine + index - mark.lineFeedCount)
    }
    return ("", Int(clamping: connectionLine))
  }
}
