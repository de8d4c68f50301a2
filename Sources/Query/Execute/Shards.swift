internal import Platform
internal import Synchronization

/// Threads that may lend a hand with a wide query.
public protocol QueryHelpers: Sendable {
  /// Has a thread run `work` if one is idle, else drops it: it is never waited for.
  func offer(_ work: @escaping @Sendable () -> Void)
}

/// Pieces of one query that do not depend on each other, done by the query's own thread and by
/// whoever helps.
///
/// A helper that comes late finds nothing left; only pieces that somebody has begun are waited for,
/// so that queries that wait for each other's threads cannot stand still.
final class Shards<Output: Sendable>: Sendable {
  private let count: Int
  private let body: @Sendable (Int) -> Output
  private let next = Atomic<Int>(0)
  private let outputs: Mutex<(done: Int, values: [Output?])>
  private let allDone = Signal()

  private init(_ count: Int, _ body: @escaping @Sendable (Int) -> Output) {
    self.count = count
    self.body = body
    outputs = Mutex((0, Array(repeating: nil, count: count)))
  }

  /// Runs `body` for 0 ..< `count`, in any order, on several threads.
  static func run(
    _ count: Int,
    _ helpers: (any QueryHelpers)?,
    _ body: @escaping @Sendable (Int) -> Output
  ) -> [Output] {
    guard count > 1, let helpers else { return (0..<count).map(body) }
    let shards = Shards(count, body)
    helpers.offer { shards.work() }
    shards.work()
    while true {
      let values = shards.outputs.withLock { $0.done == count ? $0.values : nil }
      if let values { return values.compactMap { $0 } }
      _ = shards.allDone.wait(timeoutNanoseconds: 1_000_000_000)
    }
  }

  private func work() {
    while true {
      let index = next.add(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      let output = body(index)
      let isLast = outputs.withLock { outputs in
        outputs.values[index] = output
        outputs.done += 1
        return outputs.done == count
      }
      if isLast { allDone.set() }
    }
  }
}
