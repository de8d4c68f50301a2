internal import ArgumentParser
internal import Engine
package import Model
internal import Platform
internal import Server

/// Checks a data directory, of a stopped or of a running server.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check every checksum of a data directory.",
    discussion: """
      Reads every file and decodes every chunk, changes nothing, and may run beside a live server. \
      Prints a line a damage, PATH OFFSET LENGTH WHAT RANGE, to standard output; what is normal \
      after a crash (a torn tail, an unfinished cut) is a note on standard error. Exit status: 0 \
      sound, 1 damage, 2 unreadable.
      """
  )

  @Option(help: "The data directory.")
  var data: String

  func run() throws {
    let isTerminal = StandardOutput.isTerminal
    let result = DataDirectoryCheck(disk: RealDisk(), path: data).run { part in
      if isTerminal { StandardOutput.writeError("\r\u{1b}[K\(part)") }
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    for finding in result.findings {
      let text = VerifyText.line(finding)
      if finding.severity == .note {
        StandardOutput.writeError("note: \(text)")
      } else {
        StandardOutput.write(text)
      }
    }
    StandardOutput.writeError(VerifyText.summary(result))
    let status = VerifyText.exitStatus(result.findings)
    if status != 0 { throw ExitCode(status) }
  }
}

/// What `varve verify` prints and how it ends.
package enum VerifyText {
  /// Names of series are clients' text, so they are escaped like in the log.
  package static func line(_ finding: Damage) -> String {
    LogText.escape(finding.description, byteCountMax: 4_096) + "\n"
  }

  static func summary(_ result: DataDirectoryCheck.Result) -> String {
    let damages = result.findings.count { $0.severity != .note }
    let notes = result.findings.count - damages
    return "\(Quantity.grouped(result.fileCount)) files, "
      + "\(ByteSize(byteCount: result.byteCount)): "
      + (damages == 0 ? "sound" : "\(damages) damaged places")
      + (notes == 0 ? "\n" : ", \(notes) notes\n")
  }

  /// 1 when anything is damaged, else 2 when anything could not be read, else 0.
  package static func exitStatus(_ findings: [Damage]) -> Int32 {
    if findings.contains(where: { $0.severity == .damage }) { return 1 }
    return findings.contains { $0.severity == .unreadable } ? 2 : 0
  }
}
