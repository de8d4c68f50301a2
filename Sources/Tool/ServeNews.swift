internal import Logging
internal import Platform

/// What a server says of itself: aligned lines on standard output for people, or log lines where
/// programs read along, so that nothing on either stream is of another form.
struct ServeNews {
  private static let nameWidth = 12

  let format: LogFormat
  let logger: Logger

  func say(_ heading: String, _ facts: StartReport.Facts) {
    guard format == .text else {
      var metadata: Logger.Metadata = [:]
      for (name, value) in facts {
        metadata[String(name.map { $0 == " " ? "_" : $0 })] = "\(value)"
      }
      return logger.info("\(heading)", metadata: metadata)
    }
    var text = heading + "\n"
    for (name, value) in facts { text += line(name, value) }
    StandardOutput.write(text)
  }

  func say(_ damages: [(text: String, isNote: Bool)]) {
    for (text, isNote) in damages {
      guard format == .text else {
        logger.log(level: isNote ? .notice : .warning, "\(text)")
        continue
      }
      StandardOutput.write(line(isNote ? "note" : "damage", text))
    }
  }

  private func line(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, Self.nameWidth - name.count)) + value + "\n"
  }
}
