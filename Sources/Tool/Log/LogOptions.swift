internal import Logging

/// `log.level`.
package enum LogLevel: String, CaseIterable, Sendable {
  case debug, info, notice, warning, error

  var level: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error: .error
    }
  }
}

/// `log.format`.
package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
