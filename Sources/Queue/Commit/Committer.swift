public import Model
public import Platform
internal import Synchronization

/// Group commit: takes batches from receivers, makes them durable in rounds, hands them to workers
/// and settles them.
///
/// A state machine without a thread: whoever drives it calls ``step(monotonic:)`` and sleeps on
/// ``signal`` for as long as it says. The order in a round is prepare (the catalog) → append → sync
/// → hand to workers → settle. When one of the first three fails, the round's batches fail with a
/// reason and the committer refuses everything until the log can go on.
///
/// `@unchecked Sendable`: `log`, `round` and all else that is not `let` are touched by the driving
/// thread only; ``statistics``, ``register(_:)``, ``release(_:below:)``, ``isRefusing`` and
/// ``signal`` are for anybody.
public final class Committer: @unchecked Sendable {
  /// Set when there may be something to do.
  public let signal = Signal()
  /// One entry a sync of the log.
  public let syncDurations = DurationHistogram()
  /// One entry a round, from its first batch to the acknowledgement.
  public let roundDurations = DurationHistogram()
  let log: Log
  let workers: [WorkerPort]
  let workerOfPartition: [Int]
  let prepare: @Sendable (UInt64) throws(SystemError) -> Void
  let prepareDeletes: (@Sendable (UInt64) throws(SystemError) -> Void)?
  let makeRoom: @Sendable () -> Void
  let options: CommitOptions
  let clock: any Clock
  private let disk: any Disk

  let linkRequests = Mutex<[LinkRequest]>([])
  let hasLinkRequests = Atomic(false)
  private let registered = Mutex<[ReceiverPort]>([])
  private let registrations = Atomic<Int>(0)
  private let published: Mutex<CommitStatistics>
  private let refuses = Atomic(false)
  private let floors: [FloorOffset]

  private final class FloorOffset: Sendable {
    let offset = Atomic<UInt64>(0)
  }

  // The driving thread's.
  private var receivers: [ReceiverPort] = []
  private var registrationsSeen = 0
  private var round = CommitRound()
  private var counts = CommitStatistics()
  /// Why batches are refused, and when to try again.
  private var refusal: Refusal?
  /// Whose turn it is first, so that no receiver is always the last.
  private var turn = 0
  private var lastCommitAt: UInt64 = 0
  private var lastSyncAt: UInt64 = 0
  private var retentionAt: UInt64 = 0
  /// When a full disk is a reason to ask for room again.
  private var roomAt: UInt64 = 0
  private var isFinished = false

  /// - Parameters:
  ///   - log: belongs to the committer from now on.
  ///   - receivers: ports that are there already; more come by ``register(_:)``.
  ///   - workers: one port a worker.
  ///   - workerOfPartition: for each partition the index of its worker.
  ///   - prepare: makes durable what batches refer to, up to a registry version; called on the
  ///     driving thread before each append, and with 0 before a log that was refused goes on.
  ///   - prepareDeletes: as `prepare`, before deletes are appended on a full disk: it gives them
  ///     space that others do not get. Without it a full disk keeps them out, too.
  ///   - makeRoom: called when the disk is full, and now and then while it is: what is cut frees
  ///     the log that it came from.
  public init(
    log: Log,
    receivers: [ReceiverPort] = [],
    workers: [WorkerPort],
    workerOfPartition: [Int],
    prepare: @escaping @Sendable (_ registryVersion: UInt64) throws(SystemError) -> Void,
    prepareDeletes: (@Sendable (_ registryVersion: UInt64) throws(SystemError) -> Void)? = nil,
    makeRoom: @escaping @Sendable () -> Void = {},
    options: CommitOptions = CommitOptions(),
    clock: any Clock
  ) {
    precondition(workerOfPartition.count == log.partitionCount)
    precondition(workerOfPartition.allSatisfy(workers.indices.contains))
    self.log = log
    self.workers = workers
    self.workerOfPartition = workerOfPartition
    self.prepare = prepare
    self.prepareDeletes = prepareDeletes
    self.makeRoom = makeRoom
    self.options = options
    self.clock = clock
    disk = log.disk
    floors = workerOfPartition.map { _ in FloorOffset() }
    published = Mutex(CommitStatistics())
    for worker in workers { worker.attach(signal) }
    for receiver in receivers { register(receiver) }
    if let failure = log.failure { refuse(failure, now: clock.monotonic()) }
    publish()
  }

