package import Platform

/// Line protocol on its way to a server, with the places in the file that it came from.
package struct ImportPiece: Sendable {
  /// From the line feed of that number on (counted in `bytes` from 0) lines stem from this line of
  /// the file and the ones behind it.
  package struct Mark: Sendable, Equatable {
    package var lineFeedCount: Int
    package var fileLine: Int

    package init(lineFeedCount: Int, fileLine: Int) {
      self.lineFeedCount = lineFeedCount
      self.fileLine = fileLine
    }
  }

  /// Ends with a line feed, outside of a string as far as can be told.
  package var bytes: [UInt8] = []
  package var lineFeedCount = 0
  /// Ascending.
  package var marks: [Mark] = []
  /// The last line of the file that is in it, or before it.
  package var lastFileLine = 0
  /// What was refused before it was sent.
  package var refusals: [ImportRefusal] = []
  package var refusedCount = 0
  package var file = ""

  package init() {}

  mutating func refuse(_ line: Int, _ column: Int, _ reason: String) {
    refusedCount += 1
    guard refusals.count < ImportTally.refusalCountMax else { return }
    refusals.append(ImportRefusal(file: file, line: line, column: column, reason: reason))
  }

  /// Appends the lines that a line of the file becomes.
  mutating func append(_ lines: [[UInt8]], from fileLine: Int) {
    for line in lines {
      marks.append(Mark(lineFeedCount: lineFeedCount, fileLine: fileLine))
      bytes += line
      bytes.append(UInt8(ascii: "\n"))
      lineFeedCount += line.count { $0 == UInt8(ascii: "\n") } + 1
    }
  }
}

/// A line that was not taken.
package struct ImportRefusal: Sendable, Equatable {
  package var file: String
  package var line: Int
  package var column: Int
  package var reason: String

  package init(file: String, line: Int, column: Int, reason: String) {
    self.file = file
    self.line = line
    self.column = column
    self.reason = reason
  }
}

/// Why a file cannot be imported at all.
package enum ImportFault: Error {
  case system(SystemError)
  case format(String)
}

/// A file in some format, as pieces of line protocol.
package protocol ImportSource {
  mutating func next() throws(ImportFault) -> ImportPiece?
  /// Bytes of the file that were read.
  var position: Int { get }
}

package enum ImportSize {
  /// Bytes of a piece, about; each is acknowledged.
  package static let pieceByteCount = 256 << 10
  /// A string that is longer is taken for one that was never closed: the line limit of servers.
  static let openStringByteCountMax = 1 << 20
}

/// A file of line protocol, passed on as it is.
package struct LineSource: ImportSource {
  private var file: InputFile
  private var rest: [UInt8] = []
  private var cutter = LineCutter()
  private var isAtEnd = false
  private var fileLine = 1
  private let skippedLineCount: Int

  /// - Parameter skippedLineCount: lines of the file that are left out.
  package init(_ file: InputFile, skippedLineCount: Int = 0) {
    self.file = file
    self.skippedLineCount = skippedLineCount
  }

  package var position: Int { file.position }

  package mutating func next() throws(ImportFault) -> ImportPiece? {
    while true {
      if let end = cutter.end(in: rest, isAtEnd: isAtEnd) {
        var piece = ImportPiece()
        piece.file = file.path
        piece.bytes = Array(rest[..<end])
        rest.removeFirst(end)
        // The end of a file ends its line.
        if piece.bytes.last != UInt8(ascii: "\n") { piece.bytes.append(UInt8(ascii: "\n")) }
        if drop(&piece) { continue }
        return piece
      }
      if isAtEnd { return nil }
      do throws(SystemError) {
        let bytes = try file.read()
        if bytes.isEmpty { isAtEnd = true }
        rest += bytes
      } catch {
        throw .system(error)
      }
    }
  }

  /// Counts the lines of a piece and takes those away that are to be skipped, but for the control
  /// lines among them, which hold for what follows.
  ///
  /// - Returns: whether nothing is left.
  private mutating func drop(_ piece: inout ImportPiece) -> Bool {
    let first = fileLine
    let lines = piece.bytes.count { $0 == UInt8(ascii: "\n") }
    fileLine += lines
    piece.lastFileLine = fileLine - 1
    guard first <= skippedLineCount else {
      piece.lineFeedCount = lines
      piece.marks = [ImportPiece.Mark(lineFeedCount: 0, fileLine: first)]
      return false
    }
    var kept = ImportPiece()
    kept.file = piece.file
    kept.lastFileLine = piece.lastFileLine
    var start = 0
    for line in first..<fileLine {
      let end = piece.bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? piece.bytes.count
      let text = piece.bytes[start..<end]
      let words = ["#precision ", "#tenant ", "#auth "]
      if line > skippedLineCount || words.contains(where: { text.starts(with: $0.utf8) }) {
        kept.append([Array(text)], from: line)
      }
      start = end + 1
    }
    piece = kept
    return piece.bytes.isEmpty
  }
}
