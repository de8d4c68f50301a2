internal import Engine
internal import Platform

/// Runs long, blocking work on a thread of its own, so that no task's thread is held up.
enum Blocking {
  static func run<Value: Sendable>(
    _ name: String,
    _ body: @escaping @Sendable () throws(EngineError) -> Value
  ) async throws -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
      do throws(SystemError) {
        _ = try WorkerThread(name: name) {
          do throws(EngineError) {
            continuation.resume(returning: .success(try body()))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
      } catch {
        continuation.resume(returning: .failure(error))
      }
    }
    return try result.get()
  }

  /// The same for work without a result: what went wrong, or `nil`.
  static func attempt(
    _ name: String,
    _ body: @escaping @Sendable () throws(EngineError) -> Void
  ) async -> (any Error)? {
    do {
      try await run(name, body)
      return nil
    } catch {
      return error
    }
  }
}
