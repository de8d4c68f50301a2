internal import Bytes
public import Model
public import Platform

/// The durable queue: one interleaved log of all partitions, in segments, appended by one thread.
///
/// Life of a round: ``append(_:)``, then ``sync()``; after an error of either
/// ``abandonUnsynced()`` until it succeeds. Offsets that were given to batches of a failed round
/// are burnt: the next segment's header declares them, so that no offset ever stands for two
/// contents and no replay mistakes them for a loss.
///
/// Owned by one thread (the committer's); not `Sendable`.
public final class Log {
  let disk: any Disk
  let directory: String
  let clock: any Clock
  let options: LogOptions
  /// The epoch of this run, stamped on each batch.
  public let epoch: Epoch
  /// Per partition the offset of the next batch.
  public private(set) var nextOffsets: [Offset]
  /// Per partition: all below is durable, or declared as given up by a segment that is there.
  private var durableEnds: [Offset]
  private var segment: SegmentWriter?
  private var nextSequence: UInt64
  /// The last segment that is finished, and how much of it is durable.
  private var previous: (sequence: UInt64, byteCount: Int)
  /// Finished segments, oldest first.
  var closed: [ClosedSegment]
  /// Segments that are never deleted.
  private(set) var damagedPaths: Set<String> = []
  /// Why the log takes no batches; `nil` when it does.
  public private(set) var failure: SystemError?

  /// A segment that takes no more records.
  struct ClosedSegment {
    var path: String
    var byteCount: Int
    /// Per partition: all its offsets are smaller.
    var ends: [Offset]
    /// When its first record can have come; `nil` where its header is damaged, or where a later
    /// segment is missing.
    var createdAt: Timestamp?
    var closedAt: Timestamp
  }

  /// What `open` found out; see ``LogOpening``.
  init(_ opening: LogOpening, options: LogOptions) {
    disk = opening.disk
    directory = opening.directory
    clock = opening.clock
    self.options = options
    epoch = opening.epoch
    nextOffsets = opening.nextOffsets
    durableEnds = opening.ends
    nextSequence = opening.nextSequence
    previous = opening.previous
    closed = opening.closed
    damagedPaths = opening.damagedPaths
    do throws(SystemError) { try begin() } catch { failure = error }
  }

  public var partitionCount: Int { nextOffsets.count }
  /// Whether ``append(_:)`` may be called.
  public var isUsable: Bool { failure == nil && segment != nil }
  /// Whether records have been appended that no sync covers.
  public var hasUnsynced: Bool { segment.map { $0.byteCount > $0.durableByteCount } ?? false }
  /// Whether ``mark()`` would write something.
  public var needsMark: Bool { segment?.needsMark ?? false }
  /// Bytes of all segments.
  public var byteCount: Int {
    closed.reduce(segment?.byteCount ?? 0) { $0 + $1.byteCount }
  }
  public var segmentCount: Int { closed.count + (segment == nil ? 0 : 1) }
  /// All that has come since then is in the log, but for what is damaged; `nil` while it has no
  /// sound segment.
  public var beginning: Timestamp? { beginning(without: 0) }

  /// ``beginning``, once so many of the oldest segments are gone.
  func beginning(without count: Int) -> Timestamp? {
    closed.dropFirst(count).lazy.compactMap(\.createdAt).first ?? segment?.header.created
  }

  // MARK: Appending

  /// Stamps epoch and offsets on `batches` and appends them in order; a full segment is synced and
  /// followed by a new one first.
  ///
  /// - Parameter batches: sealed, of partitions below ``partitionCount``; each is appended once.
  /// - Throws: after an error none of them is promised, and ``abandonUnsynced()`` must succeed
  ///   before the next append.
  public func append(_ batches: [RowBatch]) throws(SystemError) {
    precondition(isUsable, "a log that failed is abandoned first")
    do throws(SystemError) {
      var first = 0
      while first < batches.count, let segment {
        let end = endOfFitting(batches, from: first, in: segment)
        if end == first {
          try roll(segment)
          continue
        }
        for index in first..<end { stamp(batches[index]) }
        let mark = segment.needsMark ? segment.mark(ends: durableEnds) : nil
        try segment.append(batches, first..<end, mark: mark)
        first = end
      }
    } catch {
      failure = error
      throw error
    }
  }

  private func stamp(_ batch: RowBatch) {
    let partition = Int(batch.header.partition.rawValue)
    precondition(partition < partitionCount)
    batch.stamp(epoch: epoch, offset: nextOffsets[partition])
    nextOffsets[partition] = nextOffsets[partition].advanced(by: 1)
  }

