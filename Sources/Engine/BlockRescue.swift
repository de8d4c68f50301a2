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
/// block of the same offsets. A merged block that has more rows than open rows may be is made in
/// parts, which are merged again. Ring and ledger have been committed with the cut and stay as they
/// are.
struct BlockRescue {
  private let disk: any Disk
  private let queue: String
  private let partition: PartitionID
  private let partitionCount: Int
  /// Memory that the rows of one part of a block may take, about.
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
    openByteCountMax = configuration.openRowByteCountMax
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
    var making = Making(
      surroundings: surroundings,
      deletes: carriedOut(identity, surroundings.manifest),
      table: table,
      generation: Generation(start: identity.a)
    )
    // A cut that found no room at once may have been twice as large.
    let partByteCountMax = identity.strength == .head ? 2 * openByteCountMax : openByteCountMax
    // Every offset in between is a batch, unless its round failed or the log is damaged.
    var next = identity.a
    var hasGap = false
    var failure: SystemError?
    let reader = LogReader(disk: disk, directory: queue, partitionCount: partitionCount)
    let found: LogReader.Summary
    do throws(LogError) {
      found = try reader.replay(
        from: start,
        while: { failure == nil && (hasGap || next < identity.b) },
        body: { batch in
          let header = batch.header
          guard header.partition == partition, header.offset < identity.b, failure == nil else {
            return
          }
          if header.offset != next { hasGap = true }
          next = header.offset.advanced(by: 1)
          guard header.tenant == identity.tenant else { return }
          let isFull = making.generation.arena.byteCount > partByteCountMax
          do throws(SystemError) {
            // Deletes act on what was before them.
            if header.kind == .delete || header.kind == .rows && isFull {
              try endPart(&making, identity, at: header.offset)
            }
          } catch {
            failure = error
          }
          if header.kind == .rows { making.generation.apply(batch, table: making.table, at: 0) }
        }
      )
    } catch {
      return .refused("\(error)")
    }
    if let failure { throw failure }
    let isComplete = !hasGap && next >= identity.b
    let isSound = isComplete || found.damages.allSatisfy { $0.severity == .note }
    let isWhole =
      isSound && making.unreadableRowCount + making.generation.unreadableRowCount == 0
    guard isWhole || mayLackRows else { return .refused("the log is damaged there, too") }
    try endPart(&making, identity, at: identity.b)
    return try join(making, identity, isWhole: isWhole)
  }

  /// A block that is being made: of one part, or of several in their order when its rows need more
  /// memory than open rows may have, or when deletes came between them.
  private struct Making {
    let surroundings: Surroundings
    let deletes: [Delete]
    var table: PartitionLayouts
    var generation: Generation
    var parts: [BlockReader] = []
    var unreadableRowCount = 0
  }

  private struct Delete {
    var offset: Offset
    var record: DeleteRecord
  }

  /// Writes the rows so far as a part that ends before `end`.
  private func endPart(
    _ making: inout Making,
    _ identity: BlockIdentity,
    at end: Offset
  ) throws(SystemError) {
    let generation = making.generation
    guard generation.rowCount > 0 || making.parts.isEmpty && end == identity.b else { return }
    var part = identity
    part.a = generation.start
    part.b = end
    part.strength = .head
    part.revision = 0
    var surroundings = making.surroundings
    surroundings.earlier += making.parts
    let deletes = making.deletes.filter { $0.offset >= end }.map(\.record)
    let made = try write(generation, making.table, part, surroundings, deletes)
    making.table.noteSealed(made)
    making.parts.append(made)
    making.unreadableRowCount += generation.unreadableRowCount
    making.generation = Generation(start: end)
  }

  /// Makes one block of the parts.
  private func join(
    _ making: Making,
    _ identity: BlockIdentity,
    isWhole: Bool
  ) throws(SystemError) -> Outcome {
    let (parts, surroundings) = (making.parts, making.surroundings)
    if parts.count == 1, parts[0].summary.identity == identity {
      return .made(parts[0], isWhole: isWhole)
    }
    // A merged one stays merged, as those of the other tenants of its offsets are.
    let isCold = identity.isCold
    var identity = identity
    if identity.strength == .head { identity.strength = .young }
    let files = surroundings.files
    let merger = StepMerger(
      disk: disk,
      directory: files.blocks,
      policy: CompactionPolicy(
        strength: identity.strength,
        rowsPerGroupMax: isCold
          ? CompactionPolicy.coldRowsPerGroup : CompactionPolicy.youngRowsPerGroup
      )
    )
    let summary: BlockSummary
    do throws(CompactionError) {
      summary = try merger.merge(
        parts: parts,
        as: identity,
        ledger: surroundings.manifest.ledger
      )
    } catch {
      if case .system(let failure) = error { throw failure }
      return .refused(error.text)
    }
    for part in parts { try disk.remove(part.path) }
    return .made(try files.open([summary])[0], isWhole: isWhole)
  }

  /// Deletes by which rows are left out of a block already, so that what is made anew has not them
  /// either: the manifest does not list them for it any more.
  private func carriedOut(_ identity: BlockIdentity, _ manifest: Manifest) -> [Delete] {
    guard let start = start(of: identity.a) else { return [] }
    let pending = Set(
      manifest.deletes.filter { $0.tenant == identity.tenant && $0.pending.contains(identity.a) }
        .map(\.offset)
    )
    var deletes: [Delete] = []
    let reader = LogReader(disk: disk, directory: queue, partitionCount: partitionCount)
    var next = identity.a
    // What cannot be read tells of no delete.
    _ = try? reader.replay(
      from: start,
      while: { next < manifest.nextOffset },
      body: { batch in
        let header = batch.header
        guard header.partition == partition, header.offset >= identity.a else { return }
        next = header.offset.advanced(by: 1)
        guard header.offset < manifest.nextOffset, header.tenant == identity.tenant,
          !pending.contains(header.offset), let record = DeleteCodec.decode(batch)
        else { return }
        deletes.append(Delete(offset: header.offset, record: record))
      }
    )
    return deletes
  }

  private func write(
    _ generation: Generation,
    _ table: PartitionLayouts,
    _ identity: BlockIdentity,
    _ surroundings: Surroundings,
    _ deletes: [DeleteRecord]
  ) throws(SystemError) -> BlockReader {
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
      deletes: deletes
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
