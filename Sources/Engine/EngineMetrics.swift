internal import Model
internal import Platform
internal import Queue
internal import Synchronization

/// Numbers that event loops count for `/metrics`: relaxed atomics, one set per receiver.
final class ReceiverStatistics: Sendable {
  let bytes = Atomic<UInt64>(0)
  let linesAccepted = Atomic<UInt64>(0)
  let linesRefused = Atomic<UInt64>(0)
}

/// Numbers that a worker publishes after each step.
final class WorkerGauges: Sendable {
  struct Partition: Sendable {
    var partition: PartitionID
    var nextOffset: UInt64 = 0
    var committedOffset: UInt64 = 0
    var openBytes = 0
    var openRows = 0
    var openLogBytes = 0
    var blocks = 0
    var blockBytes: UInt64 = 0
    var cuts: UInt64 = 0
    var unreadableRows = 0
  }

  private struct State {
    var partitions: [Partition]
    var cutFailures: UInt64 = 0
    var lastCutFailure: String?
  }

  private let state: Mutex<State>

  init(partitions: [PartitionID]) {
    state = Mutex(State(partitions: partitions.map { Partition(partition: $0) }))
  }

  func publish(_ partitions: [Partition]) { state.withLock { $0.partitions = partitions } }

  func cutFailed(_ error: SystemError) {
    state.withLock {
      $0.cutFailures += 1
      $0.lastCutFailure = "\(error)"
    }
  }

  func cutSucceeded() { state.withLock { $0.lastCutFailure = nil } }

  func read() -> (partitions: [Partition], cutFailures: UInt64, lastCutFailure: String?) {
    state.withLock { ($0.partitions, $0.cutFailures, $0.lastCutFailure) }
  }
}
