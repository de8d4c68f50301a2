import Model
import TestSupport

/// Seeded documents of a small fleet: mostly the same lines again and again, as agents send them,
/// with everything that agents do wrong.
struct DocumentGenerator {
  private var random: SeededRandom
  private let keys: [String]
  private let fieldSets: [[String]]
  private var types: [String: Int] = [:]
  private var second = 1_700_000_000
  /// Whether strings often reach a kilobyte.
  var longStrings = false

  init(seed: UInt64) {
    random = SeededRandom(seed: seed)
    var random = SeededRandom(seed: seed ^ 0xabcdef)
    let measurements = ["cpu", "mem\\ ory", "d\\,isk", "n=t", "a"]
    keys = (0..<12).map { index in
      let measurement = measurements[Int(random.next() % 5)]
      let tags = [",host=h\(index)", ",dc=a\\ b", ",k\\=y=v\\,1", ",z=\\\\x"]
      return measurement + tags.filter { _ in random.oneIn(2) }.joined()
    }
    let names = (0..<24).map { index in
      index % 5 == 4
        ? "a_rather_long_field_name_\(index)" : index % 7 == 3 ? "f\\ \(index)" : "f\(index)"
    }
    fieldSets = (0..<6).map { _ in
      let count = random.oneIn(4) ? 1 : Int.random(in: 1...20, using: &random)
      let shuffled = names.shuffled(using: &random)
      return Array(random.oneIn(3) ? shuffled.prefix(count) : names.prefix(count))
    }
  }

  mutating func document(lineCount: Int) -> [UInt8] {
    var text = ""
    for line in 0..<lineCount {
      if line % 12 == 0 { second += 1 }
      text += row(line) + (random.oneIn(10) ? "\r\n" : "\n")
      if random.oneIn(30) { text += extra() }
    }
    if random.oneIn(2) { text.removeLast() }
    return Array(text.utf8)
  }

  private mutating func extra() -> String {
    let lines = [
      "\n", "   \n", "# comment\n", "#ack id.\(random.next() % 100)\n", "#ack\n", "#ack a b\n",
      "#precision ms\n", "#precision auto\n", "#precision ns\n", "#precision s\n",
      "#tenant t\(random.next() % 3)\n", "#auth token\n", "no fields\n", "cpu,host= f0=1\n",
      "a f0=1 -1\n", "a f0=1 99999999999999999999\n", "a f0=\"open\n",
    ]
    return lines.randomElement(using: &random) ?? ""
  }

  private mutating func row(_ line: Int) -> String {
    let key = keys[random.oneIn(20) ? Int(random.next() % 12) : line % 12]
    var fields = fieldSets[random.oneIn(15) ? Int(random.next() % 6) : line % 12 / 2]
    if random.oneIn(25) { fields.shuffle(using: &random) }
    if random.oneIn(25), let twice = fields.first { fields.append(twice) }
    if random.oneIn(25), fields.count > 1 { fields.removeLast() }
    let measurement = key.prefix { $0 != "," }
    let values = fields.map { "\($0)=\(value(of: "\(measurement) \($0)"))" }
    let spaces = random.oneIn(20) ? "   " : " "
    return key + spaces + values.joined(separator: ",") + time()
  }

  private mutating func time() -> String {
    switch random.next() % 12 {
    case 0: ""
    case 1: " \(second)"
    case 2: " \(second)000"
    case 3: "  \(second)000000  "
    case 4: "   "
    default: " \(second)\(Int.random(in: 100_000_000...999_999_999, using: &random))"
    }
  }

  private mutating func value(of name: String) -> String {
    let type = random.oneIn(60) ? Int(random.next() % 5) : types[name] ?? Int(random.next() % 6)
    types[name] = types[name] ?? type
    switch type {
    case 0:
      let value = Int64(bitPattern: random.next()) >> Int64(random.next() % 64)
      return "\(value)i"
    case 1: return "\(random.next() >> (random.next() % 64))u"
    case 2: return ["t", "F", "true", "False", "TRUE"].randomElement(using: &random) ?? "t"
    case 3: return string()
    default: return decimal()
    }
  }

  private mutating func decimal() -> String {
    switch random.next() % 12 {
    case 0: return "\(Double(bitPattern: random.next() & 0x7fdf_ffff_ffff_ffff))"
    case 1: return "\(Double.random(in: -10...10, using: &random))"
    case 2:
      return "\(Int.random(in: -9...9, using: &random))e\(Int.random(in: -3...3, using: &random))"
    case 3: return random.oneIn(2) ? "-0" : ".\(random.next() % 1000)"
    case 4: return "\(random.next() % 1000)."
    case 5: return "\(Int.random(in: 0...3, using: &random))i"
    default:
      let digits = Int.random(in: -99_999...99_999, using: &random)
      let part = ["", ".0", ".5", ".25", ".125", ".50"].randomElement(using: &random) ?? ""
      return "\(digits / 100)\(part)"
    }
  }

  private mutating func string() -> String {
    let pieces = [
      "plain", "\\\"", "\\\\", "\\n", "\n", " ", ",", "=", "é", "", "\n#ac", "#ack ", "\r", "\\",
    ]
    let count = longStrings && random.oneIn(3) ? Int(random.next() % 400) : Int(random.next() % 5)
    var text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    // A backslash at the end would take the quote's meaning.
    while text.hasSuffix("\\") { text.removeLast() }
    return "\"\(text)\""
  }

  /// Breaks `count` places.
  mutating func mutate(_ document: inout [UInt8], count: Int) {
    let special = Array(" ,=\\\"\n\r#-.ei0t".utf8)
    for _ in 0..<count where document.count > 10 {
      let place = Int(random.next() % UInt64(document.count))
      switch random.next() % 5 {
      case 0: document.remove(at: place)
      case 1: document.insert(special.randomElement(using: &random) ?? 0, at: place)
      case 2: document[place] = special.randomElement(using: &random) ?? 0
      case 3: document[place] = UInt8(truncatingIfNeeded: random.next())
      default:
        let end = min(place + Int(random.next() % 60), document.count)
        let copy = document[place..<end]
        document.insert(contentsOf: copy, at: Int(random.next() % UInt64(document.count)))
      }
    }
  }
}
