internal import ArgumentParser
internal import Engine
internal import Logging

/// Where commands log to: standard error, so that standard output stays theirs.
enum ToolLog {
  static func logger(_ level: LogLevel) -> Logger {
    var logger = Logger(label: "varve") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = level.level
    return logger
  }
}

/// `--log-level`.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
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

/// `--durability`.
enum Durability: String, CaseIterable, ExpressibleByArgument {
  case fsync, interval, os

  var mode: DurabilityMode {
    switch self {
    case .fsync: .fsync
    case .interval: .interval
    case .os: .os
    }
  }
}
