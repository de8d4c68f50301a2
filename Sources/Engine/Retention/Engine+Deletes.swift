internal import Catalog
internal import Logging
internal import Model
internal import Platform
public import Query
internal import Queue

extension Engine {
  /// Deletes the rows of some series in a range of time: all that was acknowledged before the call,
  /// and nothing that comes later.
  ///
  /// Durable once it returns, and in every answer to whoever asks from then on. The space comes
  /// back when blocks are merged.
  ///
  /// - Parameters:
  ///   - items: the request's parameters, decoded.
  ///   - tenant: the tenant's name.
  /// - Returns: how many series were selected.
  @discardableResult
  public func deleteSeries(
    _ items: [(name: String, value: String)],
    tenant: String
  ) async throws(QueryError) -> Int {
    let running: RunningEngine
    do throws(EngineError) {
      running = try self.running()
    } catch {
      throw QueryError(.unavailable, "\(error)")
    }
    let request = try DeleteRequest.parse(items: items, now: clock.now())
    let isManual = threading == .manual
    let job: @Sendable () -> Result<Int, QueryError> = {
      Result { () throws(QueryError) in
        try running.delete(request, tenant: Array(tenant.utf8), isManual: isManual)
      }
    }
    if isManual { return try job().get() }
    return try await pool.run(job).get()
  }
}

extension RunningEngine {
  /// How long the log may take.
  private static let deleteNanoseconds: UInt64 = 25_000_000_000

  fileprivate func delete(
    _ request: DeleteRequest,
    tenant name: [UInt8],
    isManual: Bool
  ) throws(QueryError) -> Int {
    let found: TenantID?
    do throws(SchemaRefusal) {
      found = try catalog.tenant(named: name, create: false)
    } catch {
      throw QueryError(.badData, "tenant: \(error.text)")
    }
    guard let tenant = found else { return 0 }
    let series = try self.series(request, tenant)
    guard !series.isEmpty else { return 0 }
    var batches: [RowBatch] = []
    var byPartition: [PartitionID: [SeriesID]] = [:]
    for id in series {
      if let partition = catalog.partition(of: id) {
        byPartition[partition, default: []].append(id)
      }
    }
    for (partition, ids) in byPartition.sorted(by: { $0.key < $1.key }) {
      for start in stride(from: 0, to: ids.count, by: DeleteCodec.seriesMax) {
        let end = min(ids.count, start + DeleteCodec.seriesMax)
        batches.append(
          DeleteCodec.batch(
            of: DeleteRecord(range: request.range, series: Array(ids[start..<end])),
            tenant: tenant,
            partition: partition,
            registryVersion: catalog.version,
            arrival: parts.clock.now()
          )
        )
      }
    }
    do throws(QueryError) {
      try commit(batches, isManual: isManual)
    } catch {
      // That the disk is full may have been found out by this very round; on one that is known to
      // be full deletes are taken, and what was taken once may be taken again.
      guard error.kind == .unavailable, committer.isRefusing else { throw error }
      try commit(batches, isManual: isManual)
    }
    parts.logger.log(
      .seriesDeleted,
      .notice,
      "rows of series were deleted",
      ["tenant": "\(Retention.text(name))", "series": .stringConvertible(series.count)]
    )
    return series.count
  }

  /// The series that a request selects, ascending.
  private func series(
    _ request: DeleteRequest,
    _ tenant: TenantID
  ) throws(QueryError) -> [SeriesID] {
    var found: Set<SeriesID> = []
    for selector in request.selectors {
      let match: SelectorMatch
      do throws(Selector.Fault) {
        match = try SelectorMatch(selector)
      } catch {
        throw QueryError(.badData, "match[]: \(error.message)")
      }
      for measurement in catalog.measurements(of: tenant)
      where match.takes(measurement: measurement.name) {
        let ids = catalog.series(measurement: measurement.id)
        for (id, definition) in zip(ids, catalog.series(ids)) {
          if let definition, match.takes(tags: definition.tags) { found.insert(id) }
        }
      }
    }
    return found.sorted()
  }

  /// Makes batches durable in the log, as a receiver does.
  private func commit(_ batches: [RowBatch], isManual: Bool) throws(QueryError) {
    let settled = Signal()
    let port = ReceiverPort(makesRoom: true) { settled.set() }
    committer.register(port)
    defer { port.close() }
    let end = parts.clock.monotonic() &+ Self.deleteNanoseconds
    func wait(until isDone: () -> Bool) throws(QueryError) {
      var turns = 0
      while !isDone() {
        turns += 1
        guard isManual ? turns < 10_000 : parts.clock.monotonic() < end else {
          throw QueryError(
            .timeout,
            "the log did not take the delete in time; whether it will is not known: repeat it"
          )
        }
        if isManual {
          _ = committer.step(monotonic: parts.clock.monotonic() &+ UInt64(turns) * 1_000_000)
          for worker in workers { _ = worker.step(monotonic: parts.clock.monotonic()) }
        } else {
          _ = settled.wait(timeoutNanoseconds: 50_000_000)
        }
      }
    }
    for batch in batches {
      try wait { port.submit(batch) }
    }
    let last = port.submittedSequence
    try wait { port.settledSequence >= last }
    if let reason = port.failure(after: 0, upTo: last) {
      throw QueryError(.unavailable, "nothing was deleted, the log cannot take it: \(reason)")
    }
  }
}
