public import Engine
public import Logging
internal import NIOCore
internal import NIOPosix
public import Platform
internal import Synchronization

/// A whole server in one process: the engine, the line port and the HTTP port.
///
/// Life in order: ``init(_:engine:disk:clock:logger:authorizer:)`` takes the data directory,
/// ``listen()`` takes the ports, ``recover()`` replays and opens the line port, ``stop()`` drains
/// and cuts. Safe from any thread; each of the calls is made once.
public final class VarveServer: Sendable {
  public struct Addresses: Sendable {
    public var lines: Address
    public var http: Address
  }

  public let engine: Engine
  public let configuration: ServerConfiguration
  private let lines: LineServer
  private let bodies: BodyLoops
  private let http: HTTPServer
  private let routes: Routes
  private let logger: Logger

  /// Takes the data directory; nothing is read yet.
  ///
  /// - Throws: ``EngineError/inUse(path:)`` when another process has it.
  public init(
    _ configuration: ServerConfiguration,
    engine engineConfiguration: EngineConfiguration,
    disk: any Disk,
    clock: any Clock,
    logger: Logger,
    authorizer: any Authorizer = OpenAuthorizer()
  ) throws(EngineError) {
    self.configuration = configuration
    self.logger = logger
    engine = try Engine(
      engineConfiguration,
      disk: disk,
      clock: clock,
      logger: logger,
      authorizer: authorizer,
      threading: .threads
    )
    let statistics = ServerStatistics(routes: Routes.names)
    let log = SampledLog(logger, clock: clock)
    lines = LineServer(configuration, statistics: statistics, log: log)
    bodies = BodyLoops(configuration, statistics: statistics.writes)
    let writes = WriteRoutes(
      engine: engine,
      bodies: bodies,
      configuration: configuration,
      statistics: statistics.writes
    )
    let budget = AnswerBudget(configuration, engine: engineConfiguration, clock: clock)
    routes = Routes(
      engine: engine,
      writes: writes,
      statistics: statistics,
      budget: budget,
      startedAt: clock.now(),
      clock: clock,
      lineConnectionCountMax: configuration.lineConnectionCountMax,
      httpConnectionCountMax: configuration.httpConnectionCountMax
    )
    http = HTTPServer(
      configuration,
      routes: routes,
      statistics: statistics,
      budget: budget,
      log: log,
      clock: clock
    )
  }

  /// Takes both ports for a moment: tells a conflict before anything is made on the disk.
  public static func checkPorts(_ configuration: ServerConfiguration) async throws(ServerError) {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var failure: ServerError?
    for (address, option) in [
      (configuration.lines, "--line-tcp"), (configuration.http, "--http"),
    ] where failure == nil {
      do {
        let listener = try await ServerBootstrap(group: group)
          .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
          .bind(host: address.host, port: address.port).get()
        try await listener.close().get()
      } catch {
        failure = .binding(address, option: option, error)
      }
    }
    try? await group.shutdownGracefully()
    if let failure { throw failure }
  }

  /// Takes both ports. HTTP answers from now on, data routes with 503 until ``recover()`` is done;
  /// connections of the line port wait until then.
  public func listen() async throws(ServerError) -> Addresses {
    let linesAt = try await lines.bind()
    do throws(ServerError) {
      return Addresses(lines: linesAt, http: try await http.start())
    } catch {
      await lines.stop()
      await lines.shutDown()
      await bodies.shutDown()
      throw error
    }
  }

  /// Opens the data on a thread of its own and begins to take lines.
  public func recover() async throws -> RecoveryReport {
    let engine = engine
    let report = try await Blocking.run("recovery") { () throws(EngineError) in
      try engine.start()
    }
    try await bodies.accept(engine)
    try await lines.accept(engine)
    return report
  }

  /// Every metric that `/metrics` shows, in its order.
  package func metricFamilies() async -> [MetricsText.Family] {
    await routes.metricsPage().families
  }

  /// Drains the line port, cuts every partition, closes all files. Data routes answer 503
  /// meanwhile. Whatever clients do, it ends within ``ServerConfiguration/stopSeconds``, as long as
  /// the disk answers.
  public func stop() async throws {
    engine.endFeed(reason: "the server is stopping; come back with the last id")
    async let bodiesStopped: Void = bodies.stop()
    await lines.stop()
    await bodiesStopped
    let engine = engine
    let cutNanoseconds = configuration.cutNanosecondsOfStop
    let failure = await Blocking.attempt("stop") { () throws(EngineError) in
      try engine.stop(cutNanoseconds: cutNanoseconds)
    }
    await http.stop()
    await bodies.shutDown()
    await lines.shutDown()
    if let failure { throw failure }
  }
}
