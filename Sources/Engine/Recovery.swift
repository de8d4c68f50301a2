internal import Blocks
internal import Catalog
internal import Model
internal import Platform
internal import Queue
internal import Ring

/// Opens a data directory: catalog, partitions, log; applies what the log holds beyond the last
/// cuts. Whatever is damaged is set aside and reported; only the operating system can make it fail.
struct Recovery {
  private let parts: EngineParts
  private let directory: DataDirectory
  private(set) var report = RecoveryReport()
  /// Definitions that the catalog has lost may stand in blocks.
  private var hasCatalogLoss = false

  init(parts: EngineParts, damages: [Damage]) {
    self.parts = parts
    directory = DataDirectory(parts.configuration.dataDirectory)
    report.damages = damages
  }

  private var disk: any Disk { parts.disk }

  mutating func run(
    progress: (ReplayProgress) -> Void
  ) throws(EngineError) -> RunningEngine {
    let start = parts.clock.monotonic()
    let catalog = try openCatalog()
    var opened: [OpenedPartition] = []
    for index in 0..<parts.configuration.partitionCount {
      opened.append(try openPartition(index))
    }
    if hasCatalogLoss { reteach(catalog, from: opened) }
    let floors = opened.map(\.manifest.nextOffset)
    let log = try openLog(floors)
    let workers = makeWorkers(opened, catalog, epoch: log.epoch)
    try replay(into: workers, from: floors, progress)
    report.epoch = log.epoch.rawValue
    report.series = catalog.statistics().seriesCount
    report.seconds = Double(parts.clock.monotonic() &- start) / 1e9
    return makeRunning(catalog, log, workers)
  }

  // MARK: Catalog

  private mutating func openCatalog() throws(EngineError) -> Catalog {
    var limits = CatalogLimits()
    limits.seriesMax = parts.configuration.seriesMax
    let (catalog, recovery) = try wrap { () throws(SystemError) in
      try Catalog.open(
        disk: disk, directory: directory.catalog,
        partitionCount: parts.configuration.partitionCount, limits: limits)
    }
    report.damages += recovery.damages
    hasCatalogLoss = !recovery.lost.isEmpty
    return catalog
  }

  /// Blocks repeat the definitions that they use: what the catalog lost it learns from them.
  private mutating func reteach(_ catalog: Catalog, from partitions: [OpenedPartition]) {
    for block in partitions.flatMap(\.blocks) {
      guard let found = try? block.definitions() else { continue }
      var definitions = CatalogDefinitions()
      definitions.tenants = [TenantDefinition(id: found.tenant, name: found.tenantName)]
      definitions.series = found.series
      definitions.fields = found.fields
      let types = Dictionary(
        found.fields.map { ($0.id, $0.type) }, uniquingKeysWith: { first, _ in first })
      definitions.fieldSets = found.fieldSets.map { set in
        FieldSetDefinition(
          id: set.id, measurement: set.measurement, fields: set.fields,
          types: set.fields.map { types[$0] ?? .float })
      }
      let result = catalog.restore(definitions)
      for refusal in result.refused {
        report.damages.append(
          Damage(
            severity: .damage, path: directory.catalog, offset: 0, byteCount: 0, what: refusal))
      }
    }
  }

  // MARK: Partitions

  private struct OpenedPartition {
    var files: PartitionFiles
    var manifest: Manifest
    var blocks: [BlockReader]
    var ring: RingRegion
  }

  private mutating func openPartition(_ index: Int) throws(EngineError) -> OpenedPartition {
    let partition = PartitionID(UInt16(index))
    let folder = directory.partition(index)
    let blocksFolder = directory.blocks(index)
    let ringFolder = directory.ring(index)
    try wrap { () throws(SystemError) in
      try disk.createDirectory(blocksFolder)
      try disk.createDirectory(ringFolder)
    }
    let manifests = ManifestStore(disk: disk, directory: folder, partition: partition)
    let loaded = try wrap { () throws(SystemError) in try manifests.load() }
    report.damages += loaded.damages
    var manifest = loaded.manifest
    let files = PartitionFiles(
      disk: disk, partition: partition, blocks: blocksFolder, manifests: manifests)
    var blocks: [BlockReader] = []
    var sound: [BlockSummary] = []
    for summary in manifest.blocks {
      let path = Path.join(blocksFolder, summary.fileName)
      do throws(BlockError) {
        let reader = try BlockReader.open(disk: disk, path: path)
        report.damages += reader.damages
        blocks.append(reader)
        sound.append(summary)
      } catch {
        setAside(path, error.text, "offsets \(summary.identity.a.rawValue) ..< \(summary.identity.b.rawValue)")
      }
    }
    manifest.blocks = sound
    report.blocks += blocks.count
    try removeLeftovers(in: blocksFolder, except: Set(sound.map(\.fileName)), manifest)
    let (ring, damages) = try wrap { () throws(SystemError) in
      try RingRegion.open(
        disk: disk, directory: ringFolder, partition: partition,
        extentByteCount: parts.configuration.ringExtentByteCount,
        committed: manifest.ringProgress, cut: manifest.cut)
    }
    report.damages += damages
    return OpenedPartition(files: files, manifest: manifest, blocks: blocks, ring: ring)
  }

