import Glibc
import LineProtocol
import Model

/// Line protocol once more, as plainly as it can be written: one line at a time, arrays and
/// dictionaries, the C library's numbers. Says what the real parser must do.
struct ReferenceParser {
  private struct Fault: Error {
    var offset: Int
    var reason: RefusalReason = .unparsable
  }

  private struct Value {
    var stored: StoredValue
    var start: Int
  }

  private let document: [UInt8]
  private let lineByteCountMax: Int
  private let arrival: Timestamp
  private var types: [String: ColumnType] = [:]
  private var stamps: [String: Timestamp] = [:]
  private var precision = "auto"
  private var tenants: [[UInt8]] = [[]]
  private var tenant = TenantID.default
  private var lineNumber: UInt64 = 0
  private var outcome = Outcome()
  /// Set when the document ended inside a string: nobody is there any more to obey control words.
  private var hasEnded = false
  private var sinceAcknowledgement: (accepted: UInt64, rejected: UInt64) = (0, 0)

  static func parse(
    _ document: [UInt8],
    endsLine: Bool = false,
    lineByteCountMax: Int = Limits.lineByteCountDefault
  ) -> Outcome {
    var parser = ReferenceParser(document, lineByteCountMax)
    parser.run(endsLine: endsLine)
    return parser.outcome
  }

  private init(_ document: [UInt8], _ lineByteCountMax: Int) {
    self.document = document
    self.lineByteCountMax = lineByteCountMax
    arrival = Harness.arrival
  }

  // MARK: Rows

  private enum End { case row(Int), none, unclosed(firstLine: Int), tooLong }

  private mutating func run(endsLine: Bool) {
    var position = 0
    loop: while position < document.count {
      switch end(from: position) {
      case .row(let end):
        let row = Array(document[position..<end])
        let isSwitch = row.starts(with: "#tenant ".utf8) || row.starts(with: "#auth ".utf8)
        let events = outcome.events
        guard take(row) else { break loop }
        if hasEnded {
          let isFault = outcome.events.last?.hasPrefix("fault") ?? false
          let isObeyed = outcome.events.count > events.count && isSwitch && !isFault
          outcome.events = events
          if isObeyed {
            lineNumber += 1
            let rest = document[(end + 1)...]
            if let first = rest.first(where: { $0 != 32 }), first != UInt8(ascii: "#") {
              refuse(Fault(offset: rest.count, reason: .cut))
            }
            break loop
          }
        }
        lineNumber += UInt64(row.count { $0 == 10 }) + 1
        position = end + 1
      case .unclosed(let end):
        let row = withoutReturn(Array(document[position..<end]))
        if lineNumber == 0, isForeign(row) { break loop }
        var fault = Fault(offset: row.count)
        do { _ = try fields(row) } catch let found as Fault { fault = found } catch {}
        refuse(fault)
        lineNumber += 1
        position = end + 1
      case .tooLong:
        refuse(Fault(offset: lineByteCountMax, reason: .tooLong))
        let seen = position + lineByteCountMax + 1
        lineNumber += UInt64(document[position..<seen].count { $0 == 10 })
        guard let feed = document[seen...].firstIndex(of: 10) else { break loop }
        lineNumber += 1
        position = feed + 1
      case .none:
        let row = Array(document[position...])
        if isTLS(row), lineNumber == 0 {
          outcome.events.append("foreign this port speaks line protocol, not TLS")
          break loop
        }
        if endsLine {
          let events = outcome.events
          if take(row), row.first == UInt8(ascii: "#") { outcome.events = events }
        } else if let first = row.first(where: { $0 != 32 }), first != UInt8(ascii: "#") {
          refuse(Fault(offset: row.count, reason: .cut))
        }
        break loop
      }
    }
    outcome.accepted += sinceAcknowledgement.accepted
    outcome.rejected += sinceAcknowledgement.rejected
  }

