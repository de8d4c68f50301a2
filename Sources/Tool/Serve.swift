internal import ArgumentParser
internal import Engine
internal import Platform
internal import Server

/// The server.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the server.",
    discussion: """
      Takes line protocol over TCP, stores it under --data and answers queries over HTTP. Budgets \
      that are not given fit the machine. SIGTERM and SIGINT drain, cut and exit 0; a second \
      signal exits at once.
      """
  )

  @Option(help: "The data directory; made when it is not there.")
  var data: String

  @Option(help: "Where line protocol is taken, HOST:PORT.")
  var lineTcp = "127.0.0.1:9009"

  @Option(help: "Where HTTP is answered, HOST:PORT.")
  var http = "127.0.0.1:8086"

  @Option(help: "When a row counts as acknowledged: fsync, interval or os.")
  var durability = Durability.fsync

  @Option(help: "Partitions of a new data directory, 1 to 64.")
  var partitions = 8

  @Option(help: "Threads that own partitions. (default: one a core)")
  var workers: Int?

  @Option(help: "Series over all tenants.")
  var seriesMax = 1_000_000

  @Option(help: "Memory of rows that are not cut yet. (default: a twelfth of the memory)")
  var openRows: ByteSize?

  @Option(help: "Memory of one query. (default: a 32nd of the memory)")
  var queryMemory: ByteSize?

  @Option(help: "Threads that answer queries. (default: one a core)")
  var queryThreads: Int?

  @Option(help: "The longest line.")
  var lineMax = ByteSize(byteCount: 1 << 20)

  @Option(help: "Connections of the line port.")
  var connectionsMax = 10_000

  @Option(help: "Time after which a partition with rows is cut.")
  var cutInterval = TimeSpan(seconds: 600)

  @Option(help: "Log since the last cuts at which a partition is cut. (default: fits the disk)")
  var cutLog: ByteSize?

  @Option(help: "A segment of the queue. (default: fits the disk)")
  var segment: ByteSize?

  @Option(help: "How long the queue keeps segments that are cut.")
  var queueRetain = TimeSpan(seconds: 3_600)

  @Option(help: "How much of them it keeps. (default: fits the disk)")
  var queueRetainSize: ByteSize?

  @Option(help: "What is logged: debug, info, notice, warning or error.")
  var logLevel = LogLevel.info

  func validate() throws {
    try Check.address(lineTcp, option: "line-tcp")
    try Check.address(http, option: "http")
    try Check.range(partitions, 1...64, option: "partitions")
    try Check.range(workers ?? 1, 1...64, option: "workers")
    try Check.range(queryThreads ?? 1, 1...64, option: "query-threads")
    try Check.range(seriesMax, 1...(1 << 31), option: "series-max")
    try Check.range(connectionsMax, 1...1_000_000, option: "connections-max")
    try Check.range(lineMax.byteCount, 64...(64 << 20), option: "line-max")
  }

  func run() async throws {
    let files = ProcessLimits.raiseOpenFileCount()
    let disk = RealDisk()
    let engine = try engineConfiguration(disk)
    let stop = try StopSignal()
    let server: VarveServer
    let addresses: VarveServer.Addresses
    do {
      server = try VarveServer(
        serverConfiguration(files: files),
        engine: engine,
        disk: disk,
        clock: RealClock(),
        logger: ToolLog.logger(logLevel)
      )
      addresses = try await server.listen()
    } catch {
      throw Failure("\(error)")
    }
    let report = StartReport(server.engine.configuration, disk: disk)
    StandardOutput.write(report.text(addresses))
    do {
      StandardOutput.write(report.text(try await server.recover()))
      stop.becomeReady()
    } catch {
      throw Failure("cannot open \(data): \(error)")
    }
    let signal = await stop.wait()
    StandardOutput.write("\(signal): draining and cutting\n")
    do { try await server.stop() } catch { throw Failure("\(error)") }
    StandardOutput.write("stopped\n")
  }

  private func serverConfiguration(files: Int) -> ServerConfiguration {
    var configuration = ServerConfiguration()
    if let address = Address(lineTcp) { configuration.lines = address }
    if let address = Address(http) { configuration.http = address }
    configuration.lineLoopCount = MachineResources.current().coreCount
    // Blocks, segments and HTTP need descriptors too.
    configuration.lineConnectionCountMax = max(1, min(connectionsMax, files / 2))
    return configuration
  }

  private func engineConfiguration(_ disk: RealDisk) throws -> EngineConfiguration {
    let machine = MachineResources.current()
    do throws(SystemError) {
      try disk.createDirectory(data)
      var result = EngineConfiguration.scaled(
        dataDirectory: data,
        machineMemory: machine.memoryByteCount,
        disk: try disk.space(at: data).total,
        cores: machine.coreCount
      )
      result.durability = durability.mode
      result.partitionCount = partitions
      result.seriesMax = seriesMax
      result.lineByteCountMax = lineMax.byteCount
      result.cutIntervalNanoseconds = cutInterval.nanoseconds
      result.queueRetainNanoseconds = queueRetain.nanoseconds
      if let workers { result.workerCount = workers }
      if let queryThreads { result.queryThreadCount = queryThreads }
      if let openRows { result.openRowByteCountMax = openRows.byteCount }
      if let queryMemory { result.queryByteCountMax = queryMemory.byteCount }
      if let cutLog { result.cutLogByteCountMax = cutLog.byteCount }
      if let segment { result.segmentByteCountMax = segment.byteCount }
      if let queueRetainSize { result.queueRetainByteCount = queueRetainSize.byteCount }
      return result
    } catch {
      throw Failure("cannot use \(data) as data directory: \(error)")
    }
  }
}