  // MARK: Anybody's

  /// Takes batches from `port` from the next step on.
  public func register(_ port: ReceiverPort) {
    port.attach(signal)
    registered.withLock { $0.append(port) }
    registrations.wrappingAdd(1, ordering: .releasing)
    signal.set()
  }

  /// Tells that all offsets of `partition` below `floor` are committed elsewhere (the manifest's
  /// b), so that segments may go.
  public func release(_ partition: PartitionID, below floor: Offset) {
    floors[Int(partition.rawValue)].offset.max(floor.rawValue, ordering: .releasing)
  }

  /// Whether batches fail at once, because the disk is full or broken.
  public var isRefusing: Bool { refuses.load(ordering: .acquiring) }

  /// What was done so far, as of the last round.
  public var statistics: CommitStatistics { published.withLock { $0 } }

  // MARK: The driving thread's

  /// Does what is due.
  ///
  /// - Parameter now: the clock of waits, nanoseconds.
  /// - Returns: 0 when something was done and there may be more; else how long to wait for
  ///   ``signal``, in nanoseconds.
  public func step(monotonic now: UInt64) -> UInt64 {
    precondition(!isFinished)
    adoptReceivers()
    if let failure = answerLinkRequests(refusal: refusal?.reason) { refuse(failure, now: now) }
    takeDeletes(now)
    if refusal != nil, let wait = stepRefusing(now) { return wait }
    guard doChores(now) else { return 0 }
    collect(now)
    guard !round.isEmpty else { return idle(now) }
    if let wait = linger(now) { return wait }
    commit(now)
    return 0
  }

  /// Commits what has been handed over, marks the log and closes it. The last call; receivers and
  /// workers must be quiet, and workers go on popping until everything is taken.
  ///
  /// - Returns: `false` when a worker has no room yet: call again once it has popped.
  public func finish(monotonic now: UInt64) -> Bool {
    guard !isFinished else { return true }
    adoptReceivers()
    collect(now)
    while refusal == nil, !round.isEmpty {
      commit(now)
      collect(now)
    }
    if refusal != nil { failWaiting(sparesDeletes: false) }
    guard receivers.allSatisfy({ $0.settledSequence == $0.submittedSequence }) else {
      return false
    }
    isFinished = true
    log.close()
    publish()
    return true
  }

  private func adoptReceivers() {
    let registrations = registrations.load(ordering: .acquiring)
    if registrations != registrationsSeen {
      registrationsSeen = registrations
      receivers = registered.withLock { $0 }
      round.portCount(receivers.count)
    }
    guard round.isEmpty, receivers.contains(where: \.isDone) else { return }
    receivers = registered.withLock { ports in
      ports.removeAll(where: \.isDone)
      return ports
    }
    round.portCount(receivers.count)
  }

  // MARK: Rounds

  /// Takes batches, one of each receiver in turn, until the round is full, a worker has no room or
  /// nothing is left.
  private func collect(_ now: UInt64) {
    turn &+= 1
    var isAnyLeft = true
    while isAnyLeft {
      isAnyLeft = false
      for place in receivers.indices {
        let index = (place &+ turn) % receivers.count
        guard round.byteCount < options.byteCountMax, workersHaveRoom() else { return }
        guard let batch = receivers[index].take() else { continue }
        if round.isEmpty { round.beganAt = now }
        round.add(batch, from: index)
        isAnyLeft = true
      }
    }
  }

  private func workersHaveRoom() -> Bool {
    // The whole round might belong to one worker.
    workers.allSatisfy { $0.hasRoom(besides: round.batches.count, byteCount: round.byteCount) }
  }

  /// How long the round should wait for more; `nil` when it is due.
  private func linger(_ now: UInt64) -> UInt64? {
    let age = now &- round.beganAt
    if round.byteCount >= options.byteCountMax || age >= options.lingerNanosecondsMax { return nil }
    if age < options.lingerNanosecondsMin { return options.lingerNanosecondsMin - age }
    return round.byteCount < options.smallByteCount ? nil : options.lingerNanosecondsMax - age
  }

