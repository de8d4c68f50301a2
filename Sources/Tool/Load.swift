internal import ArgumentParser
internal import Platform
internal import Server
internal import Synchronization

/// A simulated fleet over real TCP, with acknowledgements.
struct Load: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Load a server with a simulated fleet over line protocol.",
    discussion: """
      Sends rows with their real time, over TCP with an #ack behind every piece or over HTTP with \
      a POST for every piece, and reports the rate, the time to acknowledgement and the processor \
      time at both ends. A line of how it goes is written to standard error. Exit status 1 when \
      anything was rejected, failed or was not acknowledged.
      """
  )

  @Option(help: "The server's line port, HOST:PORT, or its HTTP port, http://HOST:PORT.")
  var to = "127.0.0.1:9009"

  @Option(help: "The server's HTTP address, to read its processor time from.")
  var http = "http://127.0.0.1:8086"

  @Option(help: "Simulated servers, each a series.")
  var servers = 100

  @Option(help: "Metrics of each server: the fields of its row.")
  var metrics = 200

  @Option(help: "Time between two rows of a server; 0 sends as fast as the server answers.")
  var interval = TimeSpan(seconds: 1)

  @Option(help: "How long to send.")
  var duration = TimeSpan(seconds: 60)

  @Option(help: "Connections that share the servers.")
  var connections = 4

  @Option(help: "Bytes that a connection may have sent and not yet acknowledged.")
  var window = ByteSize(byteCount: 4 << 20)

  @Option(help: "The same seed makes the same values.")
  var seed: UInt64 = 1

  @Flag(help: "Print the report as JSON.")
  var json = false

  func validate() throws {
    guard target != nil else {
      throw ValidationError(
        "--to is \"\(to)\"; expected HOST:PORT, such as 127.0.0.1:9009, or http://HOST:PORT"
      )
    }
    guard MetricsClient(http) != nil else {
      throw ValidationError("--http is \"\(http)\"; expected http://HOST:PORT")
    }
    for (name, value, most) in [
      ("servers", servers, 1_000_000), ("metrics", metrics, 60_000),
      ("connections", connections, 1_000),
    ] {
      guard (1...most).contains(value) else {
        throw ValidationError("--\(name) is \(value); expected 1 to \(Quantity.grouped(most))")
      }
    }
  }

  /// Where rows go, and how.
  private var target: (address: Address, transport: LoadPlan.Transport)? {
    let scheme = "http://"
    guard to.hasPrefix(scheme) else { return Address(to).map { ($0, .lines) } }
    var rest = to.dropFirst(scheme.count)
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    return Address(String(rest)).map { ($0, .http) }
  }

  func run() throws {
    guard let (address, transport) = target, let server = MetricsClient(http) else { return }
    let clock = RealClock()
    let plan = LoadPlan(
      address: address,
      transport: transport,
      servers: 0..<servers,
      metricCount: metrics,
      schedule: interval.nanoseconds == 0 ? .unlimited : .paced(interval: interval.nanoseconds),
      duration: duration.nanoseconds,
      connectionCount: connections,
      windowByteCount: max(1, window.byteCount),
      seed: seed
    )
    let serverBefore = server.processorSeconds()
    let ownBefore = ProcessStatistics.current().cpuSeconds
    let run: LoadRun
    do throws(SystemError) {
      run = try LoadRun(plan, clock: clock)
      try TerminationSignals.handle { _ in run.stop() }
    } catch {
      throw Failure("cannot send to \(address): \(error.reason); is a server running there?")
    }
    let liveLine = LiveLine(run, metricCount: metrics)
    let progress = run.finish()
    let seconds = run.secondsSinceStart
    liveLine.stop()
    let report = LoadReport(
      progress: progress,
      metricCount: metrics,
      seconds: seconds,
      ownSeconds: ProcessStatistics.current().cpuSeconds - ownBefore,
      serverSeconds: serverBefore.flatMap { before in
        server.processorSeconds().map { $0 - before }
      }
    )
    StandardOutput.write(json ? report.json.text + "\n" : report.text)
    if !progress.isClean { throw ExitCode(1) }
  }
}
