import Blocks
import Bytes
import CBytes
import Catalog
import Codecs
import Model
import Platform
import TestSupport

@testable import Queue
@testable import Ring
@testable import Rollup

let everything = TimeRange(start: 0, end: .max)

/// A segment of the log: opened, replayed, followed and checked, its bodies read as rows.
func fuzzSegment(_ bytes: [UInt8]) {
  let path = "/queue/0000000000000001.segment"
  let disk = FaultyDisk(files: [path: bytes])
  let reader = LogReader(disk: disk, directory: "/queue", partitionCount: 3)
  _ = reader.check()
  var follower = LogFollower(disk: disk, directory: "/queue", partitionCount: 3)
  var count = 0
  _ = try? follower.read { batch, _, _ in
    count += 1
    readBody(batch)
  }
  do {
    let (log, _) = try Log.open(
      disk: disk,
      directory: "/queue",
      partitionCount: 3,
      floors: [.zero, .zero, .zero],
      clock: ManualClock()
    )
    var offsets: [PartitionID: Offset] = [:]
    _ = try? reader.replay(from: [.zero, .zero, .zero], progress: { _, _ in }) { batch in
      let (partition, offset) = (batch.header.partition, batch.header.offset)
      if let last = offsets[partition], last >= offset { finding("offset \(offset) after \(last)") }
      if offset >= log.nextOffsets[Int(partition.rawValue)] {
        finding("offset \(offset) of \(partition) will be given twice")
      }
      offsets[partition] = offset
    }
  } catch {}
}

private func readBody(_ batch: RowBatch) {
  if batch.header.kind == .refusals {
    _ = RefusalCodec.decode(batch)
    return
  }
  let types: [ColumnType] = [.float, .integer, .unsigned, .boolean, .string]
  var arena = RowArena()
  let layout = RunLayout(tenant: batch.header.tenant, width: UInt32(types.count))
  let layouts = [RunLayout](repeating: layout, count: 4)
  var runs = [RowRun](repeating: RowRun(), count: 4)
  var counts = RunCounts()
  arena.append(batch, layouts: layouts, runs: &runs, counts: &counts)
  let rows = arena.reader()
  for run in runs where run.rowCount > 0 {
    var references: [RowReference] = []
    rows.collect(run, index: 0, into: &references)
    var tile = RowTile(references[...], types: types) { _ in types.map { _ in 10 } }
    var cells: [Cell] = []
    var strings = StringArena()
    tile.next(types.count, into: &cells, strings: &strings)
  }
}

/// A block file: opened with and without its index, every group read, and checked.
func fuzzBlock(_ bytes: [UInt8]) {
  let path = "/blocks/x.block"
  let disk = FaultyDisk(files: [path: bytes])
  _ = BlockChecker.check(disk: disk, path: path)
  guard let reader = try? BlockReader.open(disk: disk, path: path) else { return }
  _ = try? reader.definitions()
  var series: Set<SeriesID> = []
  try? reader.forEachGroup { if series.count < 20 { series.insert($0.series) } }
  for id in series {
    for entry in ((try? reader.groups(series: id)) ?? []).prefix(20) {
      guard let batch = try? reader.read(entry, fields: nil, range: everything) else { continue }
      let count = batch.timestamps.count
      for column in batch.columns where column.cells.count != count {
        finding("\(column.cells.count) cells of \(count) rows")
      }
      let range = TimeRange(start: entry.firstTimestamp, end: entry.lastTimestamp)
      _ = try? reader.read(entry, fields: [FieldID(3), FieldID(11)], range: range)
    }
  }
}

/// One chunk of a column or of timestamps: read with the processor's wide instructions and without,
/// which must come to the same.
func fuzzChunk(_ bytes: [UInt8]) {
  guard bytes.count > 3 else { return }
  let count = max(1, Int(bytes[1]) | Int(bytes[2]) << 8)
  let chunk = Array(bytes[3...])
  _ = ChunkDescription(chunk.span)
  cbytes_use_wide(0)
  let plain = cells(chunk, kind: bytes[0], count: count)
  cbytes_use_wide(1)
  let wide = cells(chunk, kind: bytes[0], count: count)
  if wide != plain { finding("\(wide ?? []) by wide instructions, \(plain ?? []) without") }
}

