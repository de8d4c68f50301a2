internal import Logging
internal import Platform

/// Where commands log to: standard error, so that standard output stays theirs.
enum ToolLog {
  static func logger(_ level: LogLevel, format: LogFormat = .text) -> Logger {
    var logger = Logger(label: "varve") { label in
      LineLogHandler(
        label: label,
        format: format,
        clock: RealClock(),
        write: StandardOutput.writeError
      )
    }
    logger.logLevel = level.level
    return logger
  }
}
