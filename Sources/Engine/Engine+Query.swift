internal import Catalog
internal import Logging
internal import Model
internal import Platform
public import Query
internal import Queue

extension Engine {
  /// Answers a native range query.
  ///
  /// Waits until the workers have applied what was acknowledged before it began, at most
  /// ``EngineConfiguration/queryWaitNanoseconds``, then reads one state of each partition.
  ///
  /// - Parameters:
  ///   - items: the request's parameters, decoded, in order.
  ///   - tenant: the tenant's name.
  public func range(
    _ items: [(name: String, value: String)],
    tenant: String
  ) async throws(QueryError) -> RangeAnswer {
    try await range(items, tenant: tenant) { $0 }
  }

  /// The same, and what is made of the answer on the thread that the query has run on.
  public func range<Output: Sendable>(
    _ items: [(name: String, value: String)],
    tenant: String,
    _ body: @escaping @Sendable (RangeAnswer) -> Output
  ) async throws(QueryError) -> Output {
    let kind = items.contains { $0.name == "step" } ? QueryKind.step : .raw
    let start = clock.monotonic()
    let memory = queries.begin()
    do throws(QueryError) {
      let (output, isPartial) = try await range(
        items,
        tenant: tenant,
        memory: memory,
        arrival: start
      ) { (body($0), !$0.warnings.isEmpty) }
      queries.end(memory, kind, nil, nanoseconds: clock.monotonic() &- start)
      if isPartial { queries.answeredPartially() }
      return output
    } catch {
      queries.end(memory, kind, error, nanoseconds: clock.monotonic() &- start)
      throw error
    }
  }

  /// Answers a small query on the calling thread, which is held for about
  /// ``PromptQueries/nanosecondsMax`` at most; `nil` where that may not be quick enough, or where
  /// there is no answer: ``range(_:tenant:_:)`` then tells why.
  public func rangeAtOnce<Output>(
    _ items: [(name: String, value: String)],
    tenant: String,
    _ body: (RangeAnswer) -> Output
  ) -> Output? {
    guard threading != .manual, let running = try? running() else { return nil }
    let start = clock.monotonic()
    let found = prompt.run(clock) { deadline -> (output: Output, isPartial: Bool)? in
      guard let request = try? RangeRequest.parse(items: items, now: clock.now()) else {
        return nil
      }
      return running.answerIfSmall(request, tenant: Array(tenant.utf8), deadline: deadline)
        .map { (body($0), !$0.warnings.isEmpty) }
    }
    guard let found else { return nil }
    // Such a query has a step.
    queries.end(QueryMemory(), .step, nil, nanoseconds: clock.monotonic() &- start)
    if found.isPartial { queries.answeredPartially() }
    return found.output
  }

  private func range<Output: Sendable>(
    _ items: [(name: String, value: String)],
    tenant: String,
    memory: QueryMemory,
    arrival: UInt64,
    _ body: @escaping @Sendable (RangeAnswer) -> Output
  ) async throws(QueryError) -> Output {
    let running: RunningEngine
    do throws(EngineError) {
      running = try self.running()
    } catch {
      throw QueryError(.unavailable, "\(error)")
    }
    let request = try RangeRequest.parse(items: items, now: clock.now())
    let isManual = threading == .manual
    let deadline = arrival &+ UInt64(configuration.queryTimeoutNanoseconds)
    let helpers = isManual ? nil : pool
    let job: @Sendable () -> Result<Output, QueryError> = {
      Result { () throws(QueryError) in
        body(
          try running.answer(
            request,
            tenant: Array(tenant.utf8),
            memory: memory,
            deadline: deadline,
            helpers: helpers,
            isManual: isManual
          )
        )
      }
    }
    if isManual { return try job().get() }
    return try await pool.run(job).get()
  }

  /// The ledger of every tenant and measurement, over all partitions, with what is pending.
  public func ledger() async -> [LedgerRow] {
    guard let running = try? running() else { return [] }
    if threading == .manual { return running.checkedLedger(isManual: true) }
    return await readingLedger.run {
      running.checkedLedger(isManual: false)
    } failed: { _ in
      []
    }
  }
}