  /// Where the row that begins at `start` ends.
  private mutating func end(from start: Int) -> End {
    var index = start
    var firstFeed: Int?
    func isOver(_ index: Int) -> Bool { index - start > lineByteCountMax }
    while index < document.count, document[index] == 32 { index += 1 }
    let isComment = index < document.count && document[index] == UInt8(ascii: "#")
    var isInFields = false
    while index < document.count {
      let byte = document[index]
      if byte == 10 { return isOver(index) ? .tooLong : .row(index) }
      if isOver(index) { return .tooLong }
      let isEscaped = index > start && document[index - 1] == UInt8(ascii: "\\")
      if byte == 32, !isEscaped { isInFields = true }
      let opens =
        byte == UInt8(ascii: "\"") && isInFields && index >= start + 2
        && document[index - 1] == UInt8(ascii: "=") && document[index - 2] != UInt8(ascii: "\\")
      index += 1
      guard opens, !isComment else { continue }
      // Inside a string, up to its closing quote.
      var isEscaping = false
      while true {
        guard index < document.count else {
          hasEnded = hasEnded || firstFeed != nil
          return firstFeed.map { .unclosed(firstLine: $0) } ?? .none
        }
        let byte = document[index]
        if isOver(index) { return firstFeed.map { .unclosed(firstLine: $0) } ?? .tooLong }
        if byte == 10 {
          if firstFeed == nil { firstFeed = index }
          let isLast = index - start == lineByteCountMax
          if isLast || document[(index + 1)...].starts(with: "#ack ".utf8) {
            return .unclosed(firstLine: firstFeed ?? index)
          }
          isEscaping = false
        } else if isEscaping {
          isEscaping = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaping = true
        } else if byte == UInt8(ascii: "\"") {
          break
        }
        index += 1
      }
      index += 1
    }
    return isOver(document.count) ? .tooLong : .none
  }

  private func withoutReturn(_ row: [UInt8]) -> [UInt8] {
    row.last == 13 ? Array(row.dropLast()) : row
  }

  private mutating func refuse(_ fault: Fault) {
    sinceAcknowledgement.rejected += 1
    outcome.verdicts.append(
      Outcome.Verdict(line: lineNumber + 1, column: fault.offset + 1, reason: fault.reason)
    )
  }

  private func isTLS(_ row: [UInt8]) -> Bool {
    row.count >= 3 && row[0] == 0x16 && row[1] == 3 && row[2] <= 4
  }

  private mutating func isForeign(_ row: [UInt8]) -> Bool {
    let text = String(decoding: row, as: UTF8.self)
    let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    let methods = "GET POST PUT HEAD DELETE OPTIONS PATCH CONNECT TRACE PRI".split(separator: " ")
    let isHTTP =
      parts.count == 3 && methods.contains { $0 == parts[0] }
      && ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"].contains(parts[2])
    guard isTLS(row) || isHTTP else { return false }
    let name = isTLS(row) ? "TLS" : "HTTP"
    outcome.events.append("foreign this port speaks line protocol, not \(name)")
    return true
  }

  /// False when nothing more is to be read.
  private mutating func take(_ line: [UInt8]) -> Bool {
    let row = withoutReturn(line)
    guard let start = row.firstIndex(where: { $0 != 32 }) else { return true }
    if row[start] == UInt8(ascii: "#") {
      if start == 0 { control(row) }
      return true
    }
    do {
      try store(row)
      sinceAcknowledgement.accepted += 1
    } catch let fault as Fault {
      if lineNumber == 0, fault.reason == .unparsable, isForeign(row) { return false }
      refuse(fault)
    } catch {}
    return true
  }

  private mutating func control(_ line: [UInt8]) {
    // By bytes: a space and a combining mark behind it are one character, and a byte that is no
    // UTF-8 is three of the text that stands for it.
    let words = line.split(separator: 32).map(Array.init)
    let argument = Array(words.dropFirst().joined(separator: [32]))
    let text = String(decoding: argument, as: UTF8.self)
    let isWord = words.count == 2
    switch String(decoding: line.prefix { $0 != 32 }, as: UTF8.self) {
    case "#precision":
      if isWord, ["ns", "us", "ms", "s", "auto"].contains(text) {
        precision = text
      } else {
        outcome.events.append("fault #precision takes one of ns, us, ms, s, auto")
      }
    case "#ack":
      let isSound = argument.allSatisfy {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-".utf8.contains($0)
      }
      guard isWord, isSound, argument.count <= 64 else {
        outcome.events.append("fault #ack takes an id of 1 to 64 of A-Z a-z 0-9 . _ -")
        return
      }
      let (accepted, rejected) = sinceAcknowledgement
      outcome.events.append("ack \(text) \(accepted) \(rejected)")
      outcome.accepted += accepted
      outcome.rejected += rejected
      sinceAcknowledgement = (0, 0)
    case "#tenant":
      guard isWord, argument.count <= 255, argument.allSatisfy({ $0 > 32 && $0 != 127 }) else {
        outcome.events.append("fault #tenant takes a name of 1 to 255 bytes without spaces")
        return
      }
      if !tenants.contains(argument) { tenants.append(argument) }
      tenant = TenantID(UInt32(tenants.firstIndex(of: argument) ?? 0))
      outcome.events.append("tenant \(text)")
    case "#auth":
      let isSound =
        isWord && argument.count <= 4_096 && argument.allSatisfy { $0 > 32 && $0 != 127 }
      outcome.events.append(
        isSound ? "auth \(text)" : "fault #auth takes a token of 1 to 4096 bytes without spaces"
      )
    default: break
    }
  }

  // MARK: Grammar

