public import Model
public import Platform
internal import Queue

/// Why an engine cannot do what it was asked; never a fault of data.
public enum EngineError: Error, Sendable {
  /// Another process holds the data directory.
  case inUse(path: String)
  /// The directory holds something that is not Varve's, or a newer version's.
  case foreignDirectory(path: String, found: String)
  case system(SystemError)
  /// The cold store cannot be used as it is configured.
  case coldStore(String)
  /// A call that needs ``Readiness/ready``.
  case notReady
  case stopped
}

extension EngineError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .inUse(let path):
      "\(path) is in use by another varve process; stop it or choose another data directory"
    case .foreignDirectory(let path, let found):
      "\(path) is no data directory of this version: \(found); choose an empty directory"
    case .system(let error): "\(error)"
    case .coldStore(let what): "cold store: \(what)"
    case .notReady: "the engine is still replaying its log; try again when /-/ready answers 200"
    case .stopped: "the engine is stopping"
    }
  }
}

/// How far the engine is with opening its data.
public enum Readiness: Sendable, Equatable {
  /// `fraction` of the log is applied, 0 ... 1; the time left is known after a while.
  case replaying(fraction: Double, secondsLeft: Double?)
  case ready
  case stopping
  case failed(String)
}

/// What opening a data directory found and did.
public struct RecoveryReport: Sendable {
  public var epoch: UInt32 = 0
  public var replayedBatches = 0
  public var replayedRows = 0
  public var replayedBytes = 0
  public var seconds: Double = 0
  public var blocks = 0
  public var series = 0
  /// What the ring holds, of all partitions.
  public var ring = RingSummary()
  /// What the log keeps.
  public var log = LogReach()
  /// Damage and notes, in the order they were met.
  public var damages: [Damage] = []

  public init() {}

  /// How far back the log reaches, once retention has looked at it.
  public struct LogReach: Hashable, Sendable {
    /// All that has come since then is in the log, but for what is damaged; `nil` when it has no
    /// sound segment.
    public var begin: Timestamp?
    /// From then to the start: 0 or more.
    public var nanoseconds: Int64 = 0

    public init() {}
  }
}

extension EngineError {
  init(_ error: LogError) {
    switch error {
    case .system(let error): self = .system(error)
    case .partitionCount(let path, _, _), .version(let path, _), .exhausted(let path):
      self = .foreignDirectory(path: path, found: "\(error)")
    }
  }
}

extension DurabilityMode {
  var commitMode: CommitMode {
    switch self {
    case .fsync: .fsync
    case .interval: .interval
    case .os: .os
    }
  }
}