  /// The end of the batches that the segment has room for; at least one goes into an empty segment.
  private func endOfFitting(
    _ batches: [RowBatch],
    from first: Int,
    in segment: SegmentWriter
  ) -> Int {
    let markByteCount = CommitMark.byteCount(partitionCount: partitionCount)
    var byteCount = segment.byteCount + (segment.needsMark ? markByteCount : 0)
    var end = first
    while end < batches.count {
      byteCount += batches[end].record.count
      let isFirst = end == first && segment.byteCount == segment.header.byteCount
      guard byteCount <= options.segmentByteCountMax || isFirst else { break }
      end += 1
    }
    return end
  }

  /// Makes all that was appended durable (`fdatasync`).
  ///
  /// - Throws: as ``append(_:)``; a failed sync is never tried again as if it had worked.
  public func sync() throws(SystemError) {
    precondition(isUsable, "a log that failed is abandoned first")
    guard let segment else { return }
    do throws(SystemError) {
      try segment.sync()
    } catch {
      failure = error
      throw error
    }
    durableEnds = nextOffsets
  }

  /// Counts what was appended as acknowledged although no sync covers it: the relaxed modes.
  public func settle() { segment?.settle() }

  /// Notes in the log itself what is durable, so that a later reader tells rot from a crash. For a
  /// quiet moment; costs a sync. Not needed before an append, which brings its own mark.
  public func mark() throws(SystemError) {
    precondition(isUsable, "a log that failed is abandoned first")
    guard let segment, segment.needsMark else { return }
    do throws(SystemError) {
      try segment.append([], 0..<0, mark: segment.mark(ends: durableEnds))
    } catch {
      // Nothing was promised: without the mark the log is as good as before.
      if segment.truncateToSettled() {
        segment.skipMark()
        return
      }
      failure = error
      throw error
    }
    try sync()
  }

  // MARK: Segments

  private func begin() throws(SystemError) {
    let sequence = nextSequence
    // Not used again, whatever an unfinished attempt leaves behind.
    nextSequence += 1
    let header = SegmentHeader(
      epoch: epoch,
      sequence: sequence,
      created: clock.now(),
      previousSequence: previous.sequence,
      previousByteCount: UInt64(previous.byteCount),
      partitions: zip(nextOffsets, durableEnds).map { next, end in
        SegmentHeader.Partition(first: next, previousEnd: end)
      }
    )
    segment = try SegmentWriter(disk: disk, directory: directory, header: header)
    durableEnds = nextOffsets
  }

  private func roll(_ segment: SegmentWriter) throws(SystemError) {
    try segment.sync()
    durableEnds = nextOffsets
    finish(segment)
    CrashPoint.segmentRolled.reach()
    try begin()
  }

  /// Finishes the open segment and begins the next, unless nothing is in it.
  func rollIfWritten() throws(SystemError) {
    if let segment, segment.byteCount > segment.header.byteCount { try roll(segment) }
  }

  /// After `error` the log is abandoned before it goes on.
  func fail(_ error: SystemError) { failure = error }

  private func finish(_ segment: SegmentWriter) {
    closed.append(
      ClosedSegment(
        path: segment.path,
        byteCount: segment.byteCount,
        ends: nextOffsets,
        createdAt: segment.header.created,
        closedAt: clock.now()
      )
    )
    previous = (segment.header.sequence, segment.durableByteCount)
    segment.close()
    self.segment = nil
  }

  /// After a failed append or sync: gives up what was not settled and begins a new segment whose
  /// header declares the burnt offsets. Does nothing when there is nothing to give up.
  ///
  /// - Throws: when no new segment can be made; call it again later.
  public func abandonUnsynced() throws(SystemError) {
    guard !isUsable else { return }
    giveUpUnsynced()
    do throws(SystemError) { try begin() } catch {
      failure = error
      throw error
    }
    failure = nil
  }

  /// Finishes the open segment and begins no other: on a full disk the log can only shrink, and
  /// retention removes finished segments alone. ``abandonUnsynced()`` makes it usable again.
  func pause(for error: SystemError) {
    // After a failed sync there is no second one.
    if failure == nil, hasUnsynced { try? segment?.sync() }
    failure = error
    giveUpUnsynced()
  }

  private func giveUpUnsynced() {
    guard let segment else { return }
    // Best effort: records that stay behind were answered as failed and may be replayed.
    _ = segment.truncateToSettled()
    if segment.isEmpty {
      // A disk that stays full must not fill with empty segments.
      // What its header declared as given up is declared again by the next one.
      durableEnds = segment.header.partitions.map(\.previousEnd)
      segment.close()
      self.segment = nil
      try? disk.remove(segment.path)
    } else {
      finish(segment)
    }
  }

  /// Protects the segments that `damages` name: retention sets them aside under another name
  /// instead of deleting them.
  public func protect(_ damages: [Damage]) {
    for damage in damages where damage.severity != .note { damagedPaths.insert(damage.path) }
  }

  /// Marks what is durable and closes the file. The log is not used again.
  public func close() {
    if isUsable {
      if hasUnsynced { try? sync() }
      if isUsable { try? mark() }
    }
    segment?.close()
    segment = nil
  }
}
