/// The list of all metrics as docs/metrics.md has it.
package enum MetricsDocument {
  /// A table a section, in the order of the page.
  package static func render(_ families: [MetricsText.Family]) -> String {
    var text = ""
    var section: String?
    for family in families {
      if family.section != section {
        section = family.section
        text += "\n## \(family.section)\n| metric | type | labels | meaning |\n"
        text += "| --- | --- | --- | --- |\n"
      }
      let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
      text += "| `\(family.name)` | \(family.kind.rawValue) | \(labels) | \(family.help) |\n"
    }
    return text
  }
}
