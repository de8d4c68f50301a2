public import Blocks
public import Catalog
public import Model
public import Platform
internal import Queue

/// What a data directory holds at one moment: blocks, and what the log holds beyond the last cuts.
///
/// Read without the lock and without changing a byte, so it may be taken of a stopped directory and
/// beside a live server alike. Memory: the catalog, an index of the blocks, and the rows of the log
/// that no block has yet, which is what the server itself keeps of them. One thread at a time.
public final class DirectorySnapshot {
  public let directory: DataDirectory
  public let disk: any Disk
  public let partitionCount: Int
  /// When the directory was made; `nil` when its identity is damaged.
  public let createdAt: Timestamp?
  public let catalog: Catalog
  public let partitions: [SnapshotPartition]
  /// Damage and notes, in the order in which they were met; reading rows adds to them.
  public private(set) var findings: [Damage]
  /// When the rows are that could not be read, in the order in which they were asked for.
  public private(set) var gaps: [TimeRange] = []
  private var missed: Set<Damage> = []
  /// Batches that arrived after the snapshot's names were read: a live server's next ones.
  public private(set) var laterBatchCount = 0
  let decoder: RowDecoder
  /// Times of rows that the system has refused to read, of the series that is being read.
  var refusedTimes: [TimeRange] = []
  var fieldCache: [FieldID: FieldDefinition] = [:]
  var widthCache: [FieldSetID: Int] = [:]

  /// Takes a snapshot.
  ///
  /// - Parameters:
  ///   - readsLog: whether rows that no block has yet are read too.
  ///   - progress: told of the bytes of log that are read, and of all that will be.
  /// - Throws: ``EngineError`` when this is no data directory or the system refuses. Damage is
  ///   listed in ``findings``.
  public init(
    disk: any Disk,
    path: String,
    readsLog: Bool = true,
    progress: (_ byteCountDone: Int, _ byteCountTotal: Int) -> Void = { _, _ in }
  ) throws(EngineError) {
    let directory = DataDirectory(path)
    self.disk = disk
    self.directory = directory
    let identity = try directory.readIdentity(disk)
    partitionCount = identity.partitionCount
    createdAt = identity.createdAt
    var findings = identity.findings
    let cold = ColdTier.remembered(of: directory, disk: disk)
    // Manifests first: what they name is in the catalog by then, and the log from their ends on.
    var partitions: [SnapshotPartition] = []
    for index in 0..<identity.partitionCount {
      partitions.append(
        try wrap { () throws(SystemError) in
          try SnapshotPartition(disk, directory, index, cold, &findings)
        }
      )
    }
    let (catalog, catalogFindings) = try wrap { () throws(SystemError) in
      try Catalog.read(
        disk: disk,
        directory: directory.catalog,
        partitionCount: identity.partitionCount
      )
    }
    findings += catalogFindings
    if catalogFindings.contains(where: { $0.severity != .note }) {
      for block in partitions.flatMap(\.blocks) {
        if let found = try? block.definitions() { catalog.relearn(found) }
      }
    }
    self.catalog = catalog
    decoder = RowDecoder(catalog: catalog)
    self.partitions = partitions
    self.findings = findings
    if readsLog { try readLog(progress) }
  }

  private func readLog(_ progress: (Int, Int) -> Void) throws(EngineError) {
    for partition in partitions { partition.learnLayouts(catalog) }
    let reader = LogReader(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount
    )
    do throws(LogError) {
      let summary = try reader.replay(
        from: partitions.map(\.nextOffset),
        progress: progress,
        body: { batch in
          if batch.header.registryVersion > catalog.version {
            laterBatchCount += 1
          } else {
            partitions[Int(batch.header.partition.rawValue)].apply(batch)
          }
        }
      )
      findings += summary.damages
    } catch {
      throw EngineError(error)
    }
  }

  /// A block that lies in the cold store, by the name that it has in the manifest.
  public func coldBlock(named name: String) -> BlockReader? {
    partitions.flatMap(\.blocks).first {
      $0.summary.cold != nil && $0.summary.fileName == name
    }
  }

  /// Rows of the log that no block has yet.
  public var openRowCount: Int { partitions.reduce(0) { $0 + $1.openRowCount } }

  /// Rows of the log that cannot be read, because the catalog lost their names or they do not
  /// decode.
  public var unreadableRowCount: Int { partitions.reduce(0) { $0 + $1.unreadableRowCount } }

  /// Adds what cannot be read to ``findings``, once however often it is asked for, and to ``gaps``.
  func miss(_ damage: Damage, _ range: TimeRange) {
    gaps.append(range)
    find(damage)
  }

