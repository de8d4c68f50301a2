internal import Synchronization

/// Reads a file from front to back in large pieces, of which it hands out parts, so that many small
/// reads close to each other cost one call of the system.
///
/// Reads ahead only after a read that follows the one before it closely, at first little: whoever
/// looks up one place reads that place. Safe from several threads; meant for one.
public final class ForwardFile: ReadableFile {
  /// A read that begins so soon behind the last one follows it.
  private static let gapByteCountMax = 16 << 10
  private static let pieceByteCounts = 8 << 10...256 << 10

  private struct Piece {
    var start = 0
    var bytes: [UInt8] = []
    /// Where the last read ended.
    var end = Int.min / 2
    /// What the next piece shall have.
    var nextByteCount = pieceByteCounts.lowerBound
  }

  private let file: any ReadableFile
  private let piece = Mutex(Piece())

  public init(_ file: any ReadableFile) { self.file = file }

  public var byteCount: Int { file.byteCount }

  public func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    Array(try lend(at: offset, count: count))
  }

  public func lend(at offset: Int, count: Int) throws(SystemError) -> ArraySlice<UInt8> {
    let result: Result<ArraySlice<UInt8>, SystemError> = piece.withLock { piece in
      Result { () throws(SystemError) in try lend(at: offset, count: count, &piece) }
    }
    return try result.get()
  }

  private func lend(
    at offset: Int,
    count: Int,
    _ piece: inout Piece
  ) throws(SystemError) -> ArraySlice<UInt8> {
    defer { piece.end = offset + count }
    if offset >= piece.start, offset - piece.start <= piece.bytes.count - count {
      let low = offset - piece.start
      return piece.bytes[low..<low + count]
    }
    let follows =
      offset >= piece.end - Self.gapByteCountMax && offset - piece.end <= Self.gapByteCountMax
    guard follows, count < piece.nextByteCount else {
      piece.nextByteCount = Self.pieceByteCounts.lowerBound
      return try file.lend(at: offset, count: count)
    }
    let wanted = piece.nextByteCount
    piece.nextByteCount = min(2 * piece.nextByteCount, Self.pieceByteCounts.upperBound)
    do throws(SystemError) {
      piece.bytes = try file.read(at: offset, count: wanted)
      piece.start = offset
    } catch {
      // What cannot be read may lie behind what was asked for.
      piece.bytes = []
      return try file.lend(at: offset, count: count)
    }
    return piece.bytes.prefix(count)
  }
}
