internal import ArgumentParser
internal import Engine
internal import Model
internal import Platform
internal import Server

/// Everything at once on a temporary directory: a server, a simulated fleet, two days of the past.
struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a server with a simulated fleet on a temporary directory.",
    discussion: """
      Backfills two days of minutes for a few servers, then sends a row a second for each of the \
      fleet, over TCP with acknowledgements. Ctrl-C or --duration ends it with the ledger of every \
      point. Exit status 1 when the ledger does not balance.
      """
  )

  @Option(help: "Simulated servers.")
  var servers = 100

  @Option(help: "Metrics of each server.")
  var metrics = 200

  @Option(help: "How long to run. (default: until Ctrl-C)")
  var duration: TimeSpan?

  @Option(help: "Where line protocol is taken; another free port when this one is in use.")
  var lineTcp = "127.0.0.1:9009"

  @Option(help: "Where HTTP is answered; another free port when this one is in use.")
  var http = "127.0.0.1:8086"

  private static let backfilledServerCount = 3
  private static let backfilledMinutes = 2 * 24 * 60

  func validate() throws {
    try Check.address(lineTcp, option: "line-tcp")
    try Check.address(http, option: "http")
    try Check.range(servers, 1...1_000_000, option: "servers")
    try Check.range(metrics, 1...60_000, option: "metrics")
  }

  func run() async throws {
    let directory = try ScratchDirectory()
    let stop = try StopSignal(isReady: true, cleanUp: { directory.remove() })
    defer { directory.remove() }
    let (server, addresses) = try await start(directory)
    do {
      StandardOutput.write(DemoText.start(addresses, directory: directory.path))
      let backfill = try await backfill(addresses.lines)
      StandardOutput.write(DemoText.invitation(addresses.http))
      let live = try await sendLive(addresses.lines, until: stop)
      try await report(server, [backfill, live])
      try await server.stop()
    } catch {
      try? await server.stop()
      throw error
    }
  }

  /// Starts on the wanted ports, or on free ones.
  private func start(
    _ directory: ScratchDirectory
  ) async throws -> (VarveServer, VarveServer.Addresses) {
    var configuration = ServerConfiguration()
    if let address = Address(lineTcp) { configuration.lines = address }
    if let address = Address(http) { configuration.http = address }
    configuration.lineLoopCount = MachineResources.current().coreCount
    while true {
      do {
        let server = try VarveServer(
          configuration,
          engine: try directory.engineConfiguration(),
          disk: RealDisk(),
          clock: RealClock(),
          logger: ToolLog.logger(.warning)
        )
        let addresses = try await server.listen()
        _ = try await server.recover()
        return (server, addresses)
      } catch ServerError.inUse(let address, _) where address.port != 0 {
        StandardOutput.write("\(address) is in use; taking a free port instead\n")
        if address == configuration.lines {
          configuration.lines.port = 0
        } else {
          configuration.http.port = 0
        }
        try directory.renew()
      } catch {
        throw Failure("\(error)")
      }
    }
  }

  private func plan(_ address: Address, _ schedule: LoadPlan.Schedule, servers: Int) -> LoadPlan {
    LoadPlan(
      address: address,
      servers: 0..<servers,
      metricCount: metrics,
      schedule: schedule,
      duration: nil,
      connectionCount: 2,
      windowByteCount: 4 << 20,
      seed: 1
    )
  }

  private func backfill(_ address: Address) async throws -> LoadProgress {
    let minute: Int64 = 60_000_000_000
    let now = RealClock().now()
    let start = (now / minute - Int64(Self.backfilledMinutes)) * minute
    let plan = plan(
      address,
      .backfill(start: start, step: minute, count: Self.backfilledMinutes),
      servers: min(servers, Self.backfilledServerCount)
    )
    let run = try begin(plan)
    let progress = await finish(run)
    StandardOutput.write(
      "backfilled  \(Quantity.grouped(progress.rowsAccepted * metrics)) points: two days of "
        + "minutes of \(plan.servers.count) servers in "
        + "\(Quantity.decimals(run.secondsSinceStart, 1)) s\n"
    )
    return progress
  }

  private func sendLive(_ address: Address, until stop: StopSignal) async throws -> LoadProgress {
    let run = try begin(plan(address, .paced(interval: 1_000_000_000), servers: servers))
    let live = LiveLine(run, metricCount: metrics)
    if let duration { _ = await stop.wait(for: duration) } else { _ = await stop.wait() }
    run.stop()
    let progress = await finish(run)
    live.stop()
    return progress
  }

  private func begin(_ plan: LoadPlan) throws -> LoadRun {
    do throws(SystemError) {
      return try LoadRun(plan, clock: RealClock())
    } catch {
      throw Failure("the fleet cannot connect: \(error)")
    }
  }

  /// Waits on a thread of its own: joining blocks.
  private func finish(_ run: LoadRun) async -> LoadProgress {
    await withCheckedContinuation { continuation in
      let thread = try? WorkerThread(name: "load end") {
        continuation.resume(returning: run.finish())
      }
      if thread == nil { continuation.resume(returning: run.finish()) }
    }
  }

  private func report(_ server: VarveServer, _ runs: [LoadProgress]) async throws {
    do { try await server.engine.flush() } catch { throw Failure("the last cut failed: \(error)") }
    let rows = await server.engine.ledger()
    var sent = LoadProgress()
    for run in runs { sent.merge(run) }
    StandardOutput.write(DemoText.report(rows, sent: sent, metricCount: metrics))
    let received = rows.reduce(0) { $0 + $1.entry.received }
    let isComplete = received == UInt64(sent.rowsAccepted * metrics)
    guard rows.allSatisfy({ $0.isBalanced }), isComplete, sent.isClean else {
      throw Failure("the ledger does not account for what was acknowledged")
    }
  }
}
