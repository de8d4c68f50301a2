internal import Engine
internal import Synchronization

/// The ledger for `/metrics`: as of now when the workers answer at once, else the one before, so
/// that a scrape never waits for a cut.
final class LatestLedger: Sendable {
  private static let patienceMilliseconds = 500

  private let latest = Mutex<[LedgerRow]>([])

  func read(_ engine: Engine) async -> [LedgerRow] {
    let answers = AsyncStream<Void> { continuation in
      Task {
        let rows = await engine.ledger()
        self.latest.withLock { $0 = rows }
        continuation.finish()
      }
      let waiting = Task {
        try? await Task.sleep(for: .milliseconds(Self.patienceMilliseconds))
        continuation.finish()
      }
      continuation.onTermination = { _ in waiting.cancel() }
    }
    for await _ in answers {}
    return latest.withLock { $0 }
  }
}
