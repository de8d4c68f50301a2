internal import Blocks
internal import Catalog
internal import Codecs
internal import Model
internal import Platform
internal import Queue
internal import Ring

/// Makes damaged blocks of one partition anew from the log, as long as it holds their offsets.
///
/// What the cut did is done again: the same rows, compared with the same earlier blocks, go into a
/// block of the same name. Ring and ledger have been committed with the cut and stay as they are.
struct BlockRescue {
  private let disk: any Disk
  private let queue: String
  private let partition: PartitionID
  private let partitionCount: Int
  /// Memory that the rows of one block may take; a cut is made from less.
  private let openByteCountMax: Int
  /// Oldest first.
  private let segments: [SegmentSummary]

  init(
    disk: any Disk,
    directory: DataDirectory,
    partition: PartitionID,
    configuration: EngineConfiguration
  ) {
    self.disk = disk
    queue = directory.queue
    self.partition = partition
    partitionCount = configuration.partitionCount
    openByteCountMax = 2 * configuration.openRowByteCountMax
    let reader = LogReader(disk: disk, directory: queue, partitionCount: partitionCount)
    segments = (try? reader.segments()) ?? []
  }

  /// Whether the log still holds what a block was made from.
  func isRetained(_ block: BlockSummary) -> Bool {
    guard let oldest = segments.first?.firstOffsets else { return false }
    return oldest[Int(partition.rawValue)] <= block.identity.a
  }

  /// Where to begin to read for `offset`: the newest segment that can hold it.
  private func start(of offset: Offset) -> [Offset]? {
    let index = Int(partition.rawValue)
    var start = segments.compactMap(\.firstOffsets).last { $0[index] <= offset }
    start?[index] = offset
    return start
  }

  /// What a block is made with.
  struct Surroundings {
    var catalog: Catalog
    var fieldSets: FieldSets
    var files: PartitionFiles
    var manifest: Manifest
    /// Blocks of smaller offsets, in their order.
    var earlier: [BlockReader]
    var ring: RingRegion
  }

  enum Outcome {
    /// `isWhole` is false when the log, too, has lost some of its offsets.
    case made(BlockReader, isWhole: Bool)
    /// Why it cannot be made.
    case refused(String)
  }

  /// Writes a block under the name of `lost`, which is out of the way.
  ///
  /// - Parameter mayLackRows: whether less than all is better than what there is.
  func make(
    _ lost: BlockSummary,
    in surroundings: Surroundings,
    mayLackRows: Bool
  ) throws(SystemError) -> Outcome {
    let identity = lost.identity
    guard let start = start(of: identity.a) else { return .refused("the log does not hold it") }
    var book = LedgerBook(surroundings.manifest.ledger)
    var table = PartitionLayouts(partition: partition)
    table.refresh(from: surroundings.catalog, ledger: &book)
    for block in surroundings.earlier { table.noteSealed(block) }
    let generation = Generation(start: identity.a)
    // Every offset in between is a batch, unless its round failed or the log is damaged.
    var next = identity.a
    var hasGap = false
    let reader = LogReader(disk: disk, directory: queue, partitionCount: partitionCount)
    let found: LogReader.Summary
    do throws(LogError) {
      found = try reader.replay(
        from: start,
        while: { hasGap || next < identity.b },
        body: { batch in
          let header = batch.header
          guard header.partition == partition, header.offset < identity.b else { return }
          if header.offset != next { hasGap = true }
          next = header.offset.advanced(by: 1)
          guard header.kind == .rows, header.tenant == identity.tenant,
            generation.arena.byteCount <= openByteCountMax
          else { return }
          generation.apply(batch, table: table, at: 0)
        }
      )
    } catch {
      return .refused("\(error)")
    }
    guard generation.arena.byteCount <= openByteCountMax else {
      return .refused("its rows need more memory than open rows may have")
    }
    let isComplete = !hasGap && next >= identity.b
    let isSound = isComplete || found.damages.allSatisfy { $0.severity == .note }
    let isWhole = isSound && generation.unreadableRowCount == 0
    guard isWhole || mayLackRows else { return .refused("the log is damaged there, too") }
    return .made(try write(generation, table, identity, surroundings), isWhole: isWhole)
  }

  /// Deletes behind a block that its rows are left out by already, so that what is made anew has
  /// not them either: the manifest does not list them for it any more.
  private func carriedOut(_ identity: BlockIdentity, _ manifest: Manifest) -> [DeleteRecord] {
    guard let start = start(of: identity.b) else { return [] }
    let pending = Set(
      manifest.deletes.filter { $0.tenant == identity.tenant && $0.pending.contains(identity.a) }
        .map(\.offset)
    )
    var records: [DeleteRecord] = []
    let reader = LogReader(disk: disk, directory: queue, partitionCount: partitionCount)
    var next = identity.b
    // What cannot be read tells of no delete.
    _ = try? reader.replay(
      from: start,
      while: { next < manifest.nextOffset },
      body: { batch in
        let header = batch.header
        guard header.partition == partition else { return }
        next = header.offset.advanced(by: 1)
        guard header.offset < manifest.nextOffset, header.tenant == identity.tenant,
          !pending.contains(header.offset), let record = DeleteCodec.decode(batch)
        else { return }
        records.append(record)
      }
    )
    return records
  }

  private func write(
    _ generation: Generation,
    _ table: PartitionLayouts,
    _ identity: BlockIdentity,
    _ surroundings: Surroundings
  ) throws(SystemError) -> BlockReader {
    var identity = identity
    identity.strength = .head
    identity.revision = 0
    let context = CutContext(
      partition: partition,
      epoch: identity.epoch,
      cutNumber: identity.cut,
      table: table,
      manifest: surroundings.manifest,
      blocks: surroundings.earlier,
      ring: surroundings.ring,
      ledger: LedgerBook(surroundings.manifest.ledger),
      catalog: surroundings.catalog,
      decoder: RowDecoder(catalog: surroundings.catalog),
      fieldSets: surroundings.fieldSets,
      files: surroundings.files,
      // The ring has the windows.
      hours: [],
      deletes: carriedOut(identity, surroundings.manifest)
    )
    let writer = try SeriesWriter(context, identity: identity)
    do throws(SystemError) {
      for layouts in Cut.series(of: generation, table) {
        _ = try writer.write(layouts, of: generation)
      }
      try surroundings.catalog.sync(upTo: surroundings.catalog.version)
      guard let summary = try writer.finish(ledger: surroundings.manifest.ledger) else {
        preconditionFailure("a writer finishes once")
      }
      return try surroundings.files.open([summary])[0]
    } catch {
      writer.abandon()
      throw error
    }
  }
}
