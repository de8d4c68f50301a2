internal import Model
internal import Platform
internal import Query
internal import Queue
internal import Synchronization

/// Announces the windows that close, are restated, or grow, to whoever listens.
///
/// The workers look for them once a second (``WindowTracker``) while anybody listens; the feed's
/// own thread finds out who wants which, folds each window once and hands the same immutable change
/// to all who asked alike. With nobody listening there is no look, and the thread sleeps.
///
/// Contract: within one time of listening (from the first reader until two minutes after the last)
/// every window of a series that gets rows is announced as `closed` once, within a second or two
/// after the series' watermark has passed its end, with the rows that were applied by then, and as
/// `restated` whenever rows that came later have changed it. A change that makes no difference to
/// what a topic was told last, such as a retry of equal rows, is kept back as long as the feed
/// remembers what it told. A reader that begins behind a position gets every window that was closed
/// or restated since, from memory or found in the log, possibly one that it knows already; if that
/// is not possible it is told so by a reset.
final class ChangeFeed: Sendable {
  private struct State {
    var topics = FeedTopics()
    var readers: [ObjectIdentifier: FeedSubscription] = [:]
    /// Readers that wait until it is known where the partitions stand.
    var joining: [FeedSubscription] = []
    /// Of this time of listening: where each partition stands, once it has been looked at.
    var offsets: [UInt64?]
    /// Where they stood when it began.
    var starts: [UInt64]
    var histories: [FeedHistory?]
    var position: FeedPosition?
    var session = 0
    var isListening = false
    var emptySince: UInt64?
    var heartbeatAt: UInt64 = 0
    var ending: String?
    var metrics = FeedMetrics()
  }

  let sources: FeedSources
  let control: FeedControl
  let ports: [FeedPort]
  private let state: Mutex<State>
  let folding: Mutex<Folding>
  private let waitingByteCount = Atomic(0)
  private let readerCount = Atomic(0)
  let isStopping = Atomic(false)

  struct Folding {
    var folder: FeedFolder
    var memory = FeedMemory()
  }

  var configuration: FeedConfiguration { control.configuration }

  init(_ sources: FeedSources) {
    self.sources = sources
    let control = FeedControl(sources.parts.configuration.feed)
    self.control = control
    ports = sources.workers.map { _ in FeedPort(control) }
    for (worker, port) in zip(sources.workers, ports) { worker.feed = port }
    let count = sources.partitionCount
    state = Mutex(
      State(
        offsets: Array(repeating: nil, count: count),
        starts: Array(repeating: 0, count: count),
        histories: Array(repeating: nil, count: count)
      )
    )
    folding = Mutex(Folding(folder: FeedFolder(sources)))
  }

  // MARK: Readers

  /// Adds a reader; its first delivery comes as soon as it is known where the partitions stand.
  func subscribe(_ subscription: FeedSubscription) throws(QueryError) {
    let refusal = state.withLock { state -> QueryError? in
      if let reason = state.ending { return QueryError(.unavailable, reason) }
      guard state.readers.count < configuration.readerCountMax else {
        return QueryError(
          .unavailable,
          "more than \(configuration.readerCountMax) streams are open; try again later"
        )
      }
      state.readers[ObjectIdentifier(subscription)] = subscription
      state.joining.append(subscription)
      listen(&state)
      return nil
    }
    if let refusal { throw refusal }
    control.signal.set()
    for worker in sources.workers { worker.port.signal.set() }
    if sources.isManual { for _ in 0..<2 { step(monotonic: monotonic) } }
  }

  func remove(_ subscription: FeedSubscription) {
    state.withLock { state in
      guard forget(subscription, &state) else { return }
      state.joining.removeAll { $0 === subscription }
      listen(&state)
    }
  }

  /// Drops a reader whose end has come, and counts it when it was cut off; whoever notices first
  /// does so, the reader or the feed.
  ///
  /// - Returns: whether it was still there.
  private func forget(_ reader: FeedSubscription, _ state: inout State) -> Bool {
    guard state.readers.removeValue(forKey: ObjectIdentifier(reader)) != nil else { return false }
    state.topics.remove(reader)
    if reader.ending?.isCutOff == true { state.metrics.cutOffCount += 1 }
    return true
  }

  /// Brings what the workers see in line with who listens.
  private func listen(_ state: inout State) {
    readerCount.store(state.readers.count, ordering: .relaxed)
    let wantsGrowth = state.readers.values.contains { $0.request.events.contains(.open) }
    control.wantsGrowth.store(wantsGrowth, ordering: .relaxed)
    if state.readers.isEmpty {
      if state.emptySince == nil { state.emptySince = monotonic }
      return
    }
    state.emptySince = nil
    guard !state.isListening else { return }
    state.isListening = true
    state.session += 1
    state.position = nil
    for index in state.offsets.indices { state.offsets[index] = nil }
    state.heartbeatAt = monotonic &+ configuration.heartbeatNanoseconds
    control.session.store(state.session, ordering: .relaxed)
  }

  private var monotonic: UInt64 { sources.parts.clock.monotonic() }