private func cells(_ chunk: [UInt8], kind: UInt8, count: Int) -> [UInt64]? {
  if kind % 6 == 5 {
    guard let found = try? TimestampChunk.decode(chunk.span, count: count) else { return nil }
    if found.count != count { finding("\(found.count) timestamps instead of \(count)") }
    return found.map { UInt64(bitPattern: $0) }
  }
  let type = ColumnType.allCases[Int(kind) % 6]
  var strings = StringArena()
  let found = try? ColumnChunk.decode(chunk.span, type: type, count: count, strings: &strings)
  guard let found else { return nil }
  if found.count != count { finding("\(found.count) cells instead of \(count)") }
  switch type {
  case .boolean: if found.contains(where: { $0 > 1 }) { finding("a boolean beyond 1") }
  case .string: for cell in found where strings.slice(cell) == nil { finding("no string \(cell)") }
  case .float, .integer, .unsigned: break
  }
  return found
}

/// A file of the ring: a slot, a frozen hour, a patch over it, or one window record.
func fuzzRing(_ bytes: [UInt8]) {
  guard bytes.count > 1 else { return }
  let hour: Int64 = 480_000
  let file = Array(bytes[1...])
  if bytes[0] % 4 == 3 {
    var windows: [Window?] = []
    var strings = StringArena()
    let types: [ColumnType] = [.float, .integer, .string, .boolean, .unsigned, .float]
    _ = WindowRecord.fieldSet(of: file.span)
    try? WindowRecord.decode(
      file.span,
      types: types,
      wanted: Array(types.indices),
      minute: hour * 60,
      into: &windows,
      strings: &strings
    )
    return
  }
  let kind: RingProgress.Kind = [.slot, .frozen, .patch][Int(bytes[0] % 4)]
  let progress = RingProgress(
    hour: hour,
    byteCount: UInt64(file.count),
    kind: kind,
    number: kind == .slot ? 0 : 1
  )
  let slotCount = RingRegion.slotCountDefault
  var files: [String: [UInt8]] = [:]
  for name in SlotName.files(of: progress, slotCount: slotCount) { files["/ring/\(name)"] = file }
  let disk = FaultyDisk(files: files)
  _ = RingCheck.check(
    disk: disk,
    directory: "/ring",
    partition: PartitionID(3),
    committed: [progress],
    cut: 2
  )
  guard
    let (region, _) = try? RingRegion.open(
      disk: disk,
      directory: "/ring",
      partition: PartitionID(3),
      extentByteCount: 4_096,
      committed: [progress],
      cut: 2
    )
  else { return }
  for series in 0..<UInt32(4) {
    for minute in [0, 1, 30, 59] {
      _ = region.snapshot.record(series: SeriesID(series), minute: hour * 60 + Int64(minute))
    }
    _ = region.snapshot.patches(series: SeriesID(series), hour: hour)
    if case .found(let section) = region.snapshot.frozen(series: SeriesID(series), hour: hour) {
      _ = section.withRuns(Array(0..<min(section.runCount, 20))) { _, bytes in bytes.count >= 0 }
    }
  }
}

/// A manifest, and the identity of a directory.
func fuzzManifest(_ bytes: [UInt8]) {
  guard let manifest = try? Manifest(bytes.span) else { return }
  let again = try? Manifest(manifest.encoded().span)
  if again != manifest { finding("a manifest that does not read back") }
}

/// The catalog's log, as both copies, and as one beside an empty other.
func fuzzCatalog(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let log = Array(bytes[1...])
  let other = first & 1 == 0 ? log : Array(log.prefix(log.count / 2))
  let disk = FaultyDisk(files: ["/catalog/a.log": log, "/catalog/b.log": other])
  _ = try? Catalog.check(disk: disk, directory: "/catalog", partitionCount: 8)
  guard
    let (catalog, _) = try? Catalog.open(disk: disk, directory: "/catalog", partitionCount: 8)
  else { return }
  _ = catalog.statistics()
  var runs = LayoutRuns()
  _ = try? catalog.resolve(
    tenant: .default,
    measurement: Array("m".utf8),
    tags: [],
    fields: [FieldName(name: Array("f".utf8), type: .float)],
    runs: &runs
  )
  try? catalog.sync(upTo: catalog.version)
  let version = catalog.version
  guard
    let again = try? Catalog.open(disk: disk, directory: "/catalog", partitionCount: 8).catalog
  else { finding("a catalog that opened once") }
  if again.version != version { finding("version \(again.version), was \(version)") }
}
