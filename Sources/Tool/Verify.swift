internal import ArgumentParser
internal import Cold
internal import Engine
package import Model
internal import Platform
internal import Server

/// Checks a data directory, of a stopped or of a running server.
struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check every checksum of a data directory or of an export.",
    discussion: """
      Reads every file and decodes every chunk, changes nothing, and may run beside a live server. \
      Prints a line a damage, PATH OFFSET LENGTH WHAT RANGE, to standard output; what is normal \
      after a crash (a torn tail, an unfinished cut) is a note on standard error. --export checks \
      the folder of a Parquet export: manifest, digests and pages. Exit status: 0 sound, 1 damage, \
      2 unreadable.
      """
  )

  @Option(help: "The data directory.")
  var data: String?

  @Option(help: "The folder of a Parquet export, or s3://BUCKET/PREFIX.")
  var export: String?

  func validate() throws {
    guard (data == nil) != (export == nil) else {
      throw ValidationError("give either --data DIR or --export DIR")
    }
  }

  /// Where an export is read: a folder here, or a bucket.
  private func place(of export: String) throws -> (any Disk, String) {
    guard ObjectStores.isBucket(export) else { return (RealDisk(), export) }
    do throws(ObjectError) {
      return (StoreDisk(try ObjectStores.open(export, disk: RealDisk())), ".")
    } catch {
      throw Failure("\(error)")
    }
  }

  func run() throws {
    let isTerminal = StandardOutput.isTerminal
    let progress = { (part: String) in
      if isTerminal { StandardOutput.writeError("\r\u{1b}[K\(part)") }
    }
    let findings: [Damage]
    let summary: String
    if let export {
      let (disk, folder) = try place(of: export)
      let result = ExportCheck(disk: disk, directory: folder).run(progress: progress)
      findings = result.findings
      summary = VerifyText.summary(findings, result.fileCount, result.byteCount)
    } else {
      let result = DataDirectoryCheck(disk: RealDisk(), path: data ?? "").run(progress: progress)
      findings = result.findings
      summary = VerifyText.summary(findings, result.fileCount, result.byteCount)
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    for finding in findings {
      let text = VerifyText.line(finding)
      if finding.severity == .note {
        StandardOutput.writeError("note: \(text)")
      } else {
        StandardOutput.write(text)
      }
    }
    StandardOutput.writeError(summary)
    let status = VerifyText.exitStatus(findings)
    if status != 0 { throw ExitCode(status) }
  }
}

/// What `varve verify` prints and how it ends.
package enum VerifyText {
  /// Names of series are clients' text, so they are escaped like in the log.
  package static func line(_ finding: Damage) -> String {
    LogText.escape(finding.description, byteCountMax: 4_096) + "\n"
  }

  static func summary(_ findings: [Damage], _ fileCount: Int, _ byteCount: Int) -> String {
    let damages = findings.count { $0.severity != .note }
    let notes = findings.count - damages
    return "\(Quantity.grouped(fileCount)) files, \(ByteSize(byteCount: byteCount)): "
      + (damages == 0 ? "sound" : "\(damages) damaged places")
      + (notes == 0 ? "\n" : ", \(notes) notes\n")
  }

  /// 1 when anything is damaged, else 2 when anything could not be read, else 0.
  package static func exitStatus(_ findings: [Damage]) -> Int32 {
    if findings.contains(where: { $0.severity == .damage }) { return 1 }
    return findings.contains { $0.severity == .unreadable } ? 2 : 0
  }
}
