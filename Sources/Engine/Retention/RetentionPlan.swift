internal import Blocks
internal import Catalog
internal import Model

/// Decides which blocks retention removes: the place where age and size decide what becomes of a
/// block.
///
/// Pure but for the indexes that it reads. A block goes when all that it holds lies behind the
/// bound of its measurement, or when it is among the oldest of more bytes than a tenant, or all
/// tenants together, may have.
struct RetentionPlan {
  /// A block of some partition that may be removed.
  struct Candidate {
    /// Rows from here on are not in rollups yet, and have to be before they go.
    var foldedUntil: Timestamp = .max
    var isFolded: Bool { summary.lastTimestamp < foldedUntil }

    var partition: PartitionID
    var summary: BlockSummary
    /// `nil` when it could not be opened: its manifest's numbers are all that is known.
    var reader: BlockReader?
    /// When it counts as last written, for those who remove the oldest.
    var age: Timestamp

    init(partition: PartitionID, summary: BlockSummary, reader: BlockReader?) {
      self.partition = partition
      self.summary = summary
      self.reader = reader
      age = summary.lastTimestamp
    }
  }

  /// A block that goes, and why.
  struct Removed {
    var block: Candidate
    var cause: Removals.Cause
    var points: [Removals.Key: UInt64]
  }

  let retention: Retention
  let catalog: Catalog
  let cache: BlockContentsCache
  let now: Timestamp

  /// Blocks with points so new stay whatever a bound in bytes says: two hours are open in the ring.
  static let sizeSparesNanoseconds = 2 * Nanoseconds.perHour

  func removed(of blocks: [Candidate]) -> [Removed] {
    var removed: [Removed] = []
    var kept: [Candidate] = []
    for block in blocks {
      if block.isFolded, let points = expired(block) {
        removed.append(Removed(block: block, cause: .age, points: points))
      } else {
        kept.append(block)
      }
    }
    guard retention.rules.limitsBytes else { return removed }
    kept = Self.byAge(kept)
    let rules = retention.rules
    for tenant in Set(kept.map(\.summary.identity.tenant)).sorted() {
      let name = Retention.text(catalog.tenant(tenant)?.name ?? [])
      if let most = rules.coldByteCountMax(tenant: name) {
        take(most, from: &kept, into: &removed) {
          $0.identity.tenant == tenant && $0.cold != nil
        }
      }
      if let most = rules.byteCountMax(tenant: name) {
        take(most, from: &kept, into: &removed) { $0.identity.tenant == tenant }
      }
    }
    if rules.coldByteCount > 0 {
      take(rules.coldByteCount, from: &kept, into: &removed) { $0.cold != nil }
    }
    if rules.byteCount > 0 {
      take(rules.byteCount, from: &kept, into: &removed) { _ in true }
    }
    return removed
  }

  /// The blocks in the order in which they may go: oldest first, but none before an earlier block
  /// of the same times. What a later block says wins; without it the earlier one's old values
  /// would come back.
  private static func byAge(_ blocks: [Candidate]) -> [Candidate] {
    /// What a block's values may have replaced others in, and the time with which it counts.
    struct Span {
      var first: Timestamp
      var last: Timestamp
      var age: Timestamp
    }
    struct Owner: Hashable {
      var partition: PartitionID
      var tenant: TenantID
    }
    var spans: [Owner: [Span]] = [:]
    var aged: [(age: Timestamp, block: Candidate)] = []
    let inOrder = blocks.sorted { $0.summary.identity.a < $1.summary.identity.a }
    for block in inOrder {
      let (first, last) = (block.summary.firstTimestamp, block.summary.lastTimestamp)
      let owner = Owner(partition: block.partition, tenant: block.summary.identity.tenant)
      var age = last
      for span in spans[owner, default: []]
      where span.first <= last && first <= span.last {
        age = max(age, span.age)
      }
      spans[owner, default: []].append(Span(first: first, last: last, age: age))
      aged.append((age, block))
    }
    // Equal ages stay in the order of their offsets.
    return aged.enumerated()
      .sorted { ($0.element.age, $0.offset) < ($1.element.age, $1.offset) }
      .map { entry in
        var block = entry.element.block
        block.age = entry.element.age
        return block
      }
  }

  /// The points of a block of which nothing is kept; `nil` when something is.
  private func expired(_ block: Candidate) -> [Removals.Key: UInt64]? {
    guard block.summary.rowCount > 0 else { return nil }
    let tenant = block.summary.identity.tenant
    let name = Retention.text(catalog.tenant(tenant)?.name ?? [])
    let bounds = retention.bounds(tenant: name, now: now)
    guard block.summary.lastTimestamp < bounds.some else { return nil }
    if block.summary.lastTimestamp < bounds.all { return points(of: block, .age) }
    guard let reader = block.reader, let contents = cache.contents(of: reader) else { return nil }
    for (measurement, part) in contents.parts {
      guard let definition = catalog.measurement(measurement) else { return nil }
      let oldest = retention.oldestStored(
        tenant: name,
        measurement: Retention.text(definition.name),
        now: now
      )
      guard part.lastTimestamp < oldest else { return nil }
    }
    return points(of: block, .age)
  }

  private func points(
    of block: Candidate,
    _ cause: Removals.Cause
  ) -> [Removals.Key: UInt64] {
    let tenant = block.summary.identity.tenant
    guard let reader = block.reader, let contents = cache.contents(of: reader) else {
      let key = Removals.Key(tenant: tenant, measurement: nil, cause: cause)
      return [key: block.summary.pointCount]
    }
    var result: [Removals.Key: UInt64] = [:]
    for (measurement, part) in contents.parts {
      result[Removals.Key(tenant: tenant, measurement: measurement, cause: cause)] = part.points
    }
    return result
  }

  /// Takes the oldest of some blocks until the rest of these is small enough.
  ///
  /// One stays while an earlier block of the same times does, whose values it has replaced.
  private func take(
    _ byteCountMax: Int,
    from kept: inout [Candidate],
    into removed: inout [Removed],
    where isOne: (BlockSummary) -> Bool
  ) {
    var byteCount = kept.reduce(0) { $0 + (isOne($1.summary) ? $1.summary.byteCount : 0) }
    guard byteCount > byteCountMax else { return }
    let spared = retention.now(now) - Self.sizeSparesNanoseconds
    var left: [Candidate] = []
    for block in kept {
      guard isOne(block.summary), byteCount > byteCountMax, block.isFolded,
        block.summary.rowCount > 0, block.age < spared,
        !left.contains(where: { Self.isReplaced($0, by: block) })
      else {
        left.append(block)
        continue
      }
      byteCount -= block.summary.byteCount
      removed.append(Removed(block: block, cause: .bytes, points: points(of: block, .bytes)))
    }
    kept = left
  }

  /// Whether a block may have values in whose place others of a later one stand.
  private static func isReplaced(_ block: Candidate, by later: Candidate) -> Bool {
    block.partition == later.partition
      && block.summary.identity.tenant == later.summary.identity.tenant
      && block.summary.identity.a < later.summary.identity.a
      && block.summary.firstTimestamp <= later.summary.lastTimestamp
      && later.summary.firstTimestamp <= block.summary.lastTimestamp
  }
}
