internal import Engine
internal import Logging
internal import Platform

/// What a server says of itself: aligned lines on standard output for people, or log lines where
/// programs read along, so that nothing on either stream is of another form.
struct ServeNews {
  private static let nameWidth = 12

  let format: LogFormat
  let logger: Logger

  func say(_ kind: LogKind, _ heading: String, _ facts: [StartReport.Fact] = []) {
    guard format == .text else {
      var metadata: Logger.Metadata = [:]
      for fact in facts { metadata.merge(fact.values) { first, _ in first } }
      return logger.log(kind, .info, "\(heading)", metadata)
    }
    var text = heading + "\n"
    for fact in facts { text += line(fact.name, fact.text) }
    StandardOutput.write(text)
  }

  func say(_ findings: [StartReport.Finding]) {
    for finding in findings {
      guard format == .text else {
        logger.log(
          finding.isNote ? .note : .damage,
          finding.isNote ? .notice : .warning,
          "\(finding.text)",
          finding.values
        )
        continue
      }
      StandardOutput.write(line(finding.isNote ? "note" : "damage", finding.text))
    }
  }

  private func line(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, Self.nameWidth - name.count)) + value + "\n"
  }
}
