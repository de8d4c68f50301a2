import Bytes
import Codecs
import Glibc
import Platform
import TestSupport

@testable import Model

@_silgen_name("fuzz_real") private func setReal(_ isReal: Int32)
@_silgen_name("fuzz_mend") private func mend(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int)
  -> Int

/// Writes Fixtures/fuzz/ anew: small files of every format and texts of every kind, from the
/// fixtures of the tests. What real files have of checksums becomes the one of this build.
func writeSeeds() throws(SystemError) {
  for name in ["segment", "block", "block-small", "manifest", "catalog"] {
    let target = Target(rawValue: String(name.prefix { $0 != "-" })) ?? .manifest
    let file = name == "catalog" ? "catalog.log" : "\(name).bin"
    let prefix: [UInt8] = target == .catalog ? [0] : []
    try save(target, name, mended(prefix + Fixtures.bytes("format-v1/\(file)"), target))
  }
  for (name, file, kind) in [
    ("slot", "ring.slot", UInt8(0)), ("frozen", "frozen.bin", 1), ("mixed", "window.mixed", 3),
    ("uniform", "window.uniform", 3),
  ] {
    try save(.ring, name, mended([kind] + Fixtures.bytes("format-v1/\(file)"), .ring))
  }
  try saveChunks()
  try saveRows()
  try saveTexts()
}

private func mended(_ bytes: [UInt8], _ target: Target) -> [UInt8] {
  var bytes = bytes
  setReal(1)
  target.run(bytes)
  setReal(0)
  let count = bytes.withUnsafeMutableBufferPointer { buffer in
    buffer.baseAddress.map { mend($0, buffer.count) } ?? 0
  }
  print("\(target): \(count) checksums mended")
  return bytes
}

private func save(_ target: Target, _ name: String, _ bytes: [UInt8]) throws(SystemError) {
  let folder = Fixtures.path("fuzz/\(target)")
  try RealDisk().createDirectory(folder)
  try RealDisk().replace("\(folder)/\(name)", with: bytes)
}

private func saveChunks() throws(SystemError) {
  for (place, type) in ColumnType.allCases.enumerated() where type != .string {
    for shape in ChunkShapes.names {
      for (strength, label) in [
        (ChunkStrength.head, "head"), (ChunkStrength.allCases.last ?? .head, "cold"),
      ] {
        let cells = ChunkShapes.cells(shape, type: type, count: 60, seed: 5)
        let name = "\(type)-\(shape.split(separator: " ").joined(separator: "-"))-\(label)"
        let head: [UInt8] = [UInt8(place), 60, 0]
        try save(.chunk, name, head + encoded(cells, type, strength: strength))
      }
    }
  }
  let place = UInt8(ColumnType.allCases.firstIndex(of: .string) ?? 0)
  for (strength, label) in [
    (ChunkStrength.head, "head"), (ChunkStrength.allCases.last ?? .head, "cold"),
  ] {
    for distinct in [1, 4, 60] {
      let (cells, arena) = ChunkShapes.strings(count: 60, distinct: distinct, seed: 3)
      let bytes = encoded(cells, .string, arena, strength: strength)
      try save(.chunk, "string-\(distinct)-\(label)", [place, 60, 0] + bytes)
    }
  }
  let start: Timestamp = 1_700_000_000_000_000_000
  let grid = (0..<60).map { start + Timestamp($0) * Nanoseconds.perSecond }
  let jitter = grid.enumerated().map { $1 + Timestamp($0 * 7 % 13) * 1_000_000 }
  for (name, times) in [("grid", grid), ("jitter", jitter)] {
    var buffer = OutputBuffer()
    TimestampChunk.encode(times.span, into: &buffer)
    try save(.chunk, "timestamps-\(name)", [5, 60, 0] + buffer.array())
  }
}

private func saveRows() throws(SystemError) {
  for (kinds, scales) in [(UInt8(0), UInt8(1)), (0b1110_0100, 0), (0, 202)] {
    var random = SeededRandom(seed: UInt64(kinds) + UInt64(scales))
    let columns = (0..<11).map { column in
      (0..<20).map { row -> ArenaRows.Value in
        if kinds > 0, column % 4 == 3 { return .scaled(Int32(row % 2)) }
        if column == 4, row % 7 == 3 { return .cell(random.next()) }
        let step = Int32(truncatingIfNeeded: random.next()) >> Int32(31 - column)
        return .scaled(Int32(row * column) &+ (kinds > 0 && column % 4 == 2 ? abs(step) : step))
      }
    }
    let rows = ArenaRows(columns, timestamps: (0..<20).map { Timestamp($0) })
    var bytes: [UInt8] = [10, kinds, scales]
    for row in rows.references() { bytes += [UInt8(row.payload.count)] + Array(row.payload) }
    withExtendedLifetime(rows) {}
    try save(.rows, "rows-\(kinds)-\(scales)", bytes)
  }
}

private func saveTexts() throws(SystemError) {
  for name in ["control", "grammar", "refusals", "strings", "times", "values"] {
    try save(.line, name, [0, 0] + Fixtures.bytes("line-protocol/\(name).txt"))
  }
  for seed in 1...4 {
    var documents = DocumentGenerator(seed: UInt64(seed))
    var document = documents.document(lineCount: 12)
    if seed > 2 { documents.mutate(&document, count: 8) }
    try save(.line, "fleet-\(seed)", [UInt8(seed), UInt8(seed * 20)] + document)
  }
  for (index, text) in points.enumerated() {
    try save(.json, "points-\(index)", [7] + Array(text.utf8))
  }
  for (index, text) in queries.enumerated() { try save(.http, "query-\(index)", Array(text.utf8)) }
  for name in [
    "blocks", "empty", "fixed", "huffman-only", "members", "named", "padded", "rle", "stored",
  ] {
    let bytes = try Fixtures.bytes("gzip/\(name).gz")
    if bytes.count < 16 << 10 { try save(.gzip, name, [9] + bytes) }
  }
}

private let points = [
  #"{"measurement":"cpu","tags":{"host":"a"},"field":"usage","value":1.5,"timestamp":1700000000}"#,
  #"[{"measurement":"cpu","tags":{"host":"a\u00e9\ud83d\ude00"},"field":"usage","value":-3e-7},"#
    + #"{"measurement":"m","field":"on","value":true,"timestamp":"2023-11-14T22:13:20Z"}]"#,
  #"{"measurement":"m","fields":{"a":1,"b":"x\"y\\\n"},"time":1700000000000}  {"bad":1} [1,"x",null]"#,
  #"{"measurement":"m,x=y z","tags":{"a b":"c,d=\\"},"field":"f","value":18446744073709551615}"#,
]

private let queries = [
  "measurement=node&tag.server=a1b2&field=cpu_user,cpu_sys&start=-2d&end=now&step=60s&agg=min,max,avg",
  "measurement=m&field=*&start=2023-11-14T22:13:20.5Z&end=1700000100.123456789&precision=ns&limit=5",
  "measurement=m&group_by=a,b&step=1h30m&agg=count&field=a%5C%2Cb&next=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "measurement=a+b%20c&events=open,closed&from=1.0,1,2,3,4,5,6,7",
]
