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
  private var faults: [(fault: CatalogState.Fault, damage: Damage)] = []
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
      if let fault = take(entry.record, body) { note(fault, entry, paths[entry.copy]) }
    }
    return union
  }

  private mutating func take(_ record: LogRecord, _ body: Span<UInt8>) -> CatalogState.Fault? {
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

  private func partitionFault(_ id: SeriesID, _ partition: PartitionID) -> CatalogState.Fault? {
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
    return .wrong(
      "series \(id.rawValue) lies in partition \(partition.rawValue) instead of"
        + " \(expected.rawValue)"
    )
  }

  private mutating func note(
    _ fault: CatalogState.Fault,
    _ entry: LogUnion.Entry,
    _ path: String
  ) {
    faultCount += 1
    guard faults.count < Self.faultsMax else { return }
    let damage = Damage(
      severity: .damage,
      path: path,
      offset: entry.offset,
      byteCount: entry.record.byteCount,
      what: fault.text,
      range: "version \(entry.record.sequence)"
    )
    faults.append((fault, damage))
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
      result += Self.missing(copy, other, isYoung: index == 1 && union.durableVersion == 0)
    }
    let unknown = unknownGaps(union)
    result += union.gaps.map { Self.finding($0, union, isKnown: !unknown.contains($0)) }
    result += faultFindings(gapsAreHarmless: Self.areHarmless(union.gaps, unknown, union))
    return result
  }

  /// Whether there are gaps, and none of them costs what was promised or is news.
  private static func areHarmless(
    _ gaps: [Range<UInt64>],
    _ unknown: [Range<UInt64>],
    _ union: LogUnion
  ) -> Bool {
    !gaps.isEmpty && unknown.allSatisfy { $0.lowerBound > union.durableVersion }
  }

  /// Faults of single records; references that were restored later are none, and those into a gap
  /// that is known or was never durable are as harmless as the gap.
  private func faultFindings(gapsAreHarmless: Bool) -> [Damage] {
    var result: [Damage] = []
    for (fault, damage) in faults {
      var damage = damage
      if case .undefined(_, let reference) = fault {
        if state.isDefined(reference) { continue }
        if gapsAreHarmless { damage.severity = .note }
      }
      result.append(damage)
    }
    if faultCount > faults.count, var more = result.last {
      more.what = "\(faultCount - faults.count) more records make no sense"
      result.append(more)
    }
    return result
  }

  private static func finding(
    _ gap: Range<UInt64>,
    _ union: LogUnion,
    isKnown: Bool
  ) -> Damage {
    let wasDurable = gap.lowerBound <= union.durableVersion
    let what = "records that neither copy holds"
    return Damage(
      severity: wasDurable && !isKnown ? .damage : .note,
      path: union.copies[0].path,
      offset: 0,
      byteCount: 0,
      what: isKnown
        ? "\(what), known before" : wasDurable ? what : "\(what), nor ever did for sure",
      range: "versions \(gap.lowerBound) to \(gap.upperBound - 1)"
    )
  }

  /// - Parameter isYoung: whether the copy is the second one of a log that was never durable in
  ///   both: a crash, or a full disk, came before it was begun.
  private static func missing(
    _ copy: LogUnion.Copy,
    _ other: LogUnion.Copy,
    isYoung: Bool
  ) -> [Damage] {
    guard copy.missingCount > 0 else { return [] }
    // Ending early is what a crash between the two copies leaves; all else is damage.
    let isShort = (copy.exists || isYoung) && !copy.hasHoles && copy.damages.isEmpty
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
