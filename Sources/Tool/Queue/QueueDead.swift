internal import ArgumentParser
internal import Catalog
internal import Engine
package import Model
internal import Platform
package import Queue

/// Refused lines.
struct QueueDead: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead",
    abstract: "Show refused lines with their reasons.",
    discussion: """
      Newest first, as far as the dead-letter log reaches (two files of 8 MiB). Control bytes of \
      the refused text are spelled out; --json has the text as it came, and besides as text_base64 \
      where it is not all UTF-8.
      """
  )

  @Option(help: "The data directory.")
  var data: String

  @Option(name: [.long, .customShort("n")], help: "Lines that are shown at most.")
  var lines = 20

  @Option(help: "Only this tenant.")
  var tenant: String?

  @Option(help: "Only this reason, such as type_conflict.")
  var reason: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    try Check.range(lines, 1...10_000_000, option: "lines")
    if let reason, !RefusalReason.allCases.contains(where: { $0.name == reason }) {
      let names = RefusalReason.allCases.map(\.name).joined(separator: ", ")
      throw ValidationError("--reason is \"\(reason)\"; expected one of \(names)")
    }
  }

  func run() throws {
    let log = try QueueCommand.open(data)
    let tenant = try QueueCommand.tenant(tenant, in: log)
    let letters: [DeadLetter]
    do throws(EngineError) {
      let all = try log.deadLetters(countMax: reason == nil ? lines : .max, tenant: tenant)
      letters = Array(all.filter { reason == nil || $0.reason.name == reason }.prefix(lines))
    } catch {
      throw Failure("\(error)")
    }
    StandardOutput.write(
      DeadLetterText.render(letters, asJSON: json) { log.catalog.tenant($0)?.name ?? [] }
    )
    if letters.isEmpty, !json { StandardOutput.writeError("no line was refused\n") }
  }
}

/// Refused lines as text and as JSON.
package enum DeadLetterText {
  private static let textCharacterCountMax = 120

  package static func render(
    _ letters: [DeadLetter],
    asJSON: Bool,
    tenant: (TenantID) -> [UInt8]
  ) -> String {
    var table = TextTable([
      "time", "tenant", "sender", "reason", "line>", "column>", "message", "text", "text_base64",
      "is_cut",
    ])
    for letter in letters {
      table.add([
        .time(letter.time), .name(tenant(letter.tenant)), .text(letter.sender),
        .text(letter.reason.name), .unsigned(letter.line), .integer(letter.column),
        .text(letter.message), .name(letter.text), Base64.ofInexact(letter.text),
        .boolean(letter.isCut),
      ])
    }
    if asJSON { return table.json.text + "\n" }
    // Texts are long: each letter takes two lines.
    return letters.map { letter in
      let text = TerminalText.escape(letter.text, characterCountMax: textCharacterCountMax)
      return "\(TimeFormat.short(letter.time))  \(TerminalText.escape(letter.sender))  "
        + "tenant \(TerminalText.escape(tenant(letter.tenant)))  "
        + "line \(letter.line) column \(letter.column)  \(letter.reason.name): "
        + "\(TerminalText.escape(letter.message))\n"
        + "    \(text)\(letter.isCut && !text.hasSuffix("…") ? "…" : "")\n"
    }
    .joined()
  }
}
