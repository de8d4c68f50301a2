internal import Bytes
package import Platform

/// A file, or standard input, read from its start to its end; what is gzip is decompressed.
package struct InputFile {
  static let pieceByteCount = 1 << 20

  /// `-` for standard input.
  package let path: String
  /// `nil` for standard input.
  package let byteCount: Int?
  /// Bytes that were read, compressed ones where they are.
  package private(set) var position = 0
  private let file: (any ReadableFile)?
  private var gunzip: Gunzip?

  package init(disk: any Disk, path: String) throws(SystemError) {
    self.path = path
    file = path == "-" ? nil : try disk.open(path)
    byteCount = file?.byteCount
  }

  /// The next bytes; none at the end.
  package mutating func read() throws(SystemError) -> [UInt8] {
    if position == 0 {
      let bytes = try readStored()
      guard bytes.starts(with: Gunzip.magic) else { return bytes }
      gunzip = Gunzip()
      gunzip?.give(bytes)
    }
    guard let gunzip else { return try readStored() }
    while true {
      do throws(GzipFault) {
        if let bytes = try gunzip.take() { return bytes }
      } catch {
        throw SystemError(code: SystemError.Code.invalid, operation: error.message, path: path)
      }
      if gunzip.isFinished { return [] }
      gunzip.give(try readStored())
    }
  }

  private mutating func readStored() throws(SystemError) -> [UInt8] {
    let bytes =
      if let file {
        try file.read(at: position, count: Self.pieceByteCount)
      } else {
        try StandardInput.read(Self.pieceByteCount)
      }
    position += bytes.count
    return bytes
  }
}

/// A decompression under way.
private final class Gunzip {
  static let magic: [UInt8] = [0x1f, 0x8b, 0x08]

  private var decoder = GzipDecoder()
  /// Whether all that was given is all there is.
  private(set) var isFinished = false

  /// Gives the next bytes as they are stored; none at the end.
  func give(_ bytes: [UInt8]) {
    if bytes.isEmpty {
      isFinished = true
      decoder.finishInput()
    } else {
      decoder.append(bytes.span)
    }
  }

  /// Decompressed bytes; `nil` when more must be given, or nothing is left.
  func take() throws(GzipFault) -> [UInt8]? {
    guard try decoder.run() else { return nil }
    return decoder.takeOutput { bytes in bytes.indices.map { bytes[$0] } }
  }
}

/// The physical lines of a file, without their line ends (`\n` or `\r\n`).
struct InputLines {
  /// A longer line is an error: nothing that we take is that long.
  static let byteCountMax = 64 << 20

  private(set) var file: InputFile
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false
  /// The number of the line that ``next()`` gave last, from 1.
  private(set) var number = 0
  /// What ended it: `\r\n`, `\n`, or nothing at the end of the file.
  private(set) var lineEnd: [UInt8] = []

  init(_ file: InputFile) { self.file = file }

  mutating func next() throws(SystemError) -> [UInt8]? {
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        return take(to: end, skipping: 1)
      }
      searched = buffer.count
      if isAtEnd { return position < buffer.count ? take(to: buffer.count, skipping: 0) : nil }
      guard buffer.count - position <= Self.byteCountMax else {
        throw SystemError(
          code: SystemError.Code.fileTooBig,
          operation: "line \(number + 1)",
          path: file.path
        )
      }
      if position > 0 {
        buffer.removeFirst(position)
        searched -= position
        position = 0
      }
      let bytes = try file.read()
      if bytes.isEmpty { isAtEnd = true }
      buffer += bytes
    }
  }

  private mutating func take(to end: Int, skipping: Int) -> [UInt8] {
    number += 1
    var line = buffer[position..<end]
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    lineEnd = Array(buffer[line.endIndex..<end + skipping])
    position = end + skipping
    return Array(line)
  }
}
