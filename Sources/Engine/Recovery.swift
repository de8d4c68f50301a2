internal import Blocks
internal import Catalog
internal import Logging
internal import Model
internal import Platform
internal import Queue
internal import Ring

/// Opens a data directory: catalog, partitions, log; applies what the log holds beyond the last
/// cuts. Whatever is damaged is set aside and reported; only the operating system can make it fail.
struct Recovery {
  let parts: EngineParts
  let directory: DataDirectory
  var report = RecoveryReport()
  /// Definitions that the catalog has lost may stand in blocks.
  private var hasCatalogLoss = false
  let blockFiles: BlockFiles
  let retention: Retention

  init(parts: EngineParts, damages: [Damage]) {
    self.parts = parts
    blockFiles = BlockFiles(
      disk: parts.disk,
      openCountMax: parts.configuration.blockOpenFileCountMax
    )
    directory = DataDirectory(parts.configuration.dataDirectory)
    retention = Retention(
      parts.configuration.retention,
      rollups: parts.configuration.rollups,
      openNanoseconds: parts.configuration.cutIntervalNanoseconds
    )
    report.damages = damages
  }

  var disk: any Disk { parts.disk }

  mutating func run(
    progress: (ReplayProgress) -> Void
  ) throws(EngineError) -> RunningEngine {
    let start = parts.clock.monotonic()
    let catalog = try openCatalog()
    var opened: [OpenedPartition] = []
    for index in 0..<parts.configuration.partitionCount {
      opened.append(try openPartition(index))
    }
    // Manifests know how far the catalog had come: ids of what it lost are never handed out anew.
    if let loss = catalog.expect(version: opened.map(\.manifest.catalogVersion).max() ?? 0) {
      report.damages.append(loss)
      hasCatalogLoss = true
    }
    if hasCatalogLoss || isBehind(catalog, opened) { reteach(catalog, from: opened) }
    let sets = FieldSets(catalog: catalog)
    for index in opened.indices { try rescueBlocks(of: &opened[index], catalog, sets) }
    let floors = opened.map(\.manifest.nextOffset)
    let lastEpoch = opened.map(\.manifest.epoch).max() ?? Epoch(0)
    let log = try openLog(floors, lastEpoch: lastEpoch)
    let reserve = DiskReserve(
      disk: disk,
      directory: directory,
      byteCount: parts.configuration.diskReserveByteCount
    )
    let workers = makeWorkers(opened, catalog, reserve, epoch: log.epoch)
    tellOfFormerRollups(opened)
    CrashPoint.opened.reach()
    let newest = try replay(into: workers, from: floors, log, progress)
    if let loss = catalog.expect(version: newest) { report.damages.append(loss) }
    report.log = reach(of: log, below: floors)
    report.epoch = log.epoch.rawValue
    report.series = catalog.statistics().series
    report.seconds = Double(parts.clock.monotonic() &- start) / 1e9
    return makeRunning(catalog, log, workers, reserve)
  }

  // MARK: Catalog

  private mutating func openCatalog() throws(EngineError) -> Catalog {
    var limits = CatalogLimits()
    limits.seriesMax = parts.configuration.seriesMax
    limits.fieldSetsMax = parts.configuration.fieldSetsMax
    let (catalog, recovery) = try wrap { () throws(SystemError) in
      try Catalog.open(
        disk: disk,
        directory: directory.catalog,
        partitionCount: parts.configuration.partitionCount,
        limits: limits
      )
    }
    report.damages += recovery.damages
    for path in recovery.setAside { setAside(path, "damaged copy of the catalog's log", "") }
    hasCatalogLoss = !recovery.lost.isEmpty
    return catalog
  }

  /// Whether the newest blocks know what the catalog does not: it is an old copy, or gone.
  private mutating func isBehind(_ catalog: Catalog, _ partitions: [OpenedPartition]) -> Bool {
    for block in partitions.compactMap(\.blocks.last) {
      guard let found = try? block.definitions() else { continue }
      let isKnown =
        !catalog.series(found.series.map(\.id)).contains { $0 == nil }
        && found.fieldSets.allSatisfy { catalog.fieldSet($0.id) != nil }
      guard !isKnown else { continue }
      report.damages.append(
        Damage(
          severity: .damage,
          path: directory.catalog,
          offset: 0,
          byteCount: 0,
          what: "definitions that blocks use are missing; they are learned from all blocks"
        )
      )
      return true
    }
    return false
  }