  /// Counts bytes that wait for a reader.
  ///
  /// - Returns: how many may wait for one.
  func charge(_ byteCount: Int) -> Int {
    let total = waitingByteCount.wrappingAdd(byteCount, ordering: .relaxed).newValue
    guard total > configuration.readersByteCountMax else { return configuration.readerByteCountMax }
    let share = configuration.readersByteCountMax / max(1, readerCount.load(ordering: .relaxed))
    return min(configuration.readerByteCountMax, max(64 << 10, share))
  }

  func release(_ byteCount: Int) {
    waitingByteCount.wrappingSubtract(byteCount, ordering: .relaxed)
  }

  func countReset() { state.withLock { $0.metrics.resetCount += 1 } }

  func metrics() -> FeedMetrics {
    state.withLock { state in
      var result = state.metrics
      result.readerCount = state.readers.count
      result.topicCount = state.topics.all.count
      result.waitingByteCount = waitingByteCount.load(ordering: .relaxed)
      return result
    }
  }

  // MARK: The feed's thread

  /// Runs until ``stop(reason:)``.
  func work() {
    while !isStopping.load(ordering: .relaxed) {
      step(monotonic: monotonic)
      let isListening = state.withLock { $0.isListening }
      _ = control.signal.wait(timeoutNanoseconds: isListening ? 1_000_000_000 : 60_000_000_000)
    }
  }

  /// Ends every reader; the thread returns soon.
  func stop(reason: String) {
    let readers = state.withLock { state in
      state.ending = reason
      return Array(state.readers.values)
    }
    for reader in readers { reader.end(.stopped(reason: reason)) }
    isStopping.store(true, ordering: .relaxed)
    control.session.store(0, ordering: .relaxed)
    control.signal.set()
  }

  /// Announces what the workers have found.
  func step(monotonic: UInt64) {
    if sources.isManual {
      for worker in sources.workers { _ = worker.step(monotonic: monotonic) }
    }
    for port in ports {
      let scans = port.take()
      guard !scans.isEmpty else { continue }
      announce(scans)
      port.release()
    }
    attend(monotonic)
  }

  /// What one piece of news is to whom.
  struct News {
    var position: FeedPosition
    var before: FeedPosition
    var pairs: [PartitionID: [(pair: FeedPair, topics: [Int])]] = [:]
    var topics: [Int: (key: FeedTopic.Key, readers: [FeedSubscription])] = [:]
    var owed: [(reader: FeedSubscription, pairs: [FeedPair])] = []
    var reset: [FeedSubscription] = []
  }

  private func announce(_ scans: [FeedScan]) {
    guard let news = state.withLock({ take(scans, &$0) }) else { return }
    for reader in news.reset {
      reader.reset("more windows changed at once than can be announced", news.position)
    }
    for (reader, pairs) in news.owed {
      reader.owe(pairs, position: news.position, countMax: configuration.catchUpCountMax)
    }
    guard !news.pairs.isEmpty else { return }
    fold(news)
  }

  /// Notes where the partitions stand and finds out who is to be told of what.
  private func take(_ scans: [FeedScan], _ state: inout State) -> News? {
    var isFlooded = false
    var found: [(partition: PartitionID, pairs: [FeedPair])] = []
    for scan in scans where scan.session == state.session {
      let index = Int(scan.partition.rawValue)
      let next = scan.next.rawValue
      if state.offsets[index] == nil {
        state.starts[index] = next
        state.histories[index] = FeedHistory(from: next, countMax: configuration.recentCountMax)
      } else if scan.isFlooded {
        isFlooded = true
        state.histories[index]?.forget(upTo: next)
      } else {
        state.histories[index]?.append(scan.pairs, next: next)
        found.append((scan.partition, scan.pairs + scan.grown))
      }
      state.offsets[index] = next
    }
    let offsets = state.offsets.compactMap { $0 }
    guard offsets.count == state.offsets.count else { return nil }
    let before = state.position
    let position = FeedPosition(epoch: sources.epoch, offsets: offsets)
    state.position = position
    guard let before else { return nil }
    var news = News(position: position, before: before)
    if isFlooded {
      news.reset = Array(state.readers.values)
      state.metrics.resetCount += UInt64(news.reset.count)
      return news
    }
    match(found, &news, &state)
    return news
  }

  private func match(
    _ found: [(partition: PartitionID, pairs: [FeedPair])],
    _ news: inout News,
    _ state: inout State
  ) {
    var owed: [ObjectIdentifier: (reader: FeedSubscription, pairs: [FeedPair])] = [:]
    var late: [Int: [FeedSubscription]] = [:]
    for (partition, pairs) in found {
      for pair in pairs {
        state.metrics.count(pair.kind)
        let numbers = state.topics.topics(of: pair.series) {
          sources.definition(of: pair.series)
        }
        var wanted: [Int] = []
        for number in numbers {
          if news.topics[number] == nil, let topic = state.topics.all[number] {
            // A reader that is catching up does so until it has taken all that it is owed.
            let behind = topic.readers.filter(\.isCatchingUp)
            let ready = topic.readers.filter { reader in !behind.contains { $0 === reader } }
            news.topics[number] = (topic.key, ready)
            late[number] = behind
          }
          let readers = news.topics[number]?.readers ?? []
          if readers.contains(where: { $0.request.events.contains(pair.kind) }) {
            wanted.append(number)
          }
          guard pair.kind != .open else { continue }
          for reader in late[number] ?? [] where reader.request.events.contains(pair.kind) {
            owed[ObjectIdentifier(reader), default: (reader, [])].pairs.append(pair)
          }
        }
        if !wanted.isEmpty { news.pairs[partition, default: []].append((pair, wanted)) }
      }
    }
    news.owed = Array(owed.values)
  }

