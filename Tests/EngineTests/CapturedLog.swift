import Logging
import Synchronization

/// What an engine logs, as text.
final class CapturedLog: Sendable {
  private let state = Mutex<[String]>([])
  var lines: [String] { state.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in self.handler } }
  var handler: any LogHandler { Handler(log: self) }

  private struct Handler: LogHandler {
    let log: CapturedLog
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    init(log: CapturedLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.state.withLock { $0.append("\(event.message)") } }
  }
}
