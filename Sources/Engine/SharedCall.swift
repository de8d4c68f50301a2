package import Platform
internal import Synchronization

/// One blocking call that many tasks wait for: at most one thread whatever they are. Whoever comes
/// while it runs is answered by the next run, so that each sees what was there when it came.
package final class SharedCall<Value: Sendable>: Sendable {
  private struct State {
    var waiting: [CheckedContinuation<Value, Never>] = []
    var isRunning = false
  }

  private let name: String
  private let state = Mutex(State())

  /// - Parameter name: of the thread.
  package init(name: String) { self.name = name }

  /// The outcome of a run of `body` that begins after this call.
  ///
  /// - Parameters:
  ///   - body: must do the same for all who call.
  ///   - failed: the value where no thread can be made.
  package func run(
    _ body: @escaping @Sendable () -> Value,
    failed: @escaping @Sendable (SystemError) -> Value
  ) async -> Value {
    await withCheckedContinuation { continuation in
      let isFirst = state.withLock { state in
        state.waiting.append(continuation)
        defer { state.isRunning = true }
        return !state.isRunning
      }
      guard isFirst else { return }
      do throws(SystemError) {
        _ = try WorkerThread(name: name) { [self] in
          while let waiting = take() { answer(waiting, body()) }
        }
      } catch {
        while let waiting = take() { answer(waiting, failed(error)) }
      }
    }
  }

  /// Those whom the next run answers; `nil` ends the running.
  private func take() -> [CheckedContinuation<Value, Never>]? {
    state.withLock { state in
      defer { state.waiting = [] }
      state.isRunning = !state.waiting.isEmpty
      return state.isRunning ? state.waiting : nil
    }
  }

  private func answer(_ waiting: [CheckedContinuation<Value, Never>], _ value: Value) {
    for continuation in waiting { continuation.resume(returning: value) }
  }
}
