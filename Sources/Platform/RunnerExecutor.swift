/// Runs the jobs of tasks wherever somebody else runs closures, an event loop say: tasks that
/// prefer it never leave that thread between waits.
///
/// Whatever prefers it must not block, nor compute for long.
@safe public final class RunnerExecutor: TaskExecutor {
  private let runner: @Sendable (@escaping @Sendable () -> Void) -> Void

  /// - Parameter runner: runs a closure soon, in the order of calls.
  public init(_ runner: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
    self.runner = runner
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    runner { [self] in unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}
