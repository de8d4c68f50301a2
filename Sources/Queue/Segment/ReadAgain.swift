internal import Platform

extension ReadableFile {
  /// Reads as ``read(at:count:)`` does, trying anew up to ``readAttemptsMax`` times.
  ///
  /// A start that takes an error for damage goes on without the rows behind it, for good. So an
  /// error that passes, as of a path to a disk that is switched over, must not count as one.
  func readAgain(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    for _ in 1..<readAttemptsMax {
      do throws(SystemError) { return try read(at: offset, count: count) } catch { continue }
    }
    return try read(at: offset, count: count)
  }
}

/// How often one piece of a segment is read before it counts as unreadable.
private let readAttemptsMax = 4
