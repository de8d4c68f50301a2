internal import Platform
internal import Synchronization

/// A load run in progress: its connections and their threads.
final class LoadRun: Sendable {
  private let connections: [LoadConnection]
  private let threads: Mutex<[WorkerThread]>
  private let clock: any Clock
  private let startedAt: UInt64

  /// Connects and begins to send.
  init(_ plan: LoadPlan, clock: any Clock) throws(SystemError) {
    self.clock = clock
    var connections: [LoadConnection] = []
    let count = max(1, min(plan.connectionCount, plan.servers.count))
    for index in 0..<count {
      let first = plan.servers.lowerBound + plan.servers.count * index / count
      let end = plan.servers.lowerBound + plan.servers.count * (index + 1) / count
      connections.append(try LoadConnection(plan, servers: first..<end, clock: clock))
    }
    self.connections = connections
    let (startedAt, wallStart) = (clock.monotonic(), clock.now())
    self.startedAt = startedAt
    var threads: [WorkerThread] = []
    for connection in connections {
      threads.append(
        try WorkerThread(name: "load send") {
          connection.send(startedAt: startedAt, wallStart: wallStart)
        }
      )
      threads.append(try WorkerThread(name: "load receive") { connection.receive() })
    }
    self.threads = Mutex(threads)
  }

  var secondsSinceStart: Double { Double(clock.monotonic() - startedAt) / 1e9 }

  var progress: LoadProgress {
    var total = LoadProgress()
    for connection in connections { total.merge(connection.progress) }
    return total
  }

  /// Sends nothing more; answers still come.
  func stop() { for connection in connections { connection.stop() } }

  /// Waits until everything is sent and answered. Called once.
  func finish() -> LoadProgress {
    let threads = threads.withLock { threads in
      defer { threads = [] }
      return threads
    }
    for thread in threads { thread.join() }
    return progress
  }
}