  /// Adds what cannot be read to ``findings``, once, where something else has it too.
  func find(_ damage: Damage) {
    if missed.insert(damage).inserted { findings.append(damage) }
  }

  /// Adds what was found on the way and costs no rows, or those of an index that is rebuilt.
  func note(_ damages: some Sequence<Damage>) { findings += damages }

  /// A field with its name; made up from its number when the catalog lost it.
  func field(_ id: FieldID, type: ColumnType) -> FieldDefinition {
    if let known = fieldCache[id] { return known }
    let found = catalog.fieldOrLost(id, type: type)
    fieldCache[id] = found
    return found
  }
}

/// One partition of a ``DirectorySnapshot``.
public final class SnapshotPartition {
  public let index: Int
  public let manifest: Manifest
  /// Whether the manifest was made anew from the blocks, because it is damaged or missing.
  public let manifestWasRebuilt: Bool
  /// Blocks that can be read, oldest offsets first.
  public let blocks: [BlockReader]
  /// Blocks that may be whole and could not be opened.
  let refusedBlocks: [BlockSummary]
  var table: PartitionLayouts
  private var ledger: LedgerBook
  private(set) var generation: Generation
  private var openFingerprint = Fingerprint()
  /// Rollups that can be read.
  let rollups: RollupSet
  /// Deletes in the log, and the last row of the generation that each acts on.
  private var openDeletes: [(record: DeleteRecord, sequence: UInt64)] = []
  /// The same with their tenants, for windows.
  private(set) var openRollupDeletes: [(tenant: TenantID, record: DeleteRecord)] = []

  init(
    _ disk: any Disk,
    _ directory: DataDirectory,
    _ index: Int,
    _ cold: ColdTier,
    _ findings: inout [Damage]
  ) throws(SystemError) {
    self.index = index
    let partition = PartitionID(UInt16(index))
    let store = ManifestStore(
      disk: disk,
      directory: directory.partition(index),
      partition: partition
    )
    let loaded = try store.load()
    findings += loaded.damages
    manifest = loaded.manifest
    manifestWasRebuilt = loaded.wasRebuilt
    var blocks: [BlockReader] = []
    var refused: [BlockSummary] = []
    let files = BlockFiles(disk: disk)
    for summary in manifest.blocks {
      let path = store.path(of: summary)
      do throws(BlockError) {
        let block =
          summary.cold == nil
          ? try BlockReader.open(files, path: path, expected: summary.identity)
          : try BlockReader.open(cold: summary, files, stubPath: path, source: cold.source)
        findings += block.damages
        manifest.deletes.leaveOutRows(of: block)
        blocks.append(block)
      } catch {
        // A block that is missing here is lost; one of a store may come back.
        if case .system(let failure) = error, error.isRefusal,
          summary.cold != nil || !failure.isMissing
        {
          refused.append(summary)
        }
        findings.append(
          Damage(
            severity: .unreadable,
            path: path,
            offset: 0,
            byteCount: summary.byteCount,
            what: error.text,
            range: "\(summary.rowCount) rows"
          )
        )
      }
    }
    self.blocks = blocks
    refusedBlocks = refused
    rollups = Self.openRollups(manifest, store, files, &findings)
    table = PartitionLayouts(partition: partition)
    ledger = LedgerBook([])
    generation = Generation(start: manifest.nextOffset)
  }

  /// Rows answer for the days of a file that cannot be read, as far as they are there.
  private static func openRollups(
    _ manifest: Manifest,
    _ store: ManifestStore,
    _ files: BlockFiles,
    _ findings: inout [Damage]
  ) -> RollupSet {
    var readers: [RollupReader] = []
    var lost: [RollupFile] = []
    for file in manifest.rollups.files {
      let path = store.path(of: file)
      do throws(BlockError) {
        let reader = try RollupReader.open(files, path: path)
        guard reader.identity == file.identity else { throw .mismatch(.header) }
        findings += reader.damages
        readers.append(reader)
      } catch {
        lost.append(file)
        findings.append(
          Damage(
            severity: .unreadable,
            path: path,
            offset: 0,
            byteCount: file.byteCount,
            what: error.text,
            range: file.lossRange
          )
        )
      }
    }
    var state = manifest.rollups
    state.lose(lost)
    return RollupSet(state, readers)
  }

  var nextOffset: Offset { manifest.nextOffset }
  public var openRowCount: Int { generation.rowCount }
  public var unreadableRowCount: Int { generation.unreadableRowCount }
  /// The end of the offsets that were read: what comes behind it came later.
  public var endOffset: Offset { generation.end }
  /// Whether there are deletes whose rows still lie in blocks, or which no cut has seen yet.
  public func hasDeletes(of tenant: TenantID) -> Bool {
    manifest.deletes.contains { $0.tenant == tenant }
      || openRollupDeletes.contains { $0.tenant == tenant }
  }
  /// What tells the open rows from others of the same offsets.
  var openContent: UInt64 { openFingerprint.value }
  /// Bytes of log behind the open rows.
  public var openLogByteCount: Int { generation.logByteCount }

