/// Builds a page in Prometheus' text format, version 0.0.4.
package struct MetricsText {
  package enum Kind: String {
    case counter, gauge, histogram
  }

  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// A family as it was begun: what docs/metrics.md is made of.
  package struct Family: Hashable, Sendable {
    package var section: String
    package var name: String
    package var kind: Kind
    package var help: String
    /// Names of labels, `le` left out.
    package var labels: [String]
  }

  package private(set) var text = ""
  package private(set) var families: [Family] = []
  private var section = ""
  private var name = ""

  package init() {}

  /// Begins a chapter of the documentation; the page itself does not show it.
  package mutating func section(_ title: String) { section = title }

  /// Begins a family; the samples that follow belong to it.
  ///
  /// - Parameter labels: the labels that samples may have. Those that a sample shows are added, so
  ///   only a family that may have no sample needs to name them.
  package mutating func family(
    _ name: String,
    _ kind: Kind,
    _ help: String,
    labels: [String] = []
  ) {
    self.name = name
    families.append(
      Family(section: section, name: name, kind: kind, help: help, labels: labels)
    )
    text += "# HELP \(name) \(Self.escapeHelp(help))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  package mutating func sample(
    _ value: Double,
    _ labels: [(name: String, value: String)] = [],
    suffix: String = ""
  ) {
    for (label, _) in labels where label != "le" {
      let last = families.count - 1
      if !families[last].labels.contains(label) { families[last].labels.append(label) }
    }
    text += name
    text += suffix
    if !labels.isEmpty {
      text += "{"
      text += labels.map { "\($0.name)=\"\(Self.escapeLabel($0.value))\"" }.joined(separator: ",")
      text += "}"
    }
    text += " \(Self.number(value))\n"
  }

  package mutating func sample(
    _ value: some BinaryInteger,
    _ labels: [(name: String, value: String)] = []
  ) {
    sample(Double(value), labels)
  }

  /// A family of one sample.
  package mutating func single(
    _ name: String,
    _ kind: Kind,
    _ help: String,
    _ value: Double,
    _ labels: [(name: String, value: String)] = []
  ) {
    family(name, kind, help)
    sample(value, labels)
  }

  /// A histogram out of counts per bucket, not cumulated; the last count is beyond every bound.
  ///
  /// - Parameter bounds: upper bounds, ascending; one fewer than `counts`.
  package mutating func histogram(
    _ name: String,
    _ help: String,
    bounds: [Double],
    counts: [UInt64],
    sum: Double
  ) {
    family(name, .histogram, help)
    buckets(bounds: bounds, counts: counts, sum: sum)
  }

  /// The samples of one histogram of the family.
  package mutating func buckets(
    bounds: [Double],
    counts: [UInt64],
    sum: Double,
    _ labels: [(name: String, value: String)] = []
  ) {
    precondition(counts.count == bounds.count + 1, "the last bucket has no bound")
    var total: UInt64 = 0
    for (bound, count) in zip(bounds, counts) {
      total += count
      sample(Double(total), labels + [("le", Self.number(bound))], suffix: "_bucket")
    }
    total += counts[bounds.count]
    sample(Double(total), labels + [("le", "+Inf")], suffix: "_bucket")
    sample(sum, labels, suffix: "_sum")
    sample(Double(total), labels, suffix: "_count")
  }

  /// Whole numbers without a fraction, as people read them.
  package static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value), whole.magnitude <= 1 << 53 { return "\(whole)" }
    return "\(value)"
  }

  private static func escapeLabel(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func escapeHelp(_ text: String) -> String {
    text.split(separator: "\\", omittingEmptySubsequences: false).joined(separator: "\\\\")
      .split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n")
  }
}
