internal import Engine
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The loops on which the bodies of HTTP writes are parsed. Safe from any thread.
final class BodyLoops: Sendable {
  private let configuration: ServerConfiguration
  private let statistics: WriteStatistics
  private let group: MultiThreadedEventLoopGroup
  private let loops = Mutex<[NIOLoopBound<BodyLoop>]>([])
  private let bodyCount = Atomic<UInt64>(0)

  init(_ configuration: ServerConfiguration, statistics: WriteStatistics) {
    self.configuration = configuration
    self.statistics = statistics
    group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.writeLoopCount))
  }

  /// Makes a receiver for each loop; bodies are taken from now on.
  func accept(_ engine: Engine) async throws {
    for eventLoop in group.makeIterator() {
      let loop = try await BodyLoop.make(
        on: eventLoop,
        engine: engine,
        configuration: configuration,
        statistics: statistics
      )
      loops.withLock { $0.append(loop) }
    }
  }

  /// Whether bodies are taken.
  var isAccepting: Bool { loops.withLock { !$0.isEmpty } }

  /// A way in for one body; `nil` before ``accept(_:)`` is done.
  ///
  /// - Parameter client: bodies of one client go to one loop, which then knows its series.
  func writer(client: Int, opening: BodyOpening) -> BodyWriter? {
    let loop = loops.withLock { loops in
      loops.isEmpty ? nil : loops[Int(UInt(bitPattern: client) % UInt(loops.count))]
    }
    guard let loop else { return nil }
    return BodyWriter(
      loop: loop,
      body: bodyCount.wrappingAdd(1, ordering: .relaxed).newValue,
      opening: opening,
      waitSeconds: configuration.writeWaitSeconds
    )
  }

  /// Takes nothing more, answers what is owed, within the drain time.
  func stop() async {
    let loops = loops.withLock { $0 }
    for loop in loops { loop.eventLoop.execute { loop.value.drain() } }
    for loop in loops {
      let isEmpty = loop.eventLoop.makePromise(of: Void.self)
      loop.eventLoop.execute { loop.value.notifyWhenEmpty(isEmpty) }
      loop.eventLoop.scheduleTask(in: .seconds(Int64(configuration.drainSecondsOfStop))) {
        loop.value.cutOff()
      }
      try? await isEmpty.futureResult.get()
    }
  }

  /// Ends the loops' threads; after it nothing of the engine is touched from here any more.
  func shutDown() async {
    loops.withLock { $0 = [] }
    try? await group.shutdownGracefully()
  }
}

/// A request's way into its loop: one offer at a time.
struct BodyWriter: Sendable {
  private let loop: NIOLoopBound<BodyLoop>
  private let body: UInt64
  private var opening: BodyOpening?
  let tenant: TenantID
  private let waitSeconds: Int

  init(loop: NIOLoopBound<BodyLoop>, body: UInt64, opening: BodyOpening, waitSeconds: Int) {
    self.loop = loop
    self.body = body
    self.opening = opening
    tenant = opening.tenant
    self.waitSeconds = waitSeconds
  }

  mutating func offer(_ pieces: [BodyPiece], ending: BodyOffer.Ending) async -> BodyOffer.Reply {
    let (loop, body, waitSeconds, first) = (loop, body, waitSeconds, opening)
    opening = nil
    return await withCheckedContinuation { reply in
      let offer = BodyOffer(
        body: body,
        opening: first,
        pieces: pieces[...],
        ending: ending,
        deadline: .now() + .seconds(Int64(waitSeconds)),
        reply: reply
      )
      loop.eventLoop.execute { loop.value.offer(offer) }
    }
  }

  /// The client has gone; a line of it that has not come whole is refused.
  func abandon() {
    guard opening == nil else { return }
    loop.eventLoop.execute { loop.value.abandon(body) }
  }
}