  /// Blocks repeat the definitions that they use: what the catalog lost it learns from them.
  private mutating func reteach(_ catalog: Catalog, from partitions: [OpenedPartition]) {
    let definitions =
      partitions.flatMap(\.blocks).lazy.compactMap { try? $0.definitions() }
      + partitions.flatMap(\.rollups).lazy.compactMap { try? $0.definitions() }
    for found in definitions {
      for refusal in catalog.relearn(found) {
        report.damages.append(
          Damage(
            severity: .damage,
            path: directory.catalog,
            offset: 0,
            byteCount: 0,
            what: refusal
          )
        )
      }
    }
  }

  // MARK: Partitions

  struct OpenedPartition {
    var files: PartitionFiles
    var manifest: Manifest
    var blocks: [BlockReader]
    var rollups: [RollupReader]
    /// Blocks that cannot be read, not whole at least.
    var unread: [BlockSummary]
    var ring: RingRegion
    var damagedMinutes: [RingRecovery.DamagedMinute]
    /// Blocks that are not as they were written, or not there.
    var damaged: [BlockSummary]
  }

  private mutating func openPartition(_ index: Int) throws(EngineError) -> OpenedPartition {
    let partition = PartitionID(UInt16(index))
    let folder = directory.partition(index)
    let blocksFolder = directory.blocks(index)
    let ringFolder = directory.ring(index)
    try wrap { () throws(SystemError) in try disk.createDirectory(ringFolder) }
    let manifests = ManifestStore(disk: disk, directory: folder, partition: partition)
    let loaded = try wrap { () throws(SystemError) in
      try manifests.prepare()
      return try manifests.load()
    }
    report.damages += loaded.damages
    var manifest = loaded.manifest
    let files = PartitionFiles(
      disk: disk,
      blockFiles: blockFiles,
      partition: partition,
      blocks: blocksFolder,
      manifests: manifests,
      quarantine: quarantine
    )
    var blocks: [BlockReader] = []
    var sound: [BlockSummary] = []
    var unread: [BlockSummary] = []
    var damaged: [BlockSummary] = []
    let rescue = BlockRescue(
      disk: disk,
      directory: directory,
      partition: partition,
      configuration: parts.configuration
    )
    for summary in manifest.blocks {
      let path = Path.join(blocksFolder, summary.storedName)
      do throws(BlockError) {
        let reader = try open(summary, path)
        guard reader.summary.identity == summary.identity else { throw .mismatch(.header) }
        // A cold block was verified when it moved, and its store may be far.
        let isWhole = summary.cold != nil || isSound(reader, rescue)
        if !isWhole || !reader.damages.isEmpty {
          damaged.append(summary)
          unread.append(summary)
        }
        report.damages += reader.damages
        manifest.deletes.leaveOutRows(of: reader)
        blocks.append(reader)
        // One that was made anew may have another size than the manifest says.
        sound.append(reader.damages.isEmpty ? reader.summary : summary)
      } catch {
        unread.append(summary)
        let range = "offsets \(summary.identity.a.rawValue) ..< \(summary.identity.b.rawValue)"
        if summary.cold != nil {
          // Its store may come back: nothing is set aside, and the manifest keeps it.
          try noteUnreadable(summary, path, error)
          sound.append(summary)
          continue
        }
        guard case .system(let failure) = error, !failure.isMissing else {
          setAside(path, error.text, range)
          damaged.append(summary)
          continue
        }
        // The block may be as sound as ever: it stays where it is, and in the manifest.
        guard !failure.isOutOfResources else { throw .system(failure) }
        sound.append(summary)
        report.damages.append(
          Damage(
            severity: .unreadable,
            path: path,
            offset: 0,
            byteCount: summary.byteCount,
            what: "\(failure), left in place",
            range: range
          )
        )
      }
    }
    manifest.blocks = sound
    report.blocks += blocks.count
    let rollups = try openRollups(manifests, &manifest)
    // A partition has a manifest from its first day, so that a missing one is always a loss. On a
    // full disk the first cut writes it.
    let isNew = try wrap { () throws(SystemError) in
      try disk.byteCount(of: manifests.path) == nil
    }
    // One without blocks that was made anew: no cut may come for years, and each start would find
    // the damaged one again.
    let wasEmpty = loaded.wasRebuilt && manifest.blocks.isEmpty && loaded.doubtful.isEmpty
    if wasEmpty, !isNew { setAside(manifests.path, "the damaged manifest", "") }
    if isNew || wasEmpty { try? manifests.commit(manifest) }
    // What a cut left that did not commit: the log still has its rows.
    let leftovers = removable(loaded)
    try wrap { () throws(SystemError) in try manifests.remove(leftovers) }
    for path in loaded.doubtful { setAside(path, "a block that no manifest names", "") }
    let (ring, found) = try wrap { () throws(SystemError) in
      try RingRegion.open(
        disk: disk,
        directory: ringFolder,
        partition: partition,
        extentByteCount: parts.configuration.ringExtentByteCount,
        committed: manifest.ringProgress,
        cut: manifest.cut
      )
    }
    report.damages += found.damages
    for path in found.lostFiles where (try? disk.byteCount(of: path)) ?? nil != nil {
      setAside(path, "a damaged file of the ring", "blocks answer for what it held")
    }
    report.ring += ring.snapshot.statistics
    return OpenedPartition(
      files: files,
      manifest: manifest,
      blocks: blocks,
      rollups: rollups,
      unread: unread,
      ring: ring,
      damagedMinutes: found.damagedMinutes,
      damaged: damaged
    )
  }

