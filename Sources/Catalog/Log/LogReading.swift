internal import Bytes
internal import Model
internal import Platform

/// One reading of both copies into a state, with all that is wrong.
struct LogReading {
  /// Faults of single records that are listed; the rest is counted.
  private static let faultsMax = 1_000

  var state: CatalogState
  /// Whether the partition that each series names is compared with the one that its key yields.
  var checksPartitions = false
  private(set) var recordCount = 0
  private var faults: [Damage] = []
  private var faultCount = 0
  /// Losses that the log itself tells of.
  private var knownLosses: [Range<UInt64>] = []

  init(partitionCount: Int, limits: CatalogLimits) {
    state = CatalogState(partitionCount: partitionCount, limits: limits)
  }

  mutating func read(_ disk: any Disk, _ directory: String) throws(SystemError) -> LogUnion {
    let paths = LogWriter.paths(in: directory)
    var union = try LogUnion(disk: disk, paths: paths)
    union.forEach { entry, bytes in
      let body = bytes.extracting(LogRecord.headByteCount..<bytes.count)
      if let what = take(entry.record, body) {
        fault(entry, paths[entry.copy], what)
      }
    }
    return union
  }

  private mutating func take(_ record: LogRecord, _ body: Span<UInt8>) -> String? {
    recordCount += 1
    if record.kind == Definition.Kind.loss.rawValue,
      case .loss(let loss) = Definition(kind: record.kind, body: body)
    {
      knownLosses.append(loss.sequences)
    }
    let fault = state.replay(record, body: body)
    if fault == nil, checksPartitions, record.kind == Definition.Kind.series.rawValue,
      case .series(let id, _, let partition, _) = Definition(kind: record.kind, body: body)
    {
      return partitionFault(id, partition)
    }
    return fault
  }

  private func partitionFault(_ id: SeriesID, _ partition: PartitionID) -> String? {
    guard let series = state.seriesDefinition(id),
      let tenant = state.tenantDefinition(series.tenant)
    else { return nil }
    let expected = SeriesKey.partition(
      tenant: tenant.name,
      measurement: series.measurementName,
      tags: series.tags,
      partitionCount: state.partitionCount
    )
    guard expected != partition else { return nil }
    return "series \(id.rawValue) lies in partition \(partition.rawValue) instead of"
      + " \(expected.rawValue)"
  }

  private mutating func fault(_ entry: LogUnion.Entry, _ path: String, _ what: String) {
    faultCount += 1
    guard faults.count < Self.faultsMax else { return }
    faults.append(
      Damage(
        severity: .damage,
        path: path,
        offset: entry.offset,
        byteCount: entry.record.byteCount,
        what: what,
        range: "version \(entry.record.sequence)"
      )
    )
  }

  /// Gaps that no loss notice covers.
  func unknownGaps(_ union: LogUnion) -> [Range<UInt64>] {
    union.gaps.filter { gap in !knownLosses.contains { $0.contains(gap) } }
  }

  /// Everything that is wrong, by copy and place.
  func findings(_ union: LogUnion) -> [Damage] {
    var result: [Damage] = []
    for index in union.copies.indices {
      let copy = union.copies[index]
      let other = union.copies[1 - index]
      result += copy.damages
      if let tail = copy.tail { result.append(tail) }
      result += Self.missing(copy, other)
    }
    let unknown = unknownGaps(union)
    for gap in union.gaps {
      result.append(
        Damage(
          severity: unknown.contains(gap) ? .damage : .note,
          path: union.copies[0].path,
          offset: 0,
          byteCount: 0,
          what: "records that neither copy holds\(unknown.contains(gap) ? "" : ", known before")",
          range: "versions \(gap.lowerBound) to \(gap.upperBound - 1)"
        )
      )
    }
    result += faults
    if faultCount > faults.count, let last = faults.last {
      var more = last
      more.what = "\(faultCount - faults.count) more records make no sense"
      result.append(more)
    }
    return result
  }

  private static func missing(_ copy: LogUnion.Copy, _ other: LogUnion.Copy) -> [Damage] {
    guard copy.missingCount > 0 else { return [] }
    // Ending early is what a crash between the two copies leaves; all else is damage.
    let isShort = copy.exists && !copy.hasHoles && copy.damages.isEmpty
    var damage = Damage(
      severity: isShort ? .note : .damage,
      path: copy.path,
      offset: copy.soundEnd,
      byteCount: 0,
      what: "lacks \(copy.missingCount) records that \(other.path) holds"
    )
    if !copy.exists { damage.what = "is missing; \(other.path) is there" }
    return [damage]
  }
}
