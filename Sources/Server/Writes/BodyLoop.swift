internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// One event loop of HTTP writes: its receiver and the bodies that are on their way into it.
///
/// Belongs to its event loop; requests' tasks reach it through a `NIOLoopBound`. It has no sockets:
/// those are on the HTTP loop, so that parsing delays nobody's answer.
///
/// Nothing piles up here: a body has one offer at a time, so what waits is at most a piece of each
/// request. While the receiver is congested offers wait, at most for
/// ``ServerConfiguration/writeWaitSeconds``, and their clients' sockets are not read.
final class BodyLoop {
  private static let tickMilliseconds: Int64 = 5
  private static let sweepMilliseconds: Int64 = 50
  /// What the turns of all offers that wait take together, about, and what one takes at most:
  /// refused lines and items cost a hundred times what good ones of their length do.
  private static let turnsNanoseconds: UInt64 = 100_000_000
  private static let turnNanosecondsMax: UInt64 = 10_000_000

  private struct Unsettled {
    var body: LineBody
    var deadline: NIODeadline
    var reply: CheckedContinuation<BodyOffer.Reply, Never>
  }

  let eventLoop: any EventLoop
  private let configuration: ServerConfiguration
  private let engine: Engine
  private let receiver: Receiver
  private let statistics: WriteStatistics
  private var bodies: [UInt64: LineBody] = [:]
  private var queue = OfferQueue()
  /// Bodies that have ended and are not durable yet.
  private var unsettled: [UInt64: Unsettled] = [:]
  private var isPumpScheduled = false
  private var isRoundScheduled = false
  private var isTickScheduled = false
  private var isSweepScheduled = false
  private var isDraining = false
  private var emptied: [EventLoopPromise<Void>] = []

