internal import Glibc
internal import Synchronization

/// Wakes a thread that has nothing to do. Coalescing: any number of ``set()`` before a wait end one
/// wait.
///
/// `set` costs an atomic exchange while the flag is up, a mutex and a wake-up otherwise, so that it
/// may follow every push into a ring. Safe from several threads; meant for one waiter (of several,
/// each `set` wakes one).
@safe public final class Signal: @unchecked Sendable {
  // Guarded by themselves; at a fixed address, as pthread demands.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let isSet = Atomic(false)

  public init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe condition = .allocate(capacity: 1)
    unsafe condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    var code = unsafe pthread_mutex_init(mutex, nil)
    code |= unsafe pthread_condattr_init(&attributes)
    code |= unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    code |= unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
    precondition(code == 0, "glibc makes these without fail")
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Ends the current wait, or the next one at once. What was written before is visible behind it.
  public func set() {
    if isSet.exchange(true, ordering: .acquiringAndReleasing) { return }
    // A waiter that saw the flag down holds the mutex until it sleeps, so this wakes it. It finds
    // the mutex free.
    unsafe pthread_mutex_lock(mutex)
    unsafe pthread_mutex_unlock(mutex)
    unsafe pthread_cond_signal(condition)
  }

  /// Waits for ``set()`` and takes the flag down.
  ///
  /// - Parameter timeoutNanoseconds: how long at most; 0 only looks.
  /// - Returns: whether it was set; `false` when the time was up.
  @discardableResult
  public func wait(timeoutNanoseconds: UInt64) -> Bool {
    if take() { return true }
    if timeoutNanoseconds == 0 { return false }
    var deadline = Self.deadline(in: timeoutNanoseconds)
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    while !take() {
      if unsafe pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return take() }
    }
    return true
  }

  /// Waits for ``set()`` without end and takes the flag down.
  public func wait() {
    unsafe pthread_mutex_lock(mutex)
    while !take() { unsafe pthread_cond_wait(condition, mutex) }
    unsafe pthread_mutex_unlock(mutex)
  }

  private func take() -> Bool { isSet.exchange(false, ordering: .acquiringAndReleasing) }

  private static func deadline(in nanoseconds: UInt64) -> timespec {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    // A year is as good as for ever and cannot overflow.
    let total = UInt64(now.tv_nsec) + min(nanoseconds, 365 * 86_400 * 1_000_000_000)
    return timespec(
      tv_sec: now.tv_sec + Int(total / 1_000_000_000),
      tv_nsec: Int(total % 1_000_000_000)
    )
  }
}