  /// Moves a file that cannot be used into `quarantine/` and reports what it held.
  private mutating func setAside(_ path: String, _ what: String, _ range: String) {
    var text = what
    do throws(SystemError) {
      if try disk.byteCount(of: path) != nil {
        let target = try directory.quarantine(path, disk: disk, at: parts.clock.now())
        text += ", moved to \(target)"
      }
    } catch {
      text += ", left in place: \(error)"
    }
    report.damages.append(
      Damage(severity: .damage, path: path, offset: 0, byteCount: 0, what: text, range: range))
  }

  /// Removes what a cut left that did not commit: the log still has its rows.
  private mutating func removeLeftovers(
    in folder: String, except known: Set<String>, _ manifest: Manifest
  ) throws(EngineError) {
    let names = try wrap { () throws(SystemError) in try disk.list(folder) }
    for name in names where !known.contains(name) {
      let path = Path.join(folder, name)
      // A block's name begins with its first offset in 16 hexadecimal digits.
      let start = UInt64(name.prefix(16), radix: 16).map { Offset($0) }
      let isUncommitted =
        name.hasSuffix(".tmp") || start.map { $0 >= manifest.nextOffset } ?? false
      if isUncommitted {
        // A leftover costs space only: failing to remove it is no reason to stop.
        try? disk.remove(path)
      } else {
        setAside(path, "no manifest names this file", "")
      }
    }
  }

  // MARK: Log

  private mutating func openLog(_ floors: [Offset]) throws(EngineError) -> Log {
    var options = LogOptions()
    options.segmentByteCountMax = parts.configuration.segmentByteCountMax
    options.retainByteCount = parts.configuration.queueRetainByteCount
    options.retainNanoseconds = parts.configuration.queueRetainNanoseconds
    let (log, recovery) = try wrap { () throws(SystemError) in
      try Log.open(
        disk: disk, directory: directory.queue, partitionCount: floors.count, floors: floors,
        clock: parts.clock, options: options)
    }
    report.damages += recovery.damages
    return log
  }

  /// Applies every batch from the partitions' committed offsets on, with the code that runs live;
  /// cuts when the open-row budget says so, as live.
  private mutating func replay(
    into workers: [PartitionWorker], from floors: [Offset], _ progress: (ReplayProgress) -> Void
  ) throws(EngineError) {
    let start = parts.clock.monotonic()
    let reader = LogReader(
      disk: disk, directory: directory.queue, partitionCount: floors.count)
    var state = ReplayProgress()
    let count = workers.count
    do throws(SystemError) {
      try reader.replay(from: floors) { batch, done, total in
        let index = Int(batch.header.partition.rawValue)
        workers[index % count].replay(batch, monotonic: parts.clock.monotonic())
        report.replayedBatches += 1
        report.replayedRows += Int(batch.header.rowCount)
        report.replayedBytes += batch.record.count
        if report.replayedBatches % 256 == 0 {
          state.bytesDone = done
          state.bytesTotal = total
          state.secondsSpent = Double(parts.clock.monotonic() &- start) / 1e9
          progress(state)
        }
      }
    } catch {
      throw .system(error)
    }
  }

  // MARK: Wiring

  private func makeWorkers(
    _ opened: [OpenedPartition], _ catalog: Catalog, epoch: Epoch
  ) -> [PartitionWorker] {
    let count = min(parts.configuration.workerCount, opened.count)
    let limits = CutLimits(
      openByteCount: parts.configuration.openRowByteCountMax / count,
      intervalNanoseconds: parts.configuration.cutIntervalNanoseconds,
      logByteCount: parts.configuration.cutLogByteCountMax, partitionCount: opened.count)
    let sets = FieldSets(catalog: catalog)
    let stores = opened.enumerated().map { index, partition in
      PartitionStore(
        partition: PartitionID(UInt16(index)), epoch: epoch, catalog: catalog, fieldSets: sets,
        clock: parts.clock, files: partition.files, manifest: partition.manifest,
        blocks: partition.blocks, ring: partition.ring)
    }
    return (0..<count).map { worker in
      PartitionWorker(
        port: WorkerPort(
          partitionCount: opened.count,
          byteCountMax: parts.configuration.inFlightByteCountMax / count),
        stores: stores.enumerated().filter { $0.offset % count == worker }.map(\.element),
        limits: limits)
    }
  }

  private func makeRunning(
    _ catalog: Catalog, _ log: Log, _ workers: [PartitionWorker]
  ) -> RunningEngine {
    let workerOfPartition = (0..<parts.configuration.partitionCount).map { $0 % workers.count }
    var options = CommitOptions()
    options.mode = parts.configuration.durability.commitMode
    let committer = Committer(
      log: log, workers: workers.map(\.port), workerOfPartition: workerOfPartition,
      prepare: { version throws(SystemError) in try catalog.sync(upTo: version) },
      options: options, clock: parts.clock)
    return RunningEngine(
      parts: parts, catalog: catalog, committer: committer, workers: workers,
      workerOfPartition: workerOfPartition,
      deadLetters: DeadLetterLog(disk: disk, directory: directory.deadLetters))
  }
}
