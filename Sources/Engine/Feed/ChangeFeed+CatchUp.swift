internal import Model
public import Query

extension ChangeFeed {
  /// Looks up what a reader lacks, on a query thread.
  func run(_ work: FeedSubscription.Work, for reader: FeedSubscription) async {
    let job: @Sendable () -> Result<Void, QueryError> = { [self] in
      switch work {
      case .search(let from, let upTo): search(from, upTo, for: reader)
      case .pay(let pairs, let after):
        if let changes = changes(of: pairs, for: reader) {
          reader.pay(changes, count: pairs.count, after: after)
        }
      }
      return .success(())
    }
    if sources.isManual {
      _ = job()
    } else if case .failure = await sources.parts.pool.run(job) {
      // Too many queries wait, or the engine stops: then the reader is ended soon.
      try? await Task.sleep(for: .milliseconds(200))
    }
  }

  private func search(_ from: FeedPosition, _ upTo: FeedPosition, for reader: FeedSubscription) {
    let countMax = configuration.catchUpCountMax
    let result = Result { () throws(FeedLoss) in
      var pairs = try LogSearch(
        sources,
        from: from,
        upTo: upTo,
        countMax: countMax,
        wants: { self.isOf(reader, $0) },
        isStopping: { self.stopping() }
      ).run()
      for index in pairs.indices {
        let partition = PartitionID(UInt16(index))
        let asked = pairs[index].filter { reader.request.events.contains($0.kind) }
        guard !asked.isEmpty,
          let isClosed = sources.closed(asked, of: partition, isStopping: stopping)
        else {
          pairs[index] = []
          continue
        }
        // What is still open is announced when it closes.
        pairs[index] = zip(asked, isClosed).filter(\.1).map(\.0)
      }
      return Self.debts(pairs, from: from, to: upTo)
    }
    if case .failure = result { countReset() }
    reader.found(result, upTo: upTo, countMax: countMax)
  }

  private func isOf(_ reader: FeedSubscription, _ series: UInt32) -> Bool {
    guard let (definition, tenant) = sources.definition(of: series) else { return false }
    return tenant == reader.tenant && reader.request.matches(definition)
  }
}

extension Engine {
  /// Begins to read the change feed.
  ///
  /// - Parameters:
  ///   - request: which windows; `from` is where to go on, if not from now.
  ///   - tenant: the tenant's name.
  ///   - form: as text, or as values.
  /// - Throws: `unavailable` before replay is done, while stopping, and beyond
  ///   ``FeedConfiguration/readerCountMax`` readers.
  public func subscribe(
    to request: StreamRequest,
    tenant: String,
    form: FeedForm = .json
  ) throws(QueryError) -> FeedSubscription {
    let running: RunningEngine
    do throws(EngineError) {
      running = try self.running()
    } catch {
      throw QueryError(.unavailable, "\(error)")
    }
    let subscription = FeedSubscription(
      request,
      tenant: Array(tenant.utf8),
      form: form,
      feed: running.feed
    )
    try running.feed.subscribe(subscription)
    return subscription
  }

  /// Ends all readers of the change feed and takes no more.
  public func endFeed(reason: String) {
    guard let running = try? running() else { return }
    running.feed.stop(reason: reason)
  }

  public func feedMetrics() -> FeedMetrics {
    guard let running = try? running() else { return FeedMetrics() }
    return running.feed.metrics()
  }
}