extension RunningEngine {
  func answer(
    _ request: RangeRequest,
    tenant: [UInt8],
    memory: QueryMemory,
    deadline: UInt64,
    helpers: (any QueryHelpers)?,
    isManual: Bool
  ) throws(QueryError) -> RangeAnswer {
    let tenantID = try tenantID(tenant)
    return try RangeQuery.run(
      kept(request, tenant),
      tenant: tenantID ?? TenantID(.max),
      catalog: catalog,
      views: WorkerViews(running: self, deadline: deadline, isManual: isManual),
      helpers: helpers,
      clock: parts.clock,
      options: QueryOptions(
        byteCountMax: parts.configuration.queryByteCountMax,
        deadline: deadline,
        timeoutNanoseconds: UInt64(parts.configuration.queryTimeoutNanoseconds),
        memory: memory
      )
    )
  }

  /// The same where it is surely done within a moment and every view is there at once; `nil`
  /// elsewhere.
  func answerIfSmall(
    _ request: RangeRequest,
    tenant: [UInt8],
    deadline: UInt64
  ) -> RangeAnswer? {
    guard let tenantID = try? tenantID(tenant) else { return nil }
    return SmallQuery.run(
      kept(request, tenant),
      tenant: tenantID,
      catalog: catalog,
      views: PromptViews(running: self),
      clock: parts.clock,
      options: QueryOptions(
        byteCountMax: PromptQueries.byteCountMax,
        deadline: deadline,
        timeoutNanoseconds: PromptQueries.nanosecondsMax
      )
    )
  }

  private func tenantID(_ name: [UInt8]) throws(QueryError) -> TenantID? {
    do throws(SchemaRefusal) {
      return try catalog.tenant(named: name, create: false)
    } catch {
      throw QueryError(.badData, "tenant: \(error.text)")
    }
  }

  /// The request without what retention hides.
  private func kept(_ request: RangeRequest, _ tenant: [UInt8]) -> RangeRequest {
    var request = request
    request.retain(
      retention.bounds(
        tenant: Retention.text(tenant),
        measurement: Retention.text(request.measurement),
        now: parts.clock.now()
      )
    )
    return request
  }

  /// The ledger, an imbalance told to the log.
  func checkedLedger(isManual: Bool) -> [LedgerRow] {
    let rows = ledger(isManual: isManual)
    if let row = rows.first(where: { !$0.isBalanced }) { ledgerWatch.tell(row) }
    return rows
  }

  private func ledger(isManual: Bool) -> [LedgerRow] {
    var rows: [LedgerKey: (entry: LedgerEntry, pending: UInt64)] = [:]
    for worker in workers {
      let promise = Promise<[(entry: LedgerEntry, pending: UInt64)]>()
      worker.mailbox.send(.ledger(reply: promise))
      if isManual { _ = worker.step(monotonic: parts.clock.monotonic()) }
      for (entry, pending) in promise.wait(timeoutNanoseconds: 10_000_000_000) ?? [] {
        let key = LedgerKey(tenant: entry.tenant, measurement: entry.measurement)
        if let known = rows[key] {
          rows[key] = (known.entry.adding(entry), known.pending + pending)
        } else {
          rows[key] = (entry, pending)
        }
      }
    }
    return rows.sorted { $0.key < $1.key }.map { named($0.value.entry, pending: $0.value.pending) }
  }

  /// An entry with the names of whom it counts.
  func named(_ entry: LedgerEntry, pending: UInt64) -> LedgerRow {
    LedgerRow(
      tenant: catalog.tenant(entry.tenant)?.name ?? [],
      measurement: entry.measurement.map { catalog.measurement($0)?.name ?? [] },
      entry: entry,
      pending: pending
    )
  }
}

