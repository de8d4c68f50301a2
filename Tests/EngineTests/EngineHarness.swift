import Cold
import Engine
import Logging
import Model
import Platform
import Query
import TestSupport

/// An engine on a disk in memory that the test steps itself.
final class EngineHarness {
  let disk: FaultyDisk
  let clock: ManualClock
  private(set) var report = RecoveryReport()
  private(set) var engine: Engine
  private(set) var receiver: Receiver
  private(set) var connection: LineConnection
  private let configure: (inout EngineConfiguration) -> Void
  private let objectStore: (any ObjectStore)?

  static func engine(
    on disk: FaultyDisk,
    clock: ManualClock = ManualClock(now: 1_795_373_340_000_000_000),
    objectStore: (any ObjectStore)? = nil,
    configure: (inout EngineConfiguration) -> Void = { _ in }
  ) throws -> Engine {
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = 2
    configuration.workerCount = 1
    configure(&configuration)
    return try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: silent,
      threading: .manual,
      objectStore: objectStore
    )
  }

  static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// - Parameters:
  ///   - disk: what it starts on, an empty disk or one with a directory on it.
  ///   - objectStore: the cold store, if it is not a directory of `disk`.
  init(
    on disk: FaultyDisk = FaultyDisk(seed: 1),
    now: Int64 = 1_795_373_340_000_000_000,
    objectStore: (any ObjectStore)? = nil,
    configure: @escaping (inout EngineConfiguration) -> Void = { _ in }
  ) throws {
    self.disk = disk
    clock = ManualClock(now: now)
    self.configure = configure
    self.objectStore = objectStore
    engine = try Self.engine(
      on: disk,
      clock: clock,
      objectStore: objectStore,
      configure: configure
    )
    report = try engine.start()
    receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "test")
  }

  /// Sends lines and returns everything that is answered.
  func send(_ text: String) throws -> String {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe receiver.receive($0, on: connection) }
    receiver.endOfRound()
    for _ in 0..<20 {
      clock.advance(nanoseconds: 3_000_000)
      receiver.tick()
      try engine.step()
      receiver.settle()
    }
    return String(decoding: connection.takeReplies(), as: UTF8.self)
  }

  /// Ends the process, as `kill -9` does or worse, and starts it again.
  ///
  /// - Parameter meanwhile: what happens to the disk in between.
  @discardableResult
  func restart(
    _ crash: FaultyDisk.Crash = .kill,
    meanwhile: (FaultyDisk) throws -> Void = { _ in }
  ) throws -> RecoveryReport {
    disk.crash(crash)
    try meanwhile(disk)
    try start()
    return report
  }

  /// Ends the process as `kill -9` does.
  func kill() throws { disk.crash(.kill) }

  /// Starts it again.
  func start() throws {
    engine = try Self.engine(
      on: disk,
      clock: clock,
      objectStore: objectStore,
      configure: configure
    )
    report = try engine.start()
    receiver = try engine.makeReceiver(onSettled: {})
    connection = receiver.open(sender: "test")
  }

  static func items(_ query: String) -> [(name: String, value: String)] {
    query.split(separator: "&").map { part in
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (name: String(pair[0]), value: String(pair[1]))
    }
  }

  /// Lets the workers do all that there is to do: cuts and freezes.
  func settle(steps: Int = 200) throws {
    for _ in 0..<steps {
      clock.advance(nanoseconds: 100_000_000)
      try engine.step()
    }
  }

  /// What `varve verify` finds, notes left out.
  var damages: [Damage] {
    DataDirectoryCheck(disk: disk, path: "/data").run().findings.filter { $0.severity != .note }
  }

  /// Windows that the ring has answered a query with.
  func ringWindows(_ query: String) async throws -> Int {
    try await engine.range(Self.items(query), tenant: "default").statistics.ringWindows
  }

  /// The answer's data as JSON, without its statistics.
  func range(_ query: String) async throws -> String {
    let json = String(
      decoding: try await engine.range(Self.items(query), tenant: "default").json(),
      as: UTF8.self
    )
    return String(json.prefix(upTo: json.range(of: #","stats""#)?.lowerBound ?? json.endIndex))
  }
}

extension String {
  /// Where `text` first stands.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
