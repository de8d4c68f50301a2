internal import Model
internal import Platform

/// Limits of one query.
public struct QueryOptions: Sendable {
  /// Bytes that decoded columns, buckets and the answer may take together.
  public var byteCountMax: Int
  /// When the query gives up, on the monotonic clock; `nil` for never.
  public var deadline: UInt64?
  /// The same as a time from the query's arrival, for the message.
  public var timeoutNanoseconds: UInt64?
  /// Where others see what the query holds.
  public var memory: QueryMemory?
  /// Cells of a series that may be decoded, none of them cold; `nil` for any number. A query that
  /// needs more is given up.
  var cellCountMax: Int?

  public init(
    byteCountMax: Int = 256 << 20,
    deadline: UInt64? = nil,
    timeoutNanoseconds: UInt64? = nil,
    memory: QueryMemory? = nil
  ) {
    precondition(byteCountMax > 0)
    self.byteCountMax = byteCountMax
    self.deadline = deadline
    self.timeoutNanoseconds = timeoutNanoseconds
    self.memory = memory
  }
}

/// What one running query carries along: its budget, its clock and what it has cost so far.
struct QueryContext {
  /// Warnings that an answer lists; the rest is counted.
  static let warningCountMax = 16

  let options: QueryOptions
  let tenant: TenantID
  var fieldSets: FieldSetCache
  private let clock: any Clock
  private let startedAt: UInt64
  private let budget: QueryBudget
  var statistics = RangeAnswer.Statistics()
  private var warnings: [String] = []
  private var warningCount = 0

  init(
    tenant: TenantID,
    catalog: any QueryCatalog,
    options: QueryOptions,
    clock: any Clock
  ) {
    self.tenant = tenant
    self.options = options
    fieldSets = FieldSetCache(catalog)
    self.clock = clock
    startedAt = clock.monotonic()
    budget = QueryBudget(options)
  }

  /// A context for another thread that works for the same query: of the same budget.
  func fork() -> QueryContext {
    var context = self
    context.statistics = RangeAnswer.Statistics()
    context.warnings = []
    context.warningCount = 0
    return context
  }

  /// Takes over what a fork has counted.
  mutating func join(_ fork: QueryContext) {
    statistics.add(fork.statistics)
    for warning in fork.warnings { warn(warning) }
    warningCount += fork.warningCount - fork.warnings.count
  }

  /// Decoded bytes at which a slice of raw rows ends where it can.
  var sliceByteCountMax: Int { min(16 << 20, options.byteCountMax / 8) }

  var bytesLeft: Int { budget.bytesLeft }

  /// Takes `count` bytes from the budget.
  func charge(_ count: Int) throws(QueryError) {
    guard !budget.take(count) else { return }
    throw QueryError(
      .execution,
      "the query needs more than \(Self.sizeText(options.byteCountMax)) of memory; shorten the "
        + "time range, name fewer fields, match fewer series by tag.KEY or take a longer step"
    )
  }

  /// Gives back what was charged.
  func release(_ count: Int) { budget.giveBack(count) }

  func checkDeadline() throws(QueryError) {
    if options.memory?.isCancelled == true {
      throw QueryError(.unavailable, "the server is stopping")
    }
    guard let deadline = options.deadline, clock.monotonic() > deadline else { return }
    let limit = options.timeoutNanoseconds ?? deadline - min(deadline, startedAt)
    throw QueryError(
      .timeout,
      "the query took longer than \(limit / 1_000_000) ms; shorten "
        + "the time range, name fewer fields or match fewer series by tag.KEY"
    )
  }

  /// Ends a query that was thought to be small.
  ///
  /// - Parameter cellCount: what has to be decoded of a series.
  func checkSize(_ cellCount: Int, isCold: Bool = false) throws(QueryError) {
    guard let most = options.cellCountMax, isCold || cellCount > most else { return }
    throw QueryError(.execution, "the query reads more than \(most) cells of a series")
  }

  /// The sealed groups of a series that may hold any of `fields`.
  mutating func groups(
    of series: SeriesID,
    fields: [FieldID],
    in range: TimeRange,
    from scan: PartitionScan
  ) -> [any SealedRows] {
    var failures: [String] = []
    var groups = scan.sealed.groups(of: series, tenant: tenant, in: range, failures: &failures)
    for failure in failures { warn(failure) }
    groups.removeAll { !fieldSets.mayHold(fields, in: $0.fieldSet) }
    return groups
  }

  /// Notes stored data that could not be read and that the answer lacks.
  mutating func warn(_ text: String) {
    guard !warnings.contains(text) else { return }
    warningCount += 1
    if warnings.count < Self.warningCountMax { warnings.append(text) }
  }

  /// Moves warnings, cost and time into `answer`.
  func finish(_ answer: inout RangeAnswer) {
    answer.statistics = statistics
    answer.statistics.microseconds = Int((clock.monotonic() - startedAt) / 1_000)
    answer.warnings = warnings
    if warningCount > warnings.count {
      answer.warnings.append("and \(warningCount - warnings.count) more")
    }
  }

  private static func sizeText(_ byteCount: Int) -> String {
    byteCount >= 1 << 20 ? "\(byteCount >> 20) MiB" : "\(byteCount) bytes"
  }
}
