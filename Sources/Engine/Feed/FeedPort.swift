internal import Model
internal import Platform
internal import Synchronization

/// What one look at a partition has found.
struct FeedScan: Sendable {
  var partition: PartitionID
  /// The first offset that was not looked at.
  var next: Offset
  /// Closed ones, then restated ones.
  var pairs: [FeedPair] = []
  /// Open windows that have grown.
  var grown: [FeedPair] = []
  /// Which time of listening it belongs to.
  var session = 0
  /// More windows than may wait were dropped.
  var isFlooded = false

  init(partition: PartitionID, next: Offset) {
    self.partition = partition
    self.next = next
  }
}

/// One worker's way to the feed: whether anybody listens, and where scans go.
final class FeedPort: Sendable {
  let configuration: FeedConfiguration
  private let control: FeedControl
  private let waiting = Mutex<[FeedScan]>([])
  private let isBusy = Atomic(false)

  init(_ control: FeedControl) {
    self.control = control
    configuration = control.configuration
  }

  // MARK: The worker's side

  /// The number of this time of listening; 0 while nobody listens. Each begins with a look that
  /// only says where the partitions stand.
  var session: Int { control.session.load(ordering: .relaxed) }
  var wantsGrowth: Bool { control.wantsGrowth.load(ordering: .relaxed) }
  /// Whether everything published before has been announced.
  var isReady: Bool { !isBusy.load(ordering: .acquiring) }

  func publish(_ scans: [FeedScan]) {
    isBusy.store(true, ordering: .releasing)
    waiting.withLock { $0 += scans }
    control.signal.set()
  }

  // MARK: The feed's side

  func take() -> [FeedScan] {
    waiting.withLock { waiting in
      defer { waiting = [] }
      return waiting
    }
  }

  /// All that was taken is announced; there was something.
  func release() { isBusy.store(false, ordering: .releasing) }
}

/// What the workers read of the feed on every step: two flags.
final class FeedControl: Sendable {
  let configuration: FeedConfiguration
  let session = Atomic(0)
  let wantsGrowth = Atomic(false)
  /// Wakes the feed's thread.
  let signal = Signal()

  init(_ configuration: FeedConfiguration) { self.configuration = configuration }
}
