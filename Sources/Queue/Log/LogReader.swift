public import Model
public import Platform

/// Reads a log: for recovery, for consumers, and to check it. Needs no lock and may run beside the
/// log's writer, whose unfinished tail then looks like a torn one.
///
/// One record and one read buffer in memory at a time.
public struct LogReader: Sendable {
  private let disk: any Disk
  private let directory: String
  private let partitionCount: Int

  /// What a replay did.
  public struct Summary: Sendable, Equatable {
    public var batchCount = 0
    public var rowCount = 0
    /// Bytes of segments that were read.
    public var byteCount = 0
    /// What was wrong with them, notes included.
    public var damages: [Damage] = []
  }

  public init(disk: any Disk, directory: String, partitionCount: Int) {
    precondition((1...PartitionID.countMax).contains(partitionCount))
    self.disk = disk
    self.directory = directory
    self.partitionCount = partitionCount
  }

  /// Gives every batch with an offset of `from` or later to `body`, in log order, which is offset
  /// order within a partition. Each is a fresh ``RowBatch``.
  ///
  /// Damaged records are stepped over and reported.
  ///
  /// - Parameters:
  ///   - from: per partition the first offset wanted.
  ///   - isWanted: asked before each record; reading ends at the first `false`.
  ///   - progress: told of bytes done and bytes in all, about once a megabyte.
  /// - Throws: what `body` throws, ``LogError`` when a segment cannot be opened.
  public func replay(
    from: [Offset],
    while isWanted: () -> Bool = { true },
    progress: (_ byteCountDone: Int, _ byteCountTotal: Int) -> Void = { _, _ in },
    body: (RowBatch) throws(LogError) -> Void
  ) throws(LogError) -> Summary {
    precondition(from.count == partitionCount)
    let index = try asLogError { () throws(SystemError) in
      try SegmentIndex(disk: disk, directory: directory, partitionCount: partitionCount)
    }
    try index.validate()
    let first = index.first(from: from)
    let entries = index.entries[first...]
    let total = entries.reduce(0) { $0 + $1.byteCount }
    var summary = Summary()
    summary.damages = index.missing() + lostBefore(entries.first, from)
    var expected: [UInt64?] = from.map { $0.rawValue }
    if entries.first?.header == nil { expected = from.map { _ in nil } }
    for place in entries.indices {
      guard let opened = try open(index, place, expected) else { continue }
      var scanner = opened
      var told = 0
      while let record = scanner.next() {
        guard isWanted() else { return summary }
        if record.header.offset >= from[Int(record.header.partition.rawValue)] {
          try body(scanner.batch(record))
          summary.batchCount += 1
          summary.rowCount += Int(record.header.rowCount)
        }
        if scanner.position - told >= 1 << 20 {
          told = scanner.position
          progress(summary.byteCount + told, total)
        }
      }
      expected = scanner.findings.expected
      summary.damages += scanner.damages(next: index.header(after: place))
      summary.byteCount += scanner.byteCount
      progress(summary.byteCount, total)
    }
    return summary
  }

  /// `nil` when retention removed the segment meanwhile.
  private func open(
    _ index: SegmentIndex,
    _ place: Int,
    _ expected: [UInt64?]
  ) throws(LogError) -> SegmentScanner? {
    do throws(SystemError) {
      let entry = try index.refreshed(index.entries[place], disk: disk)
      return try SegmentScanner(disk: disk, entry: entry, expected: expected)
    } catch {
      if error.isMissing { return nil }
      throw .system(error)
    }
  }

  /// Offsets that are wanted and that only segments before `entry` can have held.
  private func lostBefore(_ entry: SegmentIndex.Entry?, _ from: [Offset]) -> [Damage] {
    guard let entry, let header = entry.header else { return [] }
    let lost = header.partitions.enumerated().compactMap { partition, place -> String? in
      guard from[partition] < place.previousEnd else { return nil }
      let (start, end) = (from[partition].rawValue, place.previousEnd.rawValue)
      return "partition \(partition) offsets \(start)..<\(end)"
    }
    guard !lost.isEmpty else { return [] }
    return [
      Damage(
        severity: .damage,
        path: entry.path,
        offset: 0,
        byteCount: 0,
        what: "earlier segments are missing",
        range: lost.joined(separator: ", ")
      )
    ]
  }

  /// Reads every segment and tells all that is wrong; never fails.
  public func check() -> [Damage] {
    let index: SegmentIndex
    do throws(SystemError) {
      index = try SegmentIndex(disk: disk, directory: directory, partitionCount: partitionCount)
    } catch {
      return [Self.unreadable(directory, byteCount: 0, "\(error)")]
    }
    var damages = index.missing()
    var expected = [UInt64?](repeating: nil, count: partitionCount)
    for place in index.entries.indices {
      let entry = index.entries[place]
      switch entry.fault {
      case .version, .partitionCount:
        let what = entry.fault?.text ?? ""
        damages.append(Self.unreadable(entry.path, byteCount: entry.byteCount, what))
        continue
      case nil, .truncated, .magic, .checksum, .unreadable, .malformed: break
      }
      do throws(LogError) {
        guard var scanner = try open(index, place, expected) else { continue }
        while scanner.next() != nil {}
        expected = scanner.findings.expected
        damages += scanner.damages(next: index.header(after: place))
      } catch {
        damages.append(Self.unreadable(entry.path, byteCount: entry.byteCount, "\(error)"))
      }
    }
    return damages
  }

  private static func unreadable(_ path: String, byteCount: Int, _ what: String) -> Damage {
    Damage(severity: .unreadable, path: path, offset: 0, byteCount: byteCount, what: what)
  }

  /// The segments, oldest first.
  public func segments() throws(SystemError) -> [SegmentSummary] {
    try SegmentIndex(disk: disk, directory: directory, partitionCount: partitionCount).entries
      .map { SegmentSummary($0) }
  }
}