  // MARK: Log

  private mutating func openLog(
    _ floors: [Offset],
    lastEpoch: Epoch
  ) throws(EngineError) -> Log {
    var options = LogOptions()
    options.segmentByteCountMax = parts.configuration.segmentByteCountMax
    options.retainByteCount = parts.configuration.queueRetainByteCount
    options.retainNanoseconds = parts.configuration.queueRetainNanoseconds
    do throws(LogError) {
      let (log, recovery) = try Log.open(
        disk: disk,
        directory: directory.queue,
        partitionCount: floors.count,
        floors: floors,
        lastEpoch: lastEpoch,
        clock: parts.clock,
        options: options
      )
      report.damages += recovery.damages
      return log
    } catch {
      throw EngineError(error)
    }
  }

  /// Applies every batch from the partitions' committed offsets on, with the code that runs live;
  /// cuts when the open-row budget says so, as live.
  ///
  /// - Returns: the newest catalog version that a batch names.
  private mutating func replay(
    into workers: [PartitionWorker],
    from floors: [Offset],
    _ log: Log,
    _ progress: (ReplayProgress) -> Void
  ) throws(EngineError) -> UInt64 {
    let start = parts.clock.monotonic()
    let reader = LogReader(
      disk: disk,
      directory: directory.queue,
      partitionCount: floors.count
    )
    var state = ReplayProgress()
    let count = workers.count
    let clock = parts.clock
    var newest: UInt64 = 0
    do throws(LogError) {
      let summary = try reader.replay(
        from: floors,
        progress: { done, total in
          state.bytesDone = done
          state.bytesTotal = total
          state.secondsSpent = Double(clock.monotonic() &- start) / 1e9
          progress(state)
        },
        body: { batch throws(LogError) in
          CrashPoint.replaying.reach()
          newest = max(newest, batch.header.registryVersion)
          do throws(SystemError) {
            try workers[Int(batch.header.partition.rawValue) % count].replay(batch)
          } catch {
            throw .system(error)
          }
        }
      )
      // Damaged segments are never deleted.
      log.protect(summary.damages)
      report.replayedBatches = summary.batchCount
      report.replayedRows = summary.rowCount
      report.replayedBytes = summary.byteCount
      // Opening has read the newest segments already and reported the same.
      let known = Set(report.damages)
      report.damages += summary.damages.filter { !known.contains($0) }
    } catch {
      throw EngineError(error)
    }
    return newest
  }

  // MARK: Wiring

  private func makeWorkers(
    _ opened: [OpenedPartition],
    _ catalog: Catalog,
    _ reserve: DiskReserve,
    epoch: Epoch
  ) -> [PartitionWorker] {
    let count = min(parts.configuration.workerCount, opened.count)
    let limits = CutLimits(
      openByteCount: parts.configuration.openRowByteCountMax / count,
      intervalNanoseconds: parts.configuration.cutIntervalNanoseconds,
      logByteCount: parts.configuration.cutLogByteCountMax,
      partitionCount: opened.count
    )
    let sets = FieldSets(catalog: catalog)
    let stores = opened.enumerated().map { index, partition in
      PartitionStore(
        partition: PartitionID(UInt16(index)),
        epoch: epoch,
        catalog: catalog,
        fieldSets: sets,
        clock: parts.clock,
        files: partition.files,
        retention: retention,
        manifest: partition.manifest,
        blocks: partition.blocks,
        rollups: partition.rollups,
        unreadUpTo: partition.unread.map(\.lastTimestamp).max(),
        ring: partition.ring,
        damagedMinutes: partition.damagedMinutes,
        stretchRowCount: parts.configuration.stretchRowCount
      )
    }
    return (0..<count).map { worker in
      PartitionWorker(
        port: WorkerPort(
          partitionCount: opened.count,
          byteCountMax: parts.configuration.inFlightByteCountMax / count
        ),
        stores: stores.enumerated().filter { $0.offset % count == worker }.map(\.element),
        limits: limits,
        reserve: reserve,
        clock: parts.clock
      )
    }
  }
}
