import Blocks
import Bytes
import Catalog
import Model
import Platform
import Query
import Ring
import Rollup

/// One partition on a disk: a real catalog, blocks and ring, filled cut by cut.
struct RealStore {
  let catalog: Catalog
  private let disk: any Disk
  private let directory: String
  private let ring: RingRegion
  private let emptyRing: RingSnapshot
  private var runs = LayoutRuns()
  private var series: [SeriesID] = []
  private(set) var blocks: [BlockReader] = []
  var open: [SeriesID: OpenRows] = [:]

  init(disk: any Disk, directory: String, extentByteCount: Int = 64 << 10) throws {
    self.disk = disk
    self.directory = directory
    catalog = try Catalog.open(disk: disk, directory: directory + "/catalog", partitionCount: 1)
      .catalog
    try disk.createDirectory(directory + "/blocks")
    try disk.createDirectory(directory + "/ring")
    ring = try RingRegion.open(
      disk: disk,
      directory: directory + "/ring",
      partition: PartitionID(0),
      extentByteCount: extentByteCount,
      committed: [],
      cut: 0
    ).region
    emptyRing = ring.snapshot
  }

  /// Names a series of measurement `node` and its columns.
  mutating func define(_ server: String, fields: [FieldName]) throws -> ResolvedLayout {
    let layout = try catalog.resolve(
      tenant: .default,
      measurement: Array("node".utf8),
      tags: [Model.Tag(key: Array("server".utf8), value: Array(server.utf8))],
      fields: fields,
      runs: &runs
    )
    if !series.contains(layout.series) { series.append(layout.series) }
    return layout
  }

  /// Seals rows: a block, and window records of their minutes, which no earlier cut may have met.
  mutating func cut(_ batches: [(series: SeriesID, batch: ColumnBatch)]) throws {
    let cut = UInt64(blocks.count + 1)
    let identity = BlockIdentity(
      partition: PartitionID(0),
      tenant: .default,
      epoch: Epoch(1),
      a: Offset(cut * 10),
      b: Offset(cut * 10 + 10),
      cut: cut,
      index: 0,
      count: 1
    )
    var writer = try BlockWriter(disk: disk, directory: directory + "/blocks", identity: identity)
    for (series, batch) in batches.sorted(by: { $0.series < $1.series }) {
      let set = try catalog.fieldSet(of: batch.columns.map(\.field))
      writer.beginGroup(
        series: series,
        fieldSet: set,
        fields: batch.columns.map { ($0.field, $0.type) },
        timestamps: batch.timestamps.span,
        isLate: false
      )
      for column in batch.columns {
        writer.appendColumn(column.cells.span, type: column.type, strings: batch.strings)
      }
      try writer.endGroup()
      try fold(series, set, batch, cut)
    }
    var definitions = BlockDefinitions(tenant: .default, tenantName: Array("default".utf8))
    definitions.series = catalog.series(series).compactMap { $0 }
    let path = directory + "/blocks/" + identity.fileName
    _ = try writer.finish(definitions: definitions, ledger: [])
    blocks.append(try BlockReader.open(disk: disk, path: path))
    try ring.sync()
    ring.publish()
  }

  private func fold(
    _ series: SeriesID,
    _ set: FieldSetID,
    _ batch: ColumnBatch,
    _ cut: UInt64
  ) throws {
    let minutes = MinuteRun.split(batch.timestamps.span)
    let columns = batch.columns.map { column in
      var windows: [Window] = []
      WindowFolder.fold(
        column.cells.span,
        type: column.type,
        timestamps: batch.timestamps.span,
        runs: minutes,
        into: &windows
      )
      return windows
    }
    for (index, run) in minutes.enumerated() {
      var record = OutputBuffer()
      WindowRecord.encode(
        fieldSet: set,
        minute: run.minute,
        types: batch.columns.map(\.type),
        windows: columns.map { $0[index] },
        strings: batch.strings,
        into: &record
      )
      let hour = run.minute / 60
      if !ring.hasHour(hour) { try ring.beginHour(hour, isComplete: true, cut: cut) }
      try ring.append(
        series: series,
        minute: run.minute,
        cut: cut,
        record: record.array().span
      )
    }
  }

  /// Merges all blocks into one.
  ///
  /// - Parameter textByteCountMax: of its groups; `nil` for the usual limit.
  mutating func merge(textByteCountMax: Int? = nil) throws {
    var policy = CompactionPolicy.offline
    if let textByteCountMax { policy.textByteCountMax = textByteCountMax }
    let merger = StepMerger(disk: disk, directory: directory + "/blocks", policy: policy)
    var outputs: [BlockSummary] = []
    for step in CompactionPlan.steps(for: blocks.map(\.summary), policy) {
      try merger.merge(step, blocks, into: &outputs)
    }
    blocks = try outputs.map { block in
      try BlockReader.open(disk: disk, path: directory + "/blocks/" + block.fileName)
    }
  }

  /// Opens the last block again, so that nothing of it counts as verified.
  mutating func reopen(_ index: Int) throws {
    blocks[index] = try BlockReader.open(disk: disk, path: blocks[index].path)
  }

  func run(
    _ query: String,
    usesRing: Bool = true,
    options: QueryOptions = QueryOptions()
  ) throws -> RangeAnswer {
    let view = PartitionView(
      blocks: blocks,
      ring: usesRing ? ring.snapshot : emptyRing,
      open: FakeOpen(rows: open)
    )
    return try RangeQuery.run(
      request(query),
      tenant: .default,
      catalog: catalog,
      views: OneView(view: view),
      clock: RealClock(),
      options: options
    )
  }

  struct OneView: ViewProvider {
    var view: PartitionView
    func view(
      of partition: PartitionID,
      series: [SeriesID],
      in range: TimeRange
    ) throws(QueryError) -> PartitionView { view }
  }
}
