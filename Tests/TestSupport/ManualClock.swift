public import Platform
internal import Synchronization

/// A clock that stands still until a test moves it. Safe from several threads.
public final class ManualClock: Clock {
  private struct State {
    var wall: Int64
    var monotonic: UInt64
  }

  private let state: Mutex<State>

  /// - Parameter now: the wall clock at the start; 14 November 2023, 22:13:20 UTC by default.
  public init(now: Int64 = 1_700_000_000_000_000_000) {
    state = Mutex(State(wall: now, monotonic: 0))
  }

  public func now() -> Int64 { state.withLock { $0.wall } }

  public func monotonic() -> UInt64 { state.withLock { $0.monotonic } }

  /// Lets time pass on both clocks.
  public func advance(nanoseconds: Int64) {
    precondition(nanoseconds >= 0, "time never goes back; set(now:) makes the wall clock jump")
    state.withLock {
      $0.wall += nanoseconds
      $0.monotonic += UInt64(nanoseconds)
    }
  }

  public func advance(seconds: Int64) { advance(nanoseconds: seconds * 1_000_000_000) }

  /// Makes the wall clock jump, forwards or back, as an operator or a time server does.
  public func set(now: Int64) { state.withLock { $0.wall = now } }
}
