internal import Engine
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Platform
internal import Synchronization

/// The listener of line protocol over TCP: one event loop per core, one receiver per loop, every
/// connection on one loop for its life.
///
/// Safe from any thread. ``bind()`` takes the port, so that a conflict shows before a long replay;
/// ``accept(_:)`` begins to take connections, which wait in the backlog until then.
final class LineServer: Sendable {
  private struct State {
    var listener: (any Channel)?
    var loops: [NIOLoopBound<LineLoop>] = []
  }

  private let configuration: ServerConfiguration
  private let statistics: ServerStatistics
  private let log: SampledLog
  private let group: MultiThreadedEventLoopGroup
  private let state = Mutex(State())

  init(_ configuration: ServerConfiguration, statistics: ServerStatistics, log: SampledLog) {
    self.configuration = configuration
    self.statistics = statistics
    self.log = log
    group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, configuration.lineLoopCount))
  }

  /// Takes the port without accepting anybody yet.
  ///
  /// - Returns: where it listens, with the port that the system chose for 0.
  func bind() async throws(ServerError) -> Address {
    let address = configuration.lines
    do {
      let listener = try await bootstrap().bind(host: address.host, port: address.port).get()
      state.withLock { $0.listener = listener }
      return Address(host: address.host, port: listener.localAddress?.port ?? address.port)
    } catch {
      throw ServerError.binding(address, option: "--line-tcp", error)
    }
  }

  private func bootstrap() -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.autoRead, value: false)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // Waits a second when the process is out of descriptors, instead of spinning.
          try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
          try channel.pipeline.syncOperations.addHandler(AcceptFailureHandler(log: self.log))
        }
      }
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.socketOption(.so_keepalive), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // One read of all that fits a round, so that a fast client does not hold up the others.
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try self.adopt(channel) }
      }
  }

  /// Puts a new connection on its loop, or refuses it.
  private func adopt(_ channel: any Channel) throws {
    let loops = state.withLock { $0.loops }
    guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
      throw ChannelError.alreadyClosed
    }
    let peer = channel.remoteAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
    guard statistics.openConnection(max: configuration.lineConnectionCountMax) else {
      log.write(
        .connectionRefused,
        "refused \(peer): \(configuration.lineConnectionCountMax) connections are open"
      )
      throw ChannelError.alreadyClosed
    }
    let handler = loop.value.adopt(peer: peer)
    do {
      try channel.syncOptions?.setOption(
        .recvAllocator,
        value: ReadBufferAllocator(size: loop.value.readSize)
      )
      try channel.pipeline.syncOperations.addHandler(handler)
    } catch {
      loop.value.closed(handler)
      throw error
    }
  }

  /// Begins to accept connections, each on a loop with a receiver of `engine`.
  func accept(_ engine: Engine) async throws {
    for eventLoop in group.makeIterator() {
      let loop = try await LineLoop.make(
        on: eventLoop,
        engine: engine,
        configuration: configuration,
        statistics: statistics,
        log: log
      )
      state.withLock { $0.loops.append(loop) }
    }
    guard let listener = state.withLock({ $0.listener }) else { return }
    try await listener.setOption(.autoRead, value: true).get()
    listener.read()
  }

  /// Stops accepting and reading, answers what is owed, hangs up. Clients that do not take their
  /// answers within the drain time are cut off.
  func stop() async {
    let (listener, loops) = state.withLock { state in
      defer { state.listener = nil }
      return (state.listener, state.loops)
    }
    try? await listener?.close().get()
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
    state.withLock { $0.loops = [] }
    try? await group.shutdownGracefully()
  }
}

/// Tells the log why nobody can connect; the listener itself goes on.
private final class AcceptFailureHandler: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let log: SampledLog

  init(log: SampledLog) { self.log = log }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    log.write(.acceptFailed, "cannot accept a connection: \(error)")
  }
}
