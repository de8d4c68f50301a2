internal import Blocks
internal import Catalog
internal import Logging
internal import Model
internal import Platform
internal import Query
internal import Synchronization

/// Where the feed gets what it announces: views of the partitions, names, the log.
struct FeedSources: Sendable {
  let parts: EngineParts
  let catalog: Catalog
  let workers: [PartitionWorker]
  let workerOfPartition: [Int]
  let epoch: UInt32

  var isManual: Bool { parts.threading == .manual }
  var partitionCount: Int { workerOfPartition.count }

  func worker(of partition: PartitionID) -> PartitionWorker {
    workers[workerOfPartition[Int(partition.rawValue)]]
  }

  /// One state of a partition for some series, at least as new as what was found to announce.
  ///
  /// - Parameter isStopping: ends the wait for a worker that is held up.
  func view(
    of partition: PartitionID,
    series: [SeriesID],
    isStopping: () -> Bool
  ) -> StoreView? {
    ask(worker(of: partition), isStopping) { (reply: Promise<StoreView?>) in
      .view(partition: partition, series: series, applied: .zero, reply: reply)
    } ?? nil
  }

  /// Which of some windows of a partition are closed by now; `nil` when stopping.
  func closed(
    _ pairs: [FeedPair],
    of partition: PartitionID,
    isStopping: () -> Bool
  ) -> [Bool]? {
    ask(worker(of: partition), isStopping) { (reply: Promise<[Bool]>) in
      .closed(partition: partition, pairs: pairs, reply: reply)
    }
  }

  /// How long a worker may take for an answer before it is asked again.
  private static let patienceNanoseconds: Int64 = 5_000_000_000

  private func ask<Value: Sendable>(
    _ worker: PartitionWorker,
    _ isStopping: () -> Bool,
    _ request: (Promise<Value>) -> Mailbox.Request
  ) -> Value? {
    while !isStopping() {
      // A promise that was not kept in time counts as given up.
      let reply = Promise<Value>()
      worker.mailbox.send(request(reply))
      if isManual { _ = worker.step(monotonic: parts.clock.monotonic()) }
      let patience = isManual ? 0 : Self.patienceNanoseconds
      if let value = reply.wait(timeoutNanoseconds: patience) { return value }
    }
    return nil
  }

  /// Names of a series and of its tenant.
  func definition(of series: UInt32) -> (series: SeriesDefinition, tenant: [UInt8])? {
    guard let definition = catalog.series(SeriesID(series)),
      let tenant = catalog.tenant(definition.tenant)
    else { return nil }
    return (definition, tenant.name)
  }
}

/// Makes changes out of windows: folds once, writes once for each topic. One thread at a time.
struct FeedFolder {
  private let sources: FeedSources
  private var query: WindowQuery
  private var open = OpenWindows()
  private var fields: [FieldsKey: [FieldDefinition]] = [:]
  private var version: UInt64 = 0

  private struct FieldsKey: Hashable {
    var measurement: MeasurementID
    var fields: RangeRequest.Fields
  }

  init(_ sources: FeedSources) {
    self.sources = sources
    query = WindowQuery(
      catalog: sources.catalog,
      clock: sources.parts.clock,
      options: QueryOptions(byteCountMax: sources.parts.configuration.queryByteCountMax)
    )
  }

  /// What is announced of one window, parallel to `topics`; `nil` for a topic that wants no field
  /// with values in it.
  mutating func changes(
    _ pair: FeedPair,
    for topics: [FeedTopic.Key],
    in partition: PartitionID,
    of view: StoreView
  ) -> [FeedChange?] {
    let nothing = topics.map { _ in FeedChange?.none }
    guard let (series, _) = sources.definition(of: pair.series) else { return nothing }
    let wanted = union(topics, series.measurement)
    guard !wanted.isEmpty else { return nothing }
    let answer: RangeAnswer
    do throws(QueryError) {
      answer = try open.answer(
        pair,
        of: series,
        in: partition,
        fields: wanted,
        view: view,
        query: &query
      )
    } catch {
      sources.parts.logger.log(
        .windowNotAnnounced,
        .warning,
        "a window could not be announced: \(error.message)"
      )
      return nothing
    }
    var made: [FeedTopic.Shape: FeedChange?] = [:]
    return topics.map { topic in
      if let change = made[topic.shape] { return change }
      let change = change(pair, answer, for: topic, isAlone: topics.count == 1)
      made[topic.shape] = .some(change)
      return change
    }
  }

  private func change(
    _ pair: FeedPair,
    _ answer: RangeAnswer,
    for topic: FeedTopic.Key,
    isAlone: Bool
  ) -> FeedChange? {
    var names: Set<[UInt8]>?
    if !isAlone, case .named(let some) = topic.shape.fields { names = Set(some) }
    let own = answer.narrowed(
      to: names,
      aggregates: topic.shape.aggregates,
      precision: topic.shape.precision
    )
    guard !own.series.isEmpty else { return nil }
    return FeedChange(
      kind: pair.kind,
      minute: pair.minute,
      content: topic.shape.form == .json ? .json(own.dataJSON()) : .windows(own)
    )
  }

  /// The fields that any of the topics wants.
  private mutating func union(
    _ topics: [FeedTopic.Key],
    _ measurement: MeasurementID
  ) -> [FieldDefinition] {
    let version = sources.catalog.version
    if version != self.version { fields = [:] }
    self.version = version
    var result: [FieldDefinition] = []
    for topic in topics {
      let some = definitions(topic.shape.fields, measurement)
      if topic.shape.fields == .all || topics.count == 1 { return some }
      for field in some where !result.contains(where: { $0.id == field.id }) {
        result.append(field)
      }
    }
    return result
  }

  private mutating func definitions(
    _ wanted: RangeRequest.Fields,
    _ measurement: MeasurementID
  ) -> [FieldDefinition] {
    let key = FieldsKey(measurement: measurement, fields: wanted)
    if let known = fields[key] { return known }
    let found: [FieldDefinition]
    switch wanted {
    case .all:
      found = sources.catalog.fields(of: measurement).sorted {
        $0.name.lexicographicallyPrecedes($1.name)
      }
    case .named(let names):
      found = names.compactMap { sources.catalog.field(measurement: measurement, named: $0) }
    }
    if fields.count > 4_096 { fields = [:] }
    fields[key] = found
    return found
  }
}