  // MARK: Coming and going

  /// Lets readers in, tells where things stand, and ends a listening that nobody listens to.
  private func attend(_ monotonic: UInt64) {
    let (told, position) = state.withLock { state in
      var told: [FeedSubscription] = []
      if let position = state.position {
        let joining = state.joining
        state.joining = []
        for reader in joining { admit(reader, at: position, &state) }
      }
      if state.isListening, monotonic >= state.heartbeatAt, state.position != nil {
        state.heartbeatAt = monotonic &+ configuration.heartbeatNanoseconds
        told = Array(state.readers.values)
      }
      for reader in state.readers.values where reader.isOver {
        _ = forget(reader, &state)
      }
      if state.readers.isEmpty { listen(&state) }
      if state.isListening, let since = state.emptySince,
        monotonic &- since >= configuration.lingerNanoseconds
      {
        state.isListening = false
        state.position = nil
        control.session.store(0, ordering: .relaxed)
      }
      return (told, state.position)
    }
    guard let position else { return }
    for reader in told { reader.progress(position) }
  }

  /// Makes a reader one of a topic's and tells it where it begins. While the state is locked: what
  /// is announced next finds it catching up, or not.
  private func admit(
    _ reader: FeedSubscription,
    at position: FeedPosition,
    _ state: inout State
  ) {
    state.topics.add(reader)
    let start = start(of: reader, at: position, &state)
    if start.reset != nil { state.metrics.resetCount += 1 }
    reader.begin(
      at: position,
      from: start.from,
      debts: start.debts,
      search: start.search,
      reset: start.reset
    )
  }

  private func start(
    of reader: FeedSubscription,
    at position: FeedPosition,
    _ state: inout State
  ) -> (from: FeedPosition?, debts: [FeedSubscription.Debt], search: Bool, reset: String?) {
    guard let text = reader.request.from else { return (nil, [], false, nil) }
    guard let from = FeedPosition(text), from.offsets.count == position.offsets.count else {
      return (nil, [], false, "the id is not one of this server's")
    }
    guard from.epoch <= position.epoch,
      zip(from.offsets, position.offsets).allSatisfy({ $0 <= $1 })
    else { return (nil, [], false, "the id lies ahead of everything that this server knows") }
    // The id is of this time of listening if any partition has moved on between its begin and it.
    let isOfNow =
      from.epoch == position.epoch && zip(from.offsets, state.starts).contains { $0 > $1 }
    var remembered: [[FeedPair]] = []
    if isOfNow {
      for (index, offset) in from.offsets.enumerated() {
        guard let pairs = state.histories[index]?.pairs(after: offset) else { break }
        remembered.append(pairs)
      }
    }
    guard remembered.count == position.offsets.count else { return (from, [], true, nil) }
    let debts = debts(remembered, of: reader, from: from, to: position, &state)
    return (debts.isEmpty ? nil : from, debts, false, nil)
  }

  /// What a reader is owed, partition by partition, so that each that is done moves it on.
  private func debts(
    _ pairs: [[FeedPair]],
    of reader: FeedSubscription,
    from: FeedPosition,
    to position: FeedPosition,
    _ state: inout State
  ) -> [FeedSubscription.Debt] {
    let matching = pairs.map { pairs in
      pairs.filter { isWanted($0, by: reader, &state.topics) }
    }
    return Self.debts(matching, from: from, to: position)
  }

  static func debts(
    _ pairs: [[FeedPair]],
    from: FeedPosition,
    to position: FeedPosition
  ) -> [FeedSubscription.Debt] {
    var offsets = from.offsets
    var debts: [FeedSubscription.Debt] = []
    for (index, some) in pairs.enumerated() {
      offsets[index] = position.offsets[index]
      guard !some.isEmpty else { continue }
      debts.append(
        .init(pairs: some, position: FeedPosition(epoch: position.epoch, offsets: offsets))
      )
    }
    if !debts.isEmpty { debts[debts.count - 1].position = position }
    return debts
  }

  private func isWanted(
    _ pair: FeedPair,
    by reader: FeedSubscription,
    _ topics: inout FeedTopics
  ) -> Bool {
    guard reader.request.events.contains(pair.kind) else { return false }
    return topics.topics(of: pair.series) { sources.definition(of: pair.series) }.contains {
      topics.all[$0]?.readers.contains { $0 === reader } == true
    }
  }
}
