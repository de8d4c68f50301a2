/// Runs the steps of tasks on a loop that somebody else turns, so that a task which waits for that
/// loop and is waited for by it costs no change of threads.
///
/// A step must not block, nor compute for long: the loop stands still meanwhile. The loop must
/// outlive the tasks that prefer it.
public final class LoopExecutor: TaskExecutor {
  private let enqueueStep: @Sendable (_ step: @escaping @Sendable () -> Void) -> Void

  /// - Parameter enqueue: has the loop run a step, later and once; called from any thread.
  public init(enqueue: @escaping @Sendable (_ step: @escaping @Sendable () -> Void) -> Void) {
    enqueueStep = enqueue
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    enqueueStep { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
