internal import Synchronization

/// What one running query holds of its budget, for whoever watches, and how it is told to end.
public final class QueryMemory: Sendable {
  private let held = Atomic<Int>(0)
  private let cancelled = Atomic(false)

  public init() {}

  public var byteCount: Int { held.load(ordering: .relaxed) }

  /// Ends the query at its next look: the server stops.
  public func cancel() { cancelled.store(true, ordering: .relaxed) }

  var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

  func update(_ byteCount: Int) { held.store(byteCount, ordering: .relaxed) }
}