  private struct Parsed {
    var measurement: [UInt8]
    var tags: [Model.Tag]
    var fields: [(name: [UInt8], value: Value)]
    var time: (digits: [UInt8], isNegative: Bool, start: Int)?
    var excess: Fault?
  }

  private func name(
    _ row: [UInt8],
    _ index: inout Int,
    stops: String,
    _ excess: inout Fault?
  ) throws -> [UInt8] {
    let start = index
    var name: [UInt8] = []
    while index < row.count, !stops.utf8.contains(row[index]) {
      guard row[index] >= 32, row[index] != 127 else { throw Fault(offset: index) }
      if row[index] == UInt8(ascii: "\\"), index + 1 < row.count,
        stops.utf8.contains(row[index + 1])
      {
        index += 1
      }
      name.append(row[index])
      index += 1
    }
    guard !name.isEmpty else { throw Fault(offset: index) }
    if index - start > Limits.nameByteCountMax, excess == nil {
      excess = Fault(offset: start + Limits.nameByteCountMax, reason: .tooWide)
    }
    return name
  }

  private func expect(_ byte: UInt8, _ row: [UInt8], _ index: inout Int) throws {
    guard index < row.count, row[index] == byte else { throw Fault(offset: index) }
    index += 1
  }

  private func fields(_ row: [UInt8]) throws -> Parsed {
    var index = row.firstIndex { $0 != 32 } ?? row.count
    var excess: Fault?
    var parsed = Parsed(
      measurement: try name(row, &index, stops: ", ", &excess),
      tags: [],
      fields: []
    )
    while index < row.count, row[index] == UInt8(ascii: ",") {
      index += 1
      let start = index
      let key = try name(row, &index, stops: ",= ", &excess)
      guard index < row.count, row[index] == UInt8(ascii: "=") else { throw Fault(offset: index) }
      guard !parsed.tags.contains(where: { $0.key == key }) else { throw Fault(offset: start) }
      index += 1
      let value = try name(row, &index, stops: ",= ", &excess)
      if index < row.count, row[index] == UInt8(ascii: "=") { throw Fault(offset: index) }
      if parsed.tags.count < 255 {
        parsed.tags.append(Model.Tag(key: key, value: value))
      } else if excess == nil {
        excess = Fault(offset: start, reason: .tooWide)
      }
    }
    try expect(32, row, &index)
    while index < row.count, row[index] == 32 { index += 1 }
    while true {
      let start = index
      let field = try name(row, &index, stops: ",= ", &excess)
      try expect(UInt8(ascii: "="), row, &index)
      parsed.fields.append((field, try value(row, &index)))
      if parsed.fields.count > Limits.fieldsPerRowMax, excess == nil {
        excess = Fault(offset: start, reason: .tooWide)
      }
      guard index < row.count, row[index] == UInt8(ascii: ",") else { break }
      index += 1
    }
    while index < row.count, row[index] == 32 { index += 1 }
    if index < row.count {
      let start = index
      let isNegative = row[index] == UInt8(ascii: "-")
      if isNegative { index += 1 }
      let digits = row[index...].prefix { (48...57).contains($0) }
      guard !digits.isEmpty else { throw Fault(offset: index) }
      index += digits.count
      while index < row.count, row[index] == 32 { index += 1 }
      guard index == row.count else { throw Fault(offset: index) }
      parsed.time = (Array(digits), isNegative, start)
    }
    parsed.excess = excess
    return parsed
  }

  private func value(_ row: [UInt8], _ index: inout Int) throws -> Value {
    let start = index
    if index < row.count, row[index] == UInt8(ascii: "\"") {
      var text: [UInt8] = []
      index += 1
      while index < row.count, row[index] != UInt8(ascii: "\"") {
        if row[index] == UInt8(ascii: "\\"), index + 1 < row.count {
          if !"\"\\\n\r".utf8.contains(row[index + 1]) { text.append(row[index]) }
          index += 1
        }
        text.append(row[index])
        index += 1
      }
      guard index < row.count else { throw Fault(offset: row.count) }
      index += 1
      guard index == row.count || row[index] == UInt8(ascii: ",") || row[index] == 32 else {
        throw Fault(offset: index)
      }
      return Value(stored: .string(text), start: start)
    }
    let token = row[index...].prefix { $0 != UInt8(ascii: ",") && $0 != 32 }
    index += token.count
    let text = String(decoding: token, as: UTF8.self)
    guard let stored = Self.number(text) else { throw Fault(offset: start) }
    return Value(stored: stored, start: start)
  }