  private func commit(_ now: UInt64) {
    let failure: SystemError?
    do throws(SystemError) {
      try prepare(round.registryVersion)
      try log.append(round.batches)
      CrashPoint.logAppended.reach()
      if options.mode == .fsync { try sync(now) } else { log.settle() }
      CrashPoint.logSynced.reach()
      failure = nil
    } catch {
      failure = error
    }
    if let failure { refuse(failure, now: now) }
    counts.rounds += 1
    if refusal == nil { deliver() } else { countFailed() }
    settle(refusal?.reason)
    roundDurations.record(nanoseconds: clock.monotonic() &- round.beganAt)
    round.removeAll()
    lastCommitAt = now
    publish()
  }

  private func sync(_ now: UInt64) throws(SystemError) {
    let start = clock.monotonic()
    try log.sync()
    syncDurations.record(nanoseconds: clock.monotonic() &- start)
    lastSyncAt = now
  }

  private func deliver() {
    for batch in round.batches {
      workers[workerOfPartition[Int(batch.header.partition.rawValue)]].push(batch)
      counts.batches += 1
      if batch.header.kind == .rows { counts.rows += UInt64(batch.header.rowCount) }
      counts.points += UInt64(batch.header.pointCount)
      counts.byteCount += UInt64(batch.record.count)
    }
    for worker in workers where worker.inFlightCount > 0 { worker.signal.set() }
  }

  private func countFailed() {
    counts.failedRounds += 1
    counts.failedBatches += UInt64(round.batches.count)
  }

  private func settle(_ reason: String?) {
    for (index, port) in receivers.enumerated() where round.counts[index] > 0 {
      port.settle(count: round.counts[index], failure: reason)
      port.notify()
    }
  }

  // MARK: Refusing

  private struct Refusal {
    var reason: String
    var retryAt: UInt64
    var error: SystemError
  }

  /// Makes deletes durable while the disk is full. Nothing else is let in by that.
  private func takeDeletes(_ now: UInt64) {
    guard round.isEmpty, let full = refusal, full.error.isDiskFull, let prepareDeletes else {
      return
    }
    for index in receivers.indices where receivers[index].makesRoom && round.isEmpty {
      while round.byteCount < options.byteCountMax, workersHaveRoom(),
        let batch = receivers[index].take()
      {
        round.add(batch, from: index)
      }
    }
    guard !round.isEmpty else { return }
    var failure: String?
    do throws(SystemError) {
      try prepareDeletes(round.registryVersion)
      try log.abandonUnsynced()
      try log.append(round.batches)
      if options.mode == .fsync { try sync(now) } else { log.settle() }
      deliver()
    } catch {
      refuse(error, now: now)
      countFailed()
      failure = refusal?.reason
    }
    // Finished again, so that it can go.
    if failure == nil { log.pause(for: full.error) }
    settle(failure)
    round.removeAll()
  }

  /// Time between two requests for room.
  private static let roomNanoseconds: UInt64 = 5_000_000_000

  private func refuse(_ error: SystemError, now: UInt64) {
    var reason = "\(error)"
    if error.isDiskFull {
      let free = (try? disk.space(at: log.directory))?.free
      reason = "the disk is full: \(error.path): \(free.map { "\($0)" } ?? "?") bytes free"
    }
    var retryAt = now &+ options.retryNanoseconds
    // What is kept for consumers' convenience is worth less than new batches.
    if error.isDiskFull {
      log.pause(for: error)
      if removeSegments(retains: false) > 0 { retryAt = now }
      if now >= roomAt {
        roomAt = now &+ Self.roomNanoseconds
        makeRoom()
      }
    }
    refusal = Refusal(reason: reason, retryAt: retryAt, error: error)
    refuses.store(true, ordering: .releasing)
    lastCommitAt = now
  }

