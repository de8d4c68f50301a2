/// Where time comes from; an argument everywhere, so that a simulation can replay it.
public protocol Clock: Sendable {
  /// The wall clock: nanoseconds since the Unix epoch, UTC. May jump.
  func now() -> Int64
  /// A clock that never goes back, in nanoseconds from an arbitrary start: for waits and latencies.
  func monotonic() -> UInt64
  /// What the calling thread has had of a processor, in nanoseconds; where nobody counts that, the
  /// time that has passed.
  func processorTime() -> UInt64
}

extension Clock {
  public func processorTime() -> UInt64 { monotonic() }
}
