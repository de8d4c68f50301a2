internal import Platform

/// Writes a new file in pieces: memory is one piece, whatever the size of the file.
struct FileSink {
  static let pieceByteCount = 1 << 20

  private let file: any AppendFile
  private var piece: [UInt8] = []
  private(set) var byteCount = 0

  /// Starts at an empty file.
  init(_ disk: any Disk, _ path: String) throws(SystemError) {
    file = try disk.append(to: path)
    if file.byteCount > 0 { try file.truncate(to: 0) }
  }

  mutating func append(_ bytes: Span<UInt8>) throws(SystemError) {
    for index in bytes.indices { piece.append(bytes[index]) }
    byteCount += bytes.count
    if piece.count >= Self.pieceByteCount { try drain() }
  }

  private mutating func drain() throws(SystemError) {
    guard !piece.isEmpty else { return }
    try file.append(piece)
    piece.removeAll(keepingCapacity: true)
  }

  /// Makes the content durable; the name is the caller's.
  mutating func finish() throws(SystemError) {
    defer { file.close() }
    try drain()
    try file.sync()
  }
}
