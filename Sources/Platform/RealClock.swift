internal import Glibc

/// The machine's clocks.
public struct RealClock: Clock {
  public init() {}

  public func now() -> Int64 { Int64(truncatingIfNeeded: read(CLOCK_REALTIME)) }

  public func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }

  public func processorTime() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

  private func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    let result = unsafe clock_gettime(clock, &time)
    precondition(result == 0, "every Linux has this clock")
    return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
