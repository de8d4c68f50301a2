internal import Engine
internal import Logging
internal import Platform
internal import Synchronization

/// Writes at most one line a second of each kind, so that no client can fill the log; the next line
/// says how many were left out.
final class SampledLog: Sendable {
  private struct Entry {
    var writtenAt: UInt64
    var leftOutCount = 0
  }

  static let intervalNanoseconds: UInt64 = 1_000_000_000

  private let logger: Logger
  private let clock: any Clock
  private let entries = Mutex<[LogKind: Entry]>([:])

  init(_ logger: Logger, clock: any Clock) {
    self.logger = logger
    self.clock = clock
  }

  /// - Parameter message: must hold no raw text of a client; see ``LogText``.
  func write(
    _ kind: LogKind,
    level: Logger.Level = .warning,
    _ message: @autoclosure () -> String
  ) {
    guard let leftOut = admit(kind) else { return }
    let text = message()
    logger.log(
      kind,
      level,
      leftOut == 0 ? "\(text)" : "\(text) (and \(leftOut) more like it since the last line)",
      leftOut == 0 ? [:] : ["left_out": .stringConvertible(leftOut)]
    )
  }

  /// How many lines of the kind were left out since the last one, or `nil` when this one is too.
  private func admit(_ kind: LogKind) -> Int? {
    let now = clock.monotonic()
    return entries.withLock { entries in
      if let entry = entries[kind], now &- entry.writtenAt < Self.intervalNanoseconds {
        entries[kind]?.leftOutCount += 1
        return nil
      }
      let leftOut = entries[kind]?.leftOutCount ?? 0
      entries[kind] = Entry(writtenAt: now)
      return leftOut
    }
  }
}
