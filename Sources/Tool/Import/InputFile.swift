package import Platform

/// A file, or standard input, read from its start to its end.
package struct InputFile {
  static let pieceByteCount = 1 << 20

  /// `-` for standard input.
  package let path: String
  /// `nil` for standard input.
  package let byteCount: Int?
  /// Bytes that were read.
  package private(set) var position = 0
  private let file: (any ReadableFile)?

  package init(disk: any Disk, path: String) throws(SystemError) {
    self.path = path
    file = path == "-" ? nil : try disk.open(path)
    byteCount = file?.byteCount
  }

  /// The next bytes; none at the end.
  package mutating func read() throws(SystemError) -> [UInt8] {
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
    position = end + skipping
    return Array(line)
  }
}
