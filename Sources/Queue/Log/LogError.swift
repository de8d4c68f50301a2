public import Platform

/// Why a log cannot be opened. Damage is no reason: it is reported and read around.
public enum LogError: Error, Equatable, Sendable {
  case system(SystemError)
  /// A sound segment says that it belongs to a directory with another number of partitions.
  case partitionCount(path: String, found: Int, expected: Int)
  /// A sound segment was written by a release with another format.
  case version(path: String, found: UInt8)
  /// No epoch is left.
  case exhausted(path: String)
}

extension LogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .system(let error): "\(error)"
    case .partitionCount(let path, let found, let expected):
      "\(path) has \(found) partitions, the data directory has \(expected)"
    case .version(let path, let found): "\(path) has format version \(found), which is not ours"
    case .exhausted(let path): "\(path) has used up its epochs"
    }
  }
}

/// Runs `body` and turns its error into one of the log's.
func asLogError<Result>(
  _ body: () throws(SystemError) -> Result
) throws(LogError) -> Result {
  do throws(SystemError) { return try body() } catch { throw .system(error) }
}
