/// A page in Prometheus' text format, read strictly: whatever a scraper might trip over is a fault.
struct Exposition {
  struct Fault: Error, CustomStringConvertible {
    var description: String
  }

  struct Sample: Hashable {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  struct Family {
    var kind: String
    var help: String
    var samples: [Sample] = []
  }

  private(set) var families: [String: Family] = [:]
  private(set) var order: [String] = []

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Fault(description: "the last line has no end") }
    var help: (name: String, text: String)?
    var open: String?
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      if line.hasPrefix("# HELP ") {
        guard words.count == 4, !words[3].isEmpty else { throw Fault(description: "\(line)") }
        help = (String(words[2]), String(words[3]))
        open = nil
      } else if line.hasPrefix("# TYPE ") {
        let name = String(words[2])
        guard let text = help, text.name == name else {
          throw Fault(description: "\(line): HELP does not stand before it")
        }
        guard ["counter", "gauge", "histogram"].contains(words[3]) else {
          throw Fault(description: "\(line)")
        }
        guard families[name] == nil else { throw Fault(description: "\(name) comes twice") }
        families[name] = Family(kind: String(words[3]), help: text.text)
        order.append(name)
        (help, open) = (nil, name)
      } else {
        guard let open else { throw Fault(description: "\(line): of no family") }
        let sample = try Self.sample(line)
        guard Self.belongs(sample.name, to: open, families[open]?.kind ?? "") else {
          throw Fault(description: "\(line): not of \(open)")
        }
        families[open]?.samples.append(sample)
      }
    }
    guard help == nil else { throw Fault(description: "HELP without TYPE at the end") }
    try check()
  }

  private static func belongs(_ name: String, to family: String, _ kind: String) -> Bool {
    guard kind == "histogram" else { return name == family }
    return ["_bucket", "_sum", "_count"].contains { name == family + $0 }
  }

  /// `name{label="value",…} number`
  private static func sample(_ line: Substring) throws -> Sample {
    var rest = line
    func fault(_ what: String) -> Fault { Fault(description: "\(line): \(what)") }
    func word() -> String {
      let found = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      rest = rest.dropFirst(found.count)
      return String(found)
    }
    let name = word()
    guard let first = name.first, !first.isNumber else { throw fault("no name") }
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest.removeFirst()
      while rest.first != "}" {
        let label = word()
        guard !label.isEmpty, rest.hasPrefix("=\"") else { throw fault("no label") }
        rest.removeFirst(2)
        var value = ""
        while let character = rest.popFirst(), character != "\"" {
          guard character == "\\" else {
            value.append(character)
            continue
          }
          switch rest.popFirst() {
          case "\\": value.append("\\")
          case "\"": value.append("\"")
          case "n": value.append("\n")
          default: throw fault("no such escape")
          }
        }
        guard labels.updateValue(value, forKey: label) == nil else { throw fault("label twice") }
        if rest.first == "," { rest.removeFirst() }
      }
      rest.removeFirst()
    }
    guard rest.first == " " else { throw fault("no value") }
    let text = String(rest.dropFirst())
    let number: Double? = text == "+Inf" ? .infinity : text == "-Inf" ? -.infinity : Double(text)
    guard let number else { throw fault("no number") }
    return Sample(name: name, labels: labels, value: number)
  }

  private func check() throws {
    for (name, family) in families {
      func fault(_ what: String) -> Fault { Fault(description: "\(name): \(what)") }
      if family.kind == "counter", !name.hasSuffix("_total") { throw fault("not _total") }
      if family.kind != "counter", name.hasSuffix("_total") { throw fault("_total") }
      var seen: Set<Sample> = []
      for var sample in family.samples {
        let value = sample.value
        if family.kind == "counter", !(value >= 0) { throw fault("negative") }
        sample.value = 0
        guard seen.insert(sample).inserted else { throw fault("\(sample.labels) twice") }
      }
      if family.kind == "histogram" { try checkHistogram(family.samples, fault) }
    }
  }

  private func checkHistogram(_ samples: [Sample], _ fault: (String) -> Fault) throws {
    let series = Dictionary(grouping: samples) { $0.labels.filter { $0.key != "le" } }
    for (labels, samples) in series {
      let buckets = samples.filter { $0.name.hasSuffix("_bucket") }
      let bounds = buckets.map { Double($0.labels["le"] == "+Inf" ? "inf" : $0.labels["le"] ?? "") }
      guard bounds.last == .infinity else { throw fault("\(labels) does not end in +Inf") }
      for (left, right) in zip(bounds, bounds.dropFirst()) {
        guard let left, let right, left < right else { throw fault("\(labels) bounds") }
      }
      for (left, right) in zip(buckets, buckets.dropFirst()) where left.value > right.value {
        throw fault("\(labels) is not cumulative")
      }
      let count = samples.first { $0.name.hasSuffix("_count") }?.value
      guard count == buckets.last?.value else { throw fault("\(labels) count") }
      guard samples.contains(where: { $0.name.hasSuffix("_sum") }) else {
        throw fault("\(labels) has no sum")
      }
    }
  }

  // MARK: Values

  /// The sum of a family's samples that have `labels`; `nil` without any. Histograms by their
  /// samples' own names.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
    let found = families.values.flatMap(\.samples).filter { sample in
      sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
    }
    return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
  }

  /// Counters, buckets, sums and counts by name and labels: what may never fall.
  var rising: [Sample: Double] {
    var result: [Sample: Double] = [:]
    for family in families.values where family.kind != "gauge" {
      for var sample in family.samples {
        let value = sample.value
        sample.value = 0
        result[sample] = value
      }
    }
    return result
  }
}
