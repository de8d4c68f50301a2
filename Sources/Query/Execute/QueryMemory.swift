internal import Synchronization

/// What one running query holds of its budget, for whoever watches.
public final class QueryMemory: Sendable {
  private let held = Atomic<Int>(0)

  public init() {}

  public var byteCount: Int { held.load(ordering: .relaxed) }

  func update(_ byteCount: Int) { held.store(byteCount, ordering: .relaxed) }
}
