package import Logging
package import Platform

/// Writes each log event as one line, in one call, so that lines of several threads do not mix.
package struct LineLogHandler: LogHandler {
  package var logLevel = Logger.Level.info
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?

  private let label: String
  private let format: LogFormat
  private let clock: any Clock
  private let write: @Sendable (String) -> Void

  package init(
    label: String,
    format: LogFormat,
    clock: any Clock,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.format = format
    self.clock = clock
    self.write = write
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, later in later } }
    if let given = event.metadata { all.merge(given) { _, later in later } }
    if let error = event.error { all["error"] = "\(error)" }
    let line = LogLine(
      nanoseconds: clock.now(),
      level: event.level,
      logger: label,
      message: "\(event.message)",
      metadata: all
    )
    write(format == .json ? line.json : line.text)
  }
}
