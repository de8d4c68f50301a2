internal import Logging

/// Tells the log of a trouble when it begins, once a minute while it lasts, and when it has ended.
///
/// Belongs to one thread.
struct TroubleLog {
  static let repeatNanoseconds: UInt64 = 60_000_000_000

  private let logger: Logger
  private let kind: LogKind
  private let end: (kind: LogKind, text: String)
  private let calmNanoseconds: UInt64
  private var loggedAt: UInt64?
  private var calmSince: UInt64?
  private var count = 0

  /// - Parameters:
  ///   - kind: what the trouble is.
  ///   - end: what is written when it has ended.
  ///   - calmNanoseconds: how long it must be away for that, so that one that comes and goes is
  ///     told once.
  init(
    _ logger: Logger,
    _ kind: LogKind,
    end: (kind: LogKind, text: String),
    calmNanoseconds: UInt64 = 0
  ) {
    self.logger = logger
    self.kind = kind
    self.end = end
    self.calmNanoseconds = calmNanoseconds
  }

  /// It is there, or has come again.
  mutating func note(_ what: @autoclosure () -> String, at monotonic: UInt64) {
    count += 1
    calmSince = nil
    if let loggedAt, monotonic &- loggedAt < Self.repeatNanoseconds { return }
    let text = what()
    logger.log(kind, .error, "\(text)", count > 1 ? ["times": .stringConvertible(count)] : [:])
    loggedAt = monotonic
  }

  /// It is not there.
  ///
  /// - Parameter monotonic: matters only where there is a calm to wait for.
  mutating func clear(at monotonic: UInt64 = 0) {
    guard loggedAt != nil else { return }
    let since = calmSince ?? monotonic
    calmSince = since
    guard monotonic &- since >= calmNanoseconds else { return }
    logger.log(end.kind, .notice, "\(end.text)")
    (loggedAt, calmSince) = (nil, nil)
    count = 0
  }
}
