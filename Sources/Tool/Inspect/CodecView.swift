internal import Blocks
internal import Catalog
internal import Codecs
package import Engine
package import Model

/// `varve inspect --codecs`: what each field costs, in which codecs, and why; and the codecs of all
/// blocks.
package enum CodecView {
  package static func make(
    _ snapshot: DirectorySnapshot,
    limit: Int = 50
  ) -> (report: TextReport, findings: [Damage]) {
    let progress = ProgressLine("read blocks", unit: .bytes)
    let blocks = snapshot.partitions.flatMap(\.blocks)
    let total = blocks.reduce(0) { $0 &+ $1.summary.byteCount }
    var findings = snapshot.findings
    var tally = CodecTally()
    var fields = FieldTally(snapshot)
    var done = 0
    for block in blocks {
      findings += tally.add(block) { entry, chunks in fields.add(block, entry, chunks) }
      done += block.summary.byteCount
      progress.update(done, of: total)
    }
    progress.end()
    var report = TextReport()
    report.fact("blocks", .integer(blocks.count))
    report.fact("bytes", .byteCount(total))
    let pointCount = blocks.reduce(0) { $0 &+ $1.summary.pointCount }
    report.fact("points", .unsigned(pointCount))
    report.fact("bytes_per_point", Overview.perPoint(total, pointCount))
    report.table("codecs", key: "codecs", tally.table)
    let table = fields.table(limit: limit)
    let title =
      fields.count > table.rows.count
      ? "fields, the \(table.rows.count) largest; --limit shows more" : "fields"
    report.table(title, key: "fields", table)
    return (report, findings)
  }
}

/// Chunks, values and bytes by measurement and field, with a close look at the first chunks of
/// each.
private struct FieldTally {
  /// Chunks of a field that are decoded and encoded anew.
  private static let inspectedMax = 8

  private struct Sum {
    var type: ColumnType
    var chunkCount = 0
    var valueCount = 0
    var byteCount = 0
    var codecs: [String: Int] = [:]
    var advice = FieldAdvice()
  }

  private let snapshot: DirectorySnapshot
  private var sums: [FieldID: Sum] = [:]
  private let inspector = InspectorBox()

  /// Copied along with the tally, of which there is one.
  private final class InspectorBox { var inspector = ChunkInspector() }

  init(_ snapshot: DirectorySnapshot) { self.snapshot = snapshot }

  var count: Int { sums.count }

  mutating func add(
    _ block: BlockReader,
    _ entry: ChunkGroupEntry,
    _ chunks: [Blocks.ChunkDescription]
  ) {
    var wanted: [FieldID: Int] = [:]
    for chunk in chunks {
      guard let field = chunk.field, let type = chunk.type else { continue }
      var sum = sums.removeValue(forKey: field) ?? Sum(type: type)
      sum.chunkCount += 1
      sum.valueCount += entry.rowCount
      sum.byteCount += chunk.byteCount
      sum.codecs[chunk.codec, default: 0] += entry.rowCount
      if sum.advice.chunkCount < Self.inspectedMax { wanted[field] = chunk.byteCount }
      sums[field] = sum
    }
    guard !wanted.isEmpty else { return }
    // A chunk that does not decode is what `verify` tells of.
    try? block.inspect(entry, with: &inspector.inspector, isWanted: { wanted[$0] != nil }) {
      field,
      _,
      inspection in
      sums[field]?.advice.add(inspection, byteCount: wanted[field] ?? 0)
    }
  }

  func table(limit: Int) -> TextTable {
    var table = TextTable([
      "measurement", "field", "type", "points>", "bytes>", "bits_per_value>", "codecs", "runner_up",
      "hint",
    ])
    let sorted = sums.sorted {
      ($0.value.byteCount, $1.key.rawValue) > ($1.value.byteCount, $0.key.rawValue)
    }
    for (id, sum) in sorted.prefix(limit) {
      let definition = snapshot.catalog.field(id)
      let measurement = definition.flatMap { snapshot.catalog.measurement($0.measurement) }
      let codecs = sum.codecs.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
      let names = codecs.prefix(2).map { "\($0.key) \($0.value * 100 / sum.valueCount) %" }
      table.add([
        .name(measurement?.name ?? []),
        .name(definition?.name ?? Array("field \(id.rawValue)".utf8)),
        .text(sum.type.name), .integer(sum.valueCount), .byteCount(sum.byteCount),
        .decimal(Double(sum.byteCount * 8) / Double(max(1, sum.valueCount)), 2),
        .text(names.joined(separator: "; ")), .text(sum.advice.runnerUp),
        .text(sum.advice.hint(for: sum.type)),
      ])
    }
    return table
  }
}

/// What chunks of one field say together.
private struct FieldAdvice {
  private(set) var chunkCount = 0
  private var valueCount = 0
  private var repeatCount = 0
  private var isWhole = true
  private var isRising = true
  private var step: Double?
  private var hasStep = true
  private var byteCount = 0
  private var otherByteCount = 0
  private var others: [ChunkCodec: Int] = [:]
  private var codecs: [ChunkCodec: Int] = [:]

  mutating func add(_ inspection: ChunkInspection, byteCount: Int) {
    chunkCount += 1
    valueCount += inspection.valueCount
    repeatCount += inspection.repeatCount
    codecs[inspection.codec, default: 0] += 1
    if inspection.codec != .constant {
      isWhole = isWhole && inspection.isWhole
      isRising = isRising && inspection.isRising
      hasStep = hasStep && inspection.step != nil && (step ?? inspection.step) == inspection.step
      step = inspection.step
    }
    if let other = inspection.runnerUp {
      self.byteCount += byteCount
      otherByteCount += other.byteCount
      others[other.codec, default: 0] += 1
    }
  }

  /// The codec that comes next most often, and what it would have added.
  var runnerUp: String {
    guard byteCount > 0, let codec = others.max(by: { $0.value < $1.value })?.key else { return "" }
    let more = Double(otherByteCount - byteCount) * 100 / Double(byteCount)
    return "\(codec) \(more < 0 ? "" : "+")\(Int(more.rounded())) %"
  }

  private var codec: ChunkCodec? {
    codecs.filter { $0.key != .constant }.max { $0.value < $1.value }?.key
  }

  /// What the values are made of, and what a sender could do about it.
  func hint(for type: ColumnType) -> String {
    var hints: [String] = []
    let gapCount = valueCount - chunkCount
    if gapCount > 0, repeatCount * 10 >= gapCount * 9 {
      hints.append("constant \(repeatCount * 100 / gapCount) % of the time")
    }
    guard let codec else { return hints.joined(separator: "; ") }
    if type == .float, isWhole {
      hints.append(isRising ? "counter sent as float" : "whole numbers sent as floats")
    }
    if hasStep, let step { hints.append("multiples of \(Self.text(step))") }
    switch codec {
    case .nearlyDecimal: hints.append("decimals that arithmetic has bent: round before sending")
    case .fraction: hints.append("ratios of small numbers: send both instead")
    case .quotient: hints.append("parts of one total: send the parts")
    case .binary, .split, .magnitudes, .xor, .raw, .zstd:
      if type == .float { hints.append("full doubles: round to what is measured") }
    default: break
    }
    return hints.joined(separator: "; ")
  }

  private static func text(_ step: Double) -> String {
    step == step.rounded() && step < 1e15 ? "\(Int(step))" : "\(step)"
  }
}