  private init(
    eventLoop: any EventLoop,
    configuration: ServerConfiguration,
    engine: Engine,
    receiver: Receiver,
    statistics: WriteStatistics
  ) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.engine = engine
    self.receiver = receiver
    self.statistics = statistics
  }

  /// Makes the loop's state on the loop itself, with a receiver that calls back there.
  static func make(
    on eventLoop: any EventLoop,
    engine: Engine,
    configuration: ServerConfiguration,
    statistics: WriteStatistics
  ) async throws -> NIOLoopBound<BodyLoop> {
    try await eventLoop.submit {
      let box = NIOLoopBoundBox<BodyLoop?>(nil, eventLoop: eventLoop)
      let receiver = try engine.makeReceiver {
        eventLoop.execute { box.value?.settle() }
      }
      let loop = BodyLoop(
        eventLoop: eventLoop,
        configuration: configuration,
        engine: engine,
        receiver: receiver,
        statistics: statistics
      )
      box.value = loop
      return NIOLoopBound(loop, eventLoop: eventLoop)
    }.get()
  }

  // MARK: Offers

  /// Takes a piece of a body, now or when its turn comes.
  func offer(_ offer: BodyOffer) {
    statistics.beginWait()
    guard !isDraining else { return refuse(offer, .stopping) }
    queue.append(offer)
    schedulePump()
    scheduleSweep()
  }

  /// The body's client has gone.
  func abandon(_ id: UInt64) {
    guard let body = bodies.removeValue(forKey: id) else { return }
    receiver.abandon(body)
    scheduleRound()
  }

  private func schedulePump() {
    guard !isPumpScheduled, !queue.isEmpty, !receiver.isCongested else { return }
    isPumpScheduled = true
    let rest = receiver.restNanoseconds
    guard rest == 0 else {
      // Merges are behind: offers wait, at most as long as they may.
      eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(Int64(rest))) { self.pump() }
      return
    }
    // One offer a task, so that whatever else the loop has to do comes between.
    eventLoop.assumeIsolated().execute { self.pump() }
  }

  private func pump() {
    isPumpScheduled = false
    if !receiver.isCongested, receiver.restNanoseconds == 0, let offer = queue.popNext() {
      take(offer)
    }
    schedulePump()
  }

  private func take(_ offer: BodyOffer) {
    if receiver.isRefusing {
      return refuse(offer, .cannotStore(engine.writeFailure ?? "the disk takes nothing"))
    }
    var offer = offer
    if let opening = offer.opening, !offer.hasBegun {
      bodies[offer.body] = receiver.openBody(
        sender: opening.sender,
        tenant: opening.tenant,
        precision: opening.precision
      )
    }
    guard let body = bodies[offer.body] else { return refuse(offer, .stopping) }
    endWait(offer)
    offer.hasBegun = true
    scheduleRound()
    guard parse(&offer, on: body) else {
      offer.deadline = .now() + .seconds(Int64(configuration.writeWaitSeconds))
      queue.append(offer)
      return scheduleSweep()
    }
    guard offer.ending != .none else {
      return offer.reply.resume(returning: .taken(fault: body.fault))
    }
    bodies[offer.body] = nil
    unsettled[offer.body] = Unsettled(
      body: body,
      deadline: .now() + .seconds(Int64(configuration.writeWaitSeconds)),
      reply: offer.reply
    )
    statistics.beginSettling()
    receiver.end(body, endsLine: offer.ending == .whole) { failure in
      self.settled(offer.body, failure)
    }
  }

  /// Parses an offer for one turn.
  ///
  /// - Returns: whether nothing of it is left.
  private func parse(_ offer: inout BodyOffer, on body: LineBody) -> Bool {
    let turn = min(Self.turnNanosecondsMax, Self.turnsNanoseconds / UInt64(1 + queue.count))
    let begin = NIODeadline.now()
    while body.fault == nil, let piece = offer.pieces.first {
      let spent = UInt64(max(0, (NIODeadline.now() - begin).nanoseconds))
      switch piece {
      case .lines(var buffer):
        let taken = unsafe buffer.withUnsafeReadableBytes { bytes in
          unsafe receiver.receive(bytes, on: body, turnNanoseconds: turn - min(turn, spent))
        }
        buffer.moveReaderIndex(forwardBy: taken)
        if buffer.readableBytes > 0, body.fault == nil {
          offer.pieces[offer.pieces.startIndex] = .lines(buffer)
          return false
        }
      case .refused where spent >= turn: return false
      case .refused(let item): receiver.refuse(item, on: body)
      case .uncounted(let lineFeedCount): body.uncount(lineFeedCount)
      }
      offer.pieces.removeFirst()
    }
    return true
  }

  /// Tells a client to come again. What its line had not come whole of is forgotten, for it is not
  /// the client's fault.
  private func refuse(_ offer: BodyOffer, _ refusal: BodyRefusal) {
    endWait(offer)
    bodies[offer.body] = nil
    offer.reply.resume(returning: .unavailable(refusal))
  }

  private func endWait(_ offer: BodyOffer) {
    guard !offer.hasBegun else { return }
    let waited = NIODeadline.now() - offer.offeredAt
    statistics.endWait(nanoseconds: UInt64(max(0, waited.nanoseconds)))
  }

  private func settled(_ id: UInt64, _ failure: String?) {
    guard let done = unsettled.removeValue(forKey: id) else { return }
    statistics.endSettling()
    if let failure {
      done.reply.resume(returning: .unavailable(.cannotStore(failure)))
    } else {
      done.reply.resume(returning: .settled(BodyResult(done.body)))
    }
  }

  // MARK: Rounds, ticks and sweeps

  private func scheduleRound() {
    guard !isRoundScheduled else { return }
    isRoundScheduled = true
    eventLoop.assumeIsolated().execute {
      self.isRoundScheduled = false
      self.receiver.endOfRound()
      self.follow()
    }
  }

  private func settle() {
    receiver.settle()
    follow()
  }

  private func follow() {
    schedulePump()
    if receiver.hasOpenRows, !isTickScheduled {
      isTickScheduled = true
      eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.tickMilliseconds)) {
        self.isTickScheduled = false
        self.receiver.tick()
        self.follow()
      }
    }
    succeedEmptied()
  }

  /// Looks for those who have waited long enough.
  private func scheduleSweep() {
    guard !isSweepScheduled, !(queue.isEmpty && unsettled.isEmpty) else { return }
    isSweepScheduled = true
    eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.sweepMilliseconds)) {
      self.isSweepScheduled = false
      self.sweep()
      self.scheduleSweep()
    }
  }

  private func sweep() {
    let now = NIODeadline.now()
    let refusal = BodyRefusal.congested(seconds: configuration.writeWaitSeconds)
    for offer in queue.takeExpired(at: now) { refuse(offer, refusal) }
    for (id, waiting) in unsettled where waiting.deadline <= now {
      unsettled[id] = nil
      statistics.endSettling()
      waiting.reply.resume(returning: .unavailable(refusal))
    }
    succeedEmptied()
  }

  // MARK: Stopping

  /// Takes nothing more; bodies that have ended are still made durable and answered.
  func drain() {
    isDraining = true
    for offer in queue.takeAll() { refuse(offer, .stopping) }
    bodies.removeAll()
    scheduleRound()
  }

  /// Answers whoever is still waiting.
  func cutOff() {
    for (_, waiting) in unsettled {
      statistics.endSettling()
      waiting.reply.resume(returning: .unavailable(.stopping))
    }
    unsettled.removeAll()
    succeedEmptied()
  }

  func notifyWhenEmpty(_ promise: EventLoopPromise<Void>) {
    emptied.append(promise)
    succeedEmptied()
  }

  private func succeedEmptied() {
    guard !emptied.isEmpty, queue.isEmpty, unsettled.isEmpty, receiver.isIdle else { return }
    let promises = emptied
    emptied = []
    for promise in promises { promise.succeed() }
  }
}
