internal import ArgumentParser
internal import Platform
internal import Synchronization

/// SIGTERM and SIGINT as something to wait for.
///
/// The first one ends ``wait()``; while the server is still replaying it ends the process at once
/// with 0, for replay loses nothing. A second one ends the process with 1.
final class StopSignal: Sendable {
  private struct State {
    var isReady: Bool
    var received: String?
    var waiter: CheckedContinuation<String, Never>?
  }

  /// A stop that takes longer is given up; the log then has what was not cut.
  private let stopSeconds: Int
  private let state: Mutex<State>
  private let cleanUp: @Sendable () -> Void

  /// - Parameters:
  ///   - isReady: `false` until ``becomeReady()`` for a command that first replays.
  ///   - stopSeconds: what a stop may take.
  ///   - cleanUp: done before a signal ends the process at once.
  init(
    isReady: Bool = false,
    stopSeconds: Int = 30,
    cleanUp: @escaping @Sendable () -> Void = {}
  ) throws {
    self.stopSeconds = stopSeconds
    state = Mutex(State(isReady: isReady))
    self.cleanUp = cleanUp
    do throws(SystemError) {
      try TerminationSignals.handle { [weak self] name in self?.receive(name) }
    } catch {
      throw Failure("cannot handle signals: \(error)")
    }
  }

  func becomeReady() { state.withLock { $0.isReady = true } }

  private func receive(_ name: String) {
    let (isFirst, isReady, waiter) = state.withLock { state in
      defer {
        state.received = state.received ?? name
        state.waiter = nil
      }
      return (state.received == nil, state.isReady, state.waiter)
    }
    guard isFirst else {
      StandardOutput.writeError("\(name) again: ending at once; the log has what is not cut\n")
      end(1)
    }
    guard isReady else {
      StandardOutput.write("\(name) during replay: nothing to drain\n")
      end(0)
    }
    waiter?.resume(returning: name)
    let limit = stopSeconds
    _ = try? WorkerThread(name: "stop limit") { [self] in
      Signal().wait(timeoutNanoseconds: UInt64(limit) * 1_000_000_000)
      StandardOutput.writeError(
        "not stopped after \(limit) s: ending; the log has what is not cut\n"
      )
      end(1)
    }
  }

  private func end(_ status: Int32) -> Never {
    cleanUp()
    Varve.exit(withError: ExitCode(status))
  }

  /// Waits for the first signal.
  ///
  /// - Returns: its name.
  func wait() async -> String {
    await withCheckedContinuation { continuation in
      let received = state.withLock { state in
        if state.received == nil { state.waiter = continuation }
        return state.received
      }
      if let received { continuation.resume(returning: received) }
    }
  }

  /// The same, for at most so long.
  ///
  /// - Returns: the signal's name, or `nil` when the time was up.
  func wait(for time: TimeSpan) async -> String? {
    let timer = Task {
      try? await Task.sleep(for: .nanoseconds(time.nanoseconds))
      endWait()
    }
    defer { timer.cancel() }
    let name = await wait()
    return name.isEmpty ? nil : name
  }

  private func endWait() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: "")
  }
}
