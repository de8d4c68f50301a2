internal import ArgumentParser
internal import Engine
internal import Logging
internal import Platform
internal import Server

/// The server.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the server.",
    discussion: """
      Takes line protocol over TCP, stores it under --data and answers queries over HTTP. Every \
      option can also be given as a VARVE_* variable and in the --config file; flags win, then \
      variables, then the file. Budgets that are not given fit the machine. SIGTERM and SIGINT \
      drain, cut and exit 0; a second signal exits at once.
      """
  )

  @OptionGroup var flags: ConfigurationFlags

  func run() async throws {
    let loader = ConfigurationLoader(flags: flags)
    let resolution = try loader.loadForServing()
    let configuration = resolution.configuration
    let logger = ToolLog.logger(configuration.logLevel, format: configuration.logFormat)
    for warning in loader.warnings { logger.log(.unknownVariable, .warning, "\(warning)") }
    warnOfDescriptors(configuration.server, logger)
    let stop = try StopSignal(stopSeconds: configuration.server.stopSeconds)
    let disk = RealDisk()
    let server: VarveServer
    let addresses: VarveServer.Addresses
    do {
      // A server that cannot listen leaves no new directory behind.
      let identity = DataDirectory(configuration.engine.dataDirectory).identity
      if (try? disk.byteCount(of: identity)) == nil {
        try await VarveServer.checkPorts(configuration.server)
      }
      server = try VarveServer(
        configuration.server,
        engine: configuration.engine,
        disk: disk,
        clock: RealClock(),
        logger: logger
      )
      addresses = try await server.listen()
    } catch {
      throw Failure("\(error)")
    }
    let news = ServeNews(format: configuration.logFormat, logger: logger)
    let report = StartReport(server.engine.configuration, disk: disk)
    news.say(.started, BuildInformation.text, report.started(addresses))
    let progress = StartProgress.watch(server.engine, logger)
    do {
      let recovery = try await server.recover()
      stop.becomeReady()
      news.say(.ready, "taking lines", report.recovered(recovery))
      news.say(StartReport.findings(recovery))
    } catch {
      throw Failure("cannot open \(configuration.engine.dataDirectory): \(error)")
    }
    progress.cancel()
    ServiceNotification.send(["READY=1", "STATUS=taking lines at \(addresses.lines)"])
    let signal = await stop.wait()
    ServiceNotification.send(["STOPPING=1", "STATUS=draining and cutting"])
    news.say(.stopping, "\(signal): draining and cutting")
    do { try await server.stop() } catch { throw Failure("\(error)") }
    news.say(.stopped, "stopped")
  }

  /// Blocks, segments and HTTP need descriptors besides the connections.
  private func warnOfDescriptors(_ server: ServerConfiguration, _ logger: Logger) {
    let files = ProcessLimits.raiseOpenFileCount()
    guard server.lineConnectionCountMax > files / 2 else { return }
    logger.log(
      .fewDescriptors,
      .warning,
      """
      line.connections-max is \(server.lineConnectionCountMax), but the process may open \(files) \
      files; raise that limit (ulimit -n, LimitNOFILE) to twice the connections
      """
    )
  }
}
