internal import Logging

/// Tells the log of a trouble when it begins, once a minute while it lasts, and when it has ended.
///
/// Belongs to one thread.
struct TroubleLog {
  static let repeatNanoseconds: UInt64 = 60_000_000_000

  private let logger: Logger
  private let ended: String
  private var loggedAt: UInt64?
  private var count = 0

  /// - Parameter ended: what is written when the trouble has ended.
  init(_ logger: Logger, ended: String) {
    self.logger = logger
    self.ended = ended
  }

  /// It is there, or has come again.
  mutating func note(_ what: @autoclosure () -> String, at monotonic: UInt64) {
    count += 1
    if let loggedAt, monotonic &- loggedAt < Self.repeatNanoseconds { return }
    let text = what()
    logger.error("\(text)", metadata: count > 1 ? ["times": "\(count)"] : nil)
    loggedAt = monotonic
  }

  /// It is not there.
  mutating func clear() {
    guard loggedAt != nil else { return }
    logger.notice("\(ended)")
    loggedAt = nil
    count = 0
  }
}
