internal import Platform
internal import Synchronization

/// What the surfaces count, for `/metrics`. Safe from any thread.
final class ServerStatistics: Sendable {
  private let openConnections = Atomic(0)
  private let acceptedConnections = Atomic(0)
  private let refusedConnections = Atomic(0)
  private let httpConnections = Atomic(0)
  private let runningRequests = Atomic(0)
  /// Answered HTTP requests by route and status.
  private let requests = Mutex<[RequestKey: Int]>([:])
  /// Durations of requests by route.
  private let durations: [String: DurationHistogram]
  let writes = WriteStatistics()

  /// - Parameter routes: the paths of the route table, and `other`.
  init(routes: [String]) {
    durations = Dictionary(uniqueKeysWithValues: routes.map { ($0, DurationHistogram()) })
  }

  struct RequestKey: Hashable {
    /// A path of the route table, or `other`; never the client's own text.
    var route: String
    var status: Int
  }

  struct Snapshot {
    var openConnections = 0
    var acceptedConnections = 0
    var refusedConnections = 0
    var httpConnections = 0
    var runningRequests = 0
    var requests: [(key: RequestKey, count: Int)] = []
    /// By route; only those that were asked for.
    var durations: [(route: String, counts: DurationHistogram.Counts)] = []
    var writes = WriteStatistics.Snapshot()
  }

  /// Counts a new connection of the line port unless `max` are open.
  func openConnection(max: Int) -> Bool {
    if openConnections.wrappingAdd(1, ordering: .relaxed).oldValue >= max {
      openConnections.wrappingSubtract(1, ordering: .relaxed)
      refusedConnections.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    acceptedConnections.wrappingAdd(1, ordering: .relaxed)
    return true
  }

  func closeConnection() { openConnections.wrappingSubtract(1, ordering: .relaxed) }

  var httpConnectionCount: Int { httpConnections.load(ordering: .relaxed) }
  func openHTTPConnection() { httpConnections.wrappingAdd(1, ordering: .relaxed) }
  func closeHTTPConnection() { httpConnections.wrappingSubtract(1, ordering: .relaxed) }

  func beginRequest() { runningRequests.wrappingAdd(1, ordering: .relaxed) }
  func endRequest() { runningRequests.wrappingSubtract(1, ordering: .relaxed) }

  func countRequest(route: String, status: Int) {
    requests.withLock { $0[RequestKey(route: route, status: status), default: 0] += 1 }
  }

  /// A request has been answered to its last byte.
  func record(route: String, nanoseconds: UInt64) {
    durations[route]?.record(nanoseconds: nanoseconds)
  }

  func snapshot() -> Snapshot {
    Snapshot(
      openConnections: openConnections.load(ordering: .relaxed),
      acceptedConnections: acceptedConnections.load(ordering: .relaxed),
      refusedConnections: refusedConnections.load(ordering: .relaxed),
      httpConnections: httpConnectionCount,
      runningRequests: runningRequests.load(ordering: .relaxed),
      requests: requests.withLock { requests in
        requests.sorted { ($0.key.route, $0.key.status) < ($1.key.route, $1.key.status) }
          .map { (key: $0.key, count: $0.value) }
      },
      durations: durations.sorted { $0.key < $1.key }
        .map { (route: $0.key, counts: $0.value.counts) }
        .filter { $0.counts.total > 0 },
      writes: writes.snapshot()
    )
  }
}