  func learnLayouts(_ catalog: Catalog) { table.refresh(from: catalog, ledger: &ledger) }

  func apply(_ batch: RowBatch) {
    guard batch.header.offset >= generation.end else { return }
    let header = batch.header
    openFingerprint.add(UInt64(header.epoch.rawValue) << 32 | UInt64(header.bodyChecksum))
    if batch.header.kind == .rows {
      generation.apply(batch, table: table, at: 0)
    } else {
      if let record = DeleteCodec.decode(batch) { delete(record, batch.header) }
      generation.pass(batch, at: 0)
    }
  }

  /// Leaves out what a delete in the log is about, which no cut has seen yet.
  private func delete(_ record: DeleteRecord, _ header: BatchHeader) {
    let delete = BlockDelete(
      tenant: header.tenant,
      offset: header.offset,
      record: record,
      pending: manifest.blocks.map(\.identity.a)
    )
    for block in blocks where block.summary.identity.tenant == header.tenant {
      block.leaveOut(delete)
    }
    openDeletes.append((record, UInt64(generation.arena.rowCount)))
    openRollupDeletes.append((header.tenant, record))
  }

  /// The open rows of a series in `range`, without conflicts among themselves.
  func openRows(
    of series: SeriesID,
    fields: Set<FieldID>?,
    in range: TimeRange,
    _ decoder: RowDecoder
  ) -> [ColumnBatch] {
    let runs = openRuns(of: series)
    var rows: [RowReference] = []
    let arena = generation.arena.reader()
    for (index, item) in runs.enumerated() {
      arena.collect(item.run, in: range, index: index, into: &rows)
    }
    for (record, sequence) in openDeletes where record.contains(series) {
      rows.removeAll { record.range.contains($0.timestamp) && $0.sequence <= sequence }
    }
    guard !rows.isEmpty else { return [] }
    let resolved = SeriesRows(
      layouts: runs.map(\.layout),
      rows: rows,
      isSorted: runs.count == 1 && runs[0].run.isAscending,
      decoder: decoder
    )
    var batches: [ColumnBatch] = []
    for run in resolved.runs {
      if let fields, fields.isDisjoint(with: run.layout.fields) { continue }
      batches.append(decoder.columns(of: run.layout, rows: run.rows, wanted: fields))
    }
    for var merged in resolved.merged {
      if let fields { merged.columns.removeAll { !fields.contains($0.field) } }
      if !merged.columns.isEmpty { batches.append(merged) }
    }
    return batches
  }

  func openRuns(of series: SeriesID) -> [(layout: LayoutInfo, run: RowRun)] {
    guard let slot = table.knownSlot(of: series) else { return [] }
    return table.layouts(ofSlot: slot).compactMap { layout in
      let index = Int(layout.layout.rawValue)
      guard index < generation.runs.count, generation.runs[index].rowCount > 0 else { return nil }
      return (layout, generation.runs[index])
    }
  }
}

extension DataDirectory {
  /// The identity file, read without changing anything; partitions are counted when it is damaged.
  func readIdentity(
    _ disk: any Disk
  ) throws(EngineError) -> (partitionCount: Int, createdAt: Timestamp?, findings: [Damage]) {
    let folders = try wrap { () throws(SystemError) in
      try disk.list(path + "/partitions").filter { $0.count == 2 }.count
    }
    guard
      try wrap({ () throws(SystemError) in try disk.byteCount(of: identity) }) != nil
    else {
      guard folders > 0 else { throw .foreignDirectory(path: path, found: "it has no file VARVE") }
      return (folders, nil, [identityDamage(0, "file is missing")])
    }
    let bytes = try wrap { () throws(SystemError) in
      try disk.read(identity, byteCountMax: 4_096)
    }
    switch Self.decodeIdentity(bytes) {
    case .success(let count):
      let created = bytes[12..<20].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return (count, Timestamp(bitPattern: created), [])
    case .failure(let fault):
      if case .version = fault { throw .foreignDirectory(path: path, found: fault.text) }
      guard folders > 0, folders <= PartitionID.countMax else {
        throw .foreignDirectory(path: path, found: fault.text)
      }
      return (folders, nil, [identityDamage(bytes.count, fault.text)])
    }
  }

  private func identityDamage(_ byteCount: Int, _ what: String) -> Damage {
    Damage(severity: .damage, path: identity, offset: 0, byteCount: byteCount, what: what)
  }
}
