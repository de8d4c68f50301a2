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
      the folder of a Parquet export: manifest, digests and pages. --json prints one object with \
      all of it. Exit status: 0 sound, 1 damage, 2 unreadable.
      """
  )

  @Option(help: "The data directory.")
  var data: String?

  @Option(help: "The folder of a Parquet export, or s3://BUCKET/PREFIX.")
  var export: String?

  @Flag(help: "Print JSON.")
  var json = false

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
    let isTerminal = StandardOutput.isErrorTerminal
    let progress = { (part: String) in
      if isTerminal { StandardOutput.writeError("\r\u{1b}[K\(part)") }
    }
    let report: VerifyReport
    if let export {
      let (disk, folder) = try place(of: export)
      let result = ExportCheck(disk: disk, directory: folder).run(progress: progress)
      report = VerifyReport(result.findings, result.fileCount, result.byteCount)
    } else {
      let result = DataDirectoryCheck(disk: RealDisk(), path: data ?? "").run(progress: progress)
      report = VerifyReport(result.findings, result.fileCount, result.byteCount)
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    if json {
      StandardOutput.write(report.json.text + "\n")
    } else {
      for finding in report.findings {
        let text = VerifyText.line(finding)
        if finding.severity == .note {
          StandardOutput.writeError("note: \(text)")
        } else {
          StandardOutput.write(text)
        }
      }
      StandardOutput.writeError(report.summary + "\n")
    }
    if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
  }
}

/// What `varve verify` has found, how it says so and how it ends.
package struct VerifyReport {
  package let findings: [Damage]
  private let fileCount: Int
  private let byteCount: Int

  package init(_ findings: [Damage], _ fileCount: Int, _ byteCount: Int) {
    self.findings = findings
    self.fileCount = fileCount
    self.byteCount = byteCount
  }

  private func count(_ severity: Damage.Severity) -> Int {
    findings.count { $0.severity == severity }
  }

  /// `1,204 files, 3.1 GiB: sound, 1 note`.
  package var summary: String {
    var parts: [String] = []
    for (severity, one, many) in [
      (Damage.Severity.damage, "damaged place", "damaged places"),
      (.unreadable, "place that cannot be read", "places that cannot be read"),
    ] where count(severity) > 0 {
      parts.append("\(count(severity)) \(count(severity) == 1 ? one : many)")
    }
    if parts.isEmpty { parts.append("sound") }
    let notes = count(.note)
    if notes > 0 { parts.append("\(notes) \(notes == 1 ? "note" : "notes")") }
    let files = "\(Quantity.grouped(fileCount)) \(fileCount == 1 ? "file" : "files")"
    return "\(files), \(ByteSize(byteCount: byteCount)): " + parts.joined(separator: ", ")
  }

  /// One object, with every damage and note.
  package var json: JSONValue {
    var table = TextTable(["severity", "path", "offset", "length", "what", "range"])
    for finding in findings {
      table.add([
        .text(Self.name(finding.severity)), .text(finding.path), .integer(finding.offset),
        .integer(finding.byteCount), .text(finding.what), .text(finding.range),
      ])
    }
    return .object([
      (key: "sound", value: .boolean(exitStatus == 0)),
      (key: "files", value: .integer(Int64(fileCount))),
      (key: "bytes", value: .integer(Int64(byteCount))),
      (key: "damaged", value: .integer(Int64(count(.damage)))),
      (key: "unreadable", value: .integer(Int64(count(.unreadable)))),
      (key: "notes", value: .integer(Int64(count(.note)))),
      (key: "findings", value: table.json),
    ])
  }

  static func name(_ severity: Damage.Severity) -> String {
    switch severity {
    case .note: "note"
    case .damage: "damage"
    case .unreadable: "unreadable"
    }
  }

  /// 1 when anything is damaged, else 2 when anything could not be read, else 0.
  package var exitStatus: Int32 {
    count(.damage) > 0 ? 1 : count(.unreadable) > 0 ? 2 : 0
  }
}

/// One finding as a line.
package enum VerifyText {
  /// Names of series are clients' text, so they are escaped like in the log.
  package static func line(_ finding: Damage) -> String {
    LogText.escape(finding.description, byteCountMax: 4_096) + "\n"
  }
}
