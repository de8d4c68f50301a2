internal import Engine
internal import Logging
internal import Platform

/// Tells the log and the service manager how a replay goes on, so that a long one is neither taken
/// for a hang nor ended as one.
enum StartProgress {
  private static let noticeSeconds = 2
  private static let logEvery = 5
  /// What the manager gives a start from each notice on.
  private static let extensionMicroseconds = 60_000_000

  /// Begins; the task goes on until it is cancelled.
  static func watch(_ engine: Engine, _ logger: Logger) -> Task<Void, Never> {
    Task {
      var count = 0
      while true {
        try? await Task.sleep(for: .seconds(noticeSeconds))
        guard !Task.isCancelled, case .replaying(let fraction, let left) = engine.readiness else {
          return
        }
        let text = text(fraction, left)
        ServiceNotification.send([
          "STATUS=\(text)", "EXTEND_TIMEOUT_USEC=\(extensionMicroseconds)",
        ])
        if count % logEvery == 0 {
          var facts: Logger.Metadata = [
            "percent": .stringConvertible((fraction * 1_000).rounded() / 10)
          ]
          if let left { facts["seconds_left"] = .stringConvertible(left.rounded()) }
          logger.log(.replaying, .info, "\(text)", facts)
        }
        count += 1
      }
    }
  }

  private static func text(_ fraction: Double, _ secondsLeft: Double?) -> String {
    let left = secondsLeft.map { ", about \(Quantity.decimals($0, 0)) s left" } ?? ""
    return "replaying the log: \(Quantity.decimals(fraction * 100, 1)) %\(left)"
  }
}
