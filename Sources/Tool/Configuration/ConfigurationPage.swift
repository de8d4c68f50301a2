/// Texts that are made from the table: the page of the documentation and a file to begin with.
package enum ConfigurationPage {
  // MARK: docs/configuration.md

  package static var markdown: String {
    introduction + Settings.sections.map { section($0) }.joined()
  }

  private static let introduction = """
    # Configuration
    <!-- Made from the table of options: varve config page > docs/configuration.md -->

    Every option of `varve serve` can be given as a flag, in the environment and in a YAML file.
    The first of these that gives an option wins; what nobody gives has its default.

    | from | form | example |
    | --- | --- | --- |
    | flag | the name with hyphens | `--queue-retain-age 2h` |
    | environment | the same in capitals, behind `VARVE_` | `VARVE_QUEUE_RETAIN_AGE=2h` |
    | file | the name with dots, or nested | `queue.retain.age: 2h` |
    | default | fixed, or fitting the machine's memory, disk and processors | |

    The file is named by `--config FILE` or `VARVE_CONFIG`:
    ```yaml
    data: /var/lib/varve
    line:
      tcp: 0.0.0.0:9009
    queue:
      retain:
        age: 2h
        bytes: 4GiB
    log.format: json
    ```

    | command | does |
    | --- | --- |
    | `varve config check FILE` | names every fault with its line, exit status 1 when there is one |
    | `varve config show FILE` | every option, its value and where that comes from; takes `--json` |
    | `varve config example` | prints a file with every option, commented out |

    - **Sizes** take `B`, `KiB`, `MiB`, `GiB`, `TiB` (of 1,024), `kB`, `MB`, `GB`, `TB` (of 1,000);
      **durations** `ns`, `us`, `ms`, `s`, `m`, `h`, `d`, also several: `1h30m`. A bare number is
      refused where a unit is needed, except 0.
    - **An unknown option** in the file is an error that names the line and the nearest option; an
      unknown `VARVE_…` variable is a warning. An option that stands twice is an error. A variable
      that is empty counts as not set.
    - **YAML** gives the file its shape only. A value is the text that stands there, so `no`, `1e3`
      or `012` never turn into something else.
    - Wrong configuration ends `varve serve` with status 2 before anything is opened.

    """

  private static func section(_ section: any SettingSection.Type) -> String {
    var text = "\n## \(section.title)\n| option | default | what |\n| --- | --- | --- |\n"
    for setting in section.settings {
      text += "| [`\(setting.key)`](#\(anchor(setting.key))) | \(cell(setting.defaultText)) | "
      text += "\(cell(setting.summary)) |\n"
    }
    for setting in section.settings {
      text += "\n### \(setting.key)\n"
      text += "`--\(setting.flag)` · `\(setting.variable)` · \(takes(setting.kind)) · default "
      text += "\(setting.defaultText)\n\n\(wrapped(setting.details))\n"
    }
    return text
  }

  private static let columnCountMax = 100

  private static func wrapped(_ text: String) -> String {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let line = lines.last, line.count + 1 + word.count <= columnCountMax {
        lines[lines.count - 1] = line + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.joined(separator: "\n")
  }

  /// As GitHub makes it of a heading.
  private static func anchor(_ key: String) -> String { key.filter { $0 != "." } }

  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  private static func takes(_ kind: SettingKind) -> String {
    switch kind {
    case .directory: "a path"
    case .store: "an absolute path, `s3://BUCKET/PREFIX`, or `none`"
    case .retentionRules: "rules with commas between them"
    case .sizeRules: "sizes of tenants with commas between them"
    case .address: "`HOST:PORT`"
    case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
    case .count: "a whole number, \(kind.range)"
    case .bytes: "a size, \(kind.range)"
    case .duration(_, let step):
      "a duration\(step == 1_000_000_000 ? " in whole seconds" : ""), \(kind.range)"
    }
  }

  // MARK: varve config example

  private static let exampleData = "/var/lib/varve"

  package static var example: String {
    var text = """
      # Varve: every option with its default. Remove the # in front of what you change.
      # Flags and VARVE_* variables win over this file; varve config check FILE checks it.

      """
    for section in Settings.sections {
      text += "\n# --- \(section.title)\n"
      for setting in section.settings { text += "\n" + example(setting) }
    }
    return text
  }

  private static func example(_ setting: Setting) -> String {
    let takes = setting.kind.range.isEmpty ? setting.kind.expectation : setting.kind.range
    var text = "# \(setting.summary) (\(takes))\n"
    if setting.key == "data" { return text + "data: \(exampleData)\n" }
    if let scaling = setting.scaling { text += "# Default: \(scaling).\n" }
    let value = setting.value(in: ServeConfiguration(fitting: .large)).map { "\($0)" } ?? ""
    return text + "#\(setting.key): \(value)\n"
  }
}