/// Gets the views that are there at once, and none else.
private struct PromptViews: ViewProvider {
  let running: RunningEngine

  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView {
    let worker = running.workers[running.workerOfPartition[Int(partition.rawValue)]]
    guard let view = worker.viewAtOnce(of: partition, series: series) else {
      throw QueryError(.unavailable, "the view has to be waited for")
    }
    return view.partitionView
  }

  func views(
    of partitions: [(partition: PartitionID, series: [SeriesID])],
    in range: TimeRange
  ) throws(QueryError) -> [PartitionView] {
    var views: [PartitionView] = []
    for (partition, series) in partitions {
      views.append(try view(of: partition, series: series, in: range))
    }
    return views
  }
}

/// Gets views from the workers.
private struct WorkerViews: ViewProvider {
  let running: RunningEngine
  /// When the query ends anyway, on the monotonic clock.
  let deadline: UInt64
  let isManual: Bool

  func view(
    of partition: PartitionID,
    series: [SeriesID],
    in range: TimeRange
  ) throws(QueryError) -> PartitionView {
    try views(of: [(partition, series)], in: range)[0]
  }

  /// All workers are asked before the first one is waited for.
  func views(
    of partitions: [(partition: PartitionID, series: [SeriesID])],
    in range: TimeRange
  ) throws(QueryError) -> [PartitionView] {
    let asked = partitions.map { partition, series in
      let worker = running.workers[running.workerOfPartition[Int(partition.rawValue)]]
      let promise = Promise<StoreView?>()
      if !isManual, let view = worker.viewAtOnce(of: partition, series: series) {
        promise.fulfil(view)
      } else {
        worker.mailbox.send(
          .view(
            partition: partition,
            series: series,
            applied: worker.port.durableOffset(of: partition),
            reply: promise
          )
        )
      }
      return (worker: worker, promise: promise)
    }
    var views: [PartitionView] = []
    for (worker, promise) in asked { views.append(try wait(for: promise, worker)) }
    return views
  }

  private func wait(
    for promise: Promise<StoreView?>,
    _ worker: PartitionWorker
  ) throws(QueryError) -> PartitionView {
    var waited: UInt64 = 0
    if isManual {
      // Batches come in turns: each step applies some.
      while waited < 10_000 {
        _ = worker.step(monotonic: running.parts.clock.monotonic())
        if let view = promise.wait(timeoutNanoseconds: 0), let view { return view.partitionView }
        waited += 1
      }
    }
    let left = Int64(clamping: deadline) - Int64(clamping: running.parts.clock.monotonic())
    let patience = min(running.parts.configuration.queryWaitNanoseconds, max(1, left))
    let limit = isManual ? 0 : patience
    let answer = promise.wait(timeoutNanoseconds: limit)
    if case .some(nil) = answer { throw QueryError(.unavailable, "the server is stopping") }
    guard let answer, let view = answer else {
      throw QueryError(
        .timeout,
        "acknowledged rows were not applied within \(limit / 1_000_000) ms; try again later"
      )
    }
    return view.partitionView
  }
}

extension LedgerEntry {
  /// The counts of both.
  func adding(_ other: LedgerEntry) -> LedgerEntry {
    var result = self
    result.received += other.received
    result.stored += other.stored
    result.duplicate += other.duplicate
    result.replaced += other.replaced
    result.late += other.late
    result.expired += other.expired
    result.deleted += other.deleted
    result.rejected.merge(other.rejected, uniquingKeysWith: +)
    result.linesRejected.merge(other.linesRejected, uniquingKeysWith: +)
    return result
  }
}

extension LedgerKey: Comparable {
  static func < (left: LedgerKey, right: LedgerKey) -> Bool {
    let (a, b) = (left.measurement?.rawValue ?? .max, right.measurement?.rawValue ?? .max)
    return left.tenant == right.tenant ? a < b : left.tenant < right.tenant
  }
}

extension SchemaRefusal {
  /// The refusal in words.
  var text: String {
    switch self {
    case .typeConflict(_, let field, let existing): "field \(field) is \(existing.name)"
    case .limit(_, _, let message): message
    }
  }
}