  static func number(_ text: String) -> StoredValue? {
    if ["t", "T", "true", "True", "TRUE"].contains(text) { return .boolean(true) }
    if ["f", "F", "false", "False", "FALSE"].contains(text) { return .boolean(false) }
    let isSigned = text.hasPrefix("-")
    let body = isSigned ? String(text.dropFirst()) : text
    func areDigits(_ part: some StringProtocol) -> Bool {
      !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) }
    }
    if body.hasSuffix("i") {
      return areDigits(body.dropLast()) ? Int64(text.dropLast()).map { .integer($0) } : nil
    }
    if body.hasSuffix("u"), !isSigned {
      return areDigits(body.dropLast()) ? UInt64(text.dropLast()).map { .unsigned($0) } : nil
    }
    let halves = body.split(maxSplits: 1, omittingEmptySubsequences: false) { "eE".contains($0) }
    if halves.count == 2 {
      let signed = halves[1]
      let exponent = signed.first.map { "+-".contains($0) } == true ? signed.dropFirst() : signed
      guard areDigits(exponent) else { return nil }
    }
    let parts = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.contains(where: { !$0.isEmpty }), parts.allSatisfy({ $0.isEmpty || areDigits($0) })
    else { return nil }
    let value = unsafe strtod(text, nil)
    return value.isFinite ? StoredValue(value) : nil
  }

  // MARK: Meaning

  private func timestamp(_ time: (digits: [UInt8], isNegative: Bool, start: Int)) throws -> Int64 {
    let text = String(decoding: time.digits, as: UTF8.self)
    if time.isNegative, text.contains(where: { $0 != "0" }) {
      throw Fault(offset: time.start, reason: .beforeEpoch)
    }
    guard let magnitude = UInt64(text) else { throw Fault(offset: time.start, reason: .future) }
    var unit: UInt64
    switch precision {
    case "ns": unit = 1
    case "us": unit = 1_000
    case "ms": unit = 1_000_000
    case "s": unit = 1_000_000_000
    default:
      unit = 1
      if magnitude < 5_000_000_000_000_000 { unit = 1_000 }
      if magnitude < 5_000_000_000_000 { unit = 1_000_000 }
      if magnitude < 5_000_000_000 { unit = 1_000_000_000 }
    }
    let (product, isLarge) = magnitude.multipliedReportingOverflow(by: unit)
    guard !isLarge, product <= UInt64(arrival) + 600_000_000_000 else {
      throw Fault(offset: time.start, reason: .future)
    }
    return Int64(product)
  }

  private mutating func store(_ row: [UInt8]) throws {
    let parsed = try fields(row)
    if let excess = parsed.excess { throw excess }
    let given = try parsed.time.map { try timestamp($0) }
    var stored = StoredRow(
      tenant: tenant,
      measurement: parsed.measurement,
      tags: parsed.tags.sorted(),
      fields: [:],
      timestamp: 0
    )
    let last = Dictionary(parsed.fields.map { ($0.name, $0.value) }) { $1 }
    // A conflict is told at the first field that has one, as the line names them.
    for (index, (name, _)) in parsed.fields.enumerated() {
      guard !parsed.fields[(index + 1)...].contains(where: { $0.name == name }),
        let value = last[name]
      else { continue }
      let type = types[key(stored, name)]
      guard let type else { continue }
      switch (type, value.stored) {
      case (.float, .float), (.integer, .integer), (.unsigned, .unsigned), (.boolean, .boolean),
        (.string, .string), (.float, .integer), (.float, .unsigned):
        continue
      default: throw Fault(offset: value.start, reason: .typeConflict)
      }
    }
    for (name, value) in last where types[key(stored, name)] == nil {
      types[key(stored, name)] = Self.type(of: value.stored)
    }
    for (name, value) in last.sorted(by: { $0.value.start < $1.value.start }) {
      stored.fields[name] = types[key(stored, name)] == .float ? try float(value) : value.stored
    }
    let stamp = max(arrival, (stamps[stored.key] ?? 0) + 1)
    if given == nil { stamps[stored.key] = stamp }
    stored.timestamp = given ?? stamp
    outcome.rows[stored.key, default: []].append(stored)
  }

  private func key(_ row: StoredRow, _ field: [UInt8]) -> String {
    "\(row.tenant.rawValue) \(row.measurement) \(field)"
  }

  private func float(_ value: Value) throws -> StoredValue {
    switch value.stored {
    case .integer(let integer):
      guard let exact = Double(exactly: integer) else {
        throw Fault(offset: value.start, reason: .typeConflict)
      }
      return StoredValue(exact)
    case .unsigned(let unsigned):
      guard let exact = Double(exactly: unsigned) else {
        throw Fault(offset: value.start, reason: .typeConflict)
      }
      return StoredValue(exact)
    default: return value.stored
    }
  }

  private static func type(of value: StoredValue) -> ColumnType {
    switch value {
    case .float: .float
    case .integer: .integer
    case .unsigned: .unsigned
    case .boolean: .boolean
    case .string: .string
    }
  }
}