  /// Tries again when it is time, and fails what comes meanwhile.
  ///
  /// - Returns: how long to wait; `nil` when the log takes batches again.
  private func stepRefusing(_ now: UInt64) -> UInt64? {
    guard let refused = refusal else { return nil }
    failWaiting()
    if now >= refused.retryAt {
      do throws(SystemError) {
        try prepare(0)
        try log.abandonUnsynced()
        refusal = nil
        refuses.store(false, ordering: .releasing)
        publish()
        return nil
      } catch {
        refuse(error, now: now)
      }
    }
    publish()
    return min(options.idleNanoseconds, (refusal?.retryAt ?? now) - now)
  }

  private func failWaiting(sparesDeletes: Bool = true) {
    guard let reason = refusal?.reason else { return }
    if !round.isEmpty {
      countFailed()
      settle(reason)
      round.removeAll()
    }
    let takesDeletes = prepareDeletes != nil && refusal?.error.isDiskFull == true
    for port in receivers where !(sparesDeletes && takesDeletes && port.makesRoom) {
      var count = 0
      while port.take() != nil { count += 1 }
      guard count > 0 else { continue }
      counts.failedBatches += UInt64(count)
      port.settle(count: count, failure: reason)
      port.notify()
    }
  }

  // MARK: Chores

  /// What is due by the clock, however busy it is; `false` when it made the committer refuse.
  private func doChores(_ now: UInt64) -> Bool {
    if options.mode == .interval, log.hasUnsynced, now &- lastSyncAt >= options.syncNanoseconds {
      do throws(SystemError) { try sync(now) } catch { refuse(error, now: now) }
      publish()
      return refusal == nil
    }
    if now >= retentionAt {
      // One by one, so that a round does not wait long.
      let count = removeSegments(retains: true)
      let pause = count == 0 ? options.retentionNanoseconds : options.lingerNanosecondsMax
      retentionAt = now &+ pause
    }
    return true
  }

  /// Nothing to commit: the time to mark what is durable.
  private func idle(_ now: UInt64) -> UInt64 {
    guard log.needsMark, !log.hasUnsynced, now &- lastCommitAt >= options.markNanoseconds else {
      return options.idleNanoseconds
    }
    do throws(SystemError) { try log.mark() } catch { refuse(error, now: now) }
    publish()
    return 0
  }

  /// Removes a segment, or all that can go when nothing is retained; failing is no harm.
  private func removeSegments(retains: Bool) -> Int {
    let below = floors.map { Offset($0.offset.load(ordering: .acquiring)) }
    let count =
      (try? log.removeSegments(
        below: below,
        now: clock.now(),
        retains: retains,
        countMax: retains ? 1 : .max
      )) ?? 0
    counts.removedSegments += UInt64(count)
    if count > 0 { publish() }
    return count
  }

  private func publish() {
    counts.logByteCount = log.byteCount
    counts.segmentCount = log.segmentCount
    counts.logBeginning = log.beginning
    counts.refusal = refusal?.reason
    let counts = counts
    published.withLock { $0 = counts }
  }
}

/// The batches of one round and where they came from. Its memory is kept from round to round.
struct CommitRound {
  private(set) var batches: [RowBatch] = []
  private(set) var byteCount = 0
  /// Per receiver the number of its batches.
  private(set) var counts: [Int] = []
  /// The newest registry version that a batch names.
  private(set) var registryVersion: UInt64 = 0
  /// When the first batch was taken.
  var beganAt: UInt64 = 0

  var isEmpty: Bool { batches.isEmpty }

  /// Makes room for the counts of so many receivers; the known ones keep their places.
  mutating func portCount(_ count: Int) {
    if counts.count < count {
      counts.append(contentsOf: repeatElement(0, count: count - counts.count))
    } else {
      counts.removeLast(counts.count - count)
    }
  }

  mutating func add(_ batch: RowBatch, from port: Int) {
    batches.append(batch)
    byteCount += batch.record.count
    counts[port] += 1
    registryVersion = max(registryVersion, batch.header.registryVersion)
  }

  mutating func removeAll() {
    batches.removeAll(keepingCapacity: true)
    byteCount = 0
    registryVersion = 0
    for index in counts.indices { counts[index] = 0 }
  }
}
