internal import Logging
internal import Model
internal import Platform
internal import Synchronization

/// Tells the log when points went uncounted, which is a defect of ours and no fault of data or
/// disk: at once, and once a minute while it is found again. Looked at after each cut, and whenever
/// somebody asks for the ledger. Any thread.
final class LedgerWatch: Sendable {
  private let logger: Logger
  private let clock: any Clock
  private let toldAt = Mutex<UInt64?>(nil)

  init(logger: Logger, clock: any Clock) {
    self.logger = logger
    self.clock = clock
  }

  func tell(_ row: LedgerRow) {
    let now = clock.monotonic()
    let isDue = toldAt.withLock { told in
      if let told, now &- told < TroubleLog.repeatNanoseconds { return false }
      told = now
      return true
    }
    guard isDue else { return }
    let entry = row.entry
    let counts: [(name: String, points: UInt64)] = [
      ("received", entry.received), ("stored", entry.stored), ("duplicate", entry.duplicate),
      ("replaced", entry.replaced), ("rejected", entry.rejectedPoints), ("pending", row.pending),
    ]
    var metadata: Logger.Metadata = ["tenant": "\(String(decoding: row.tenant, as: UTF8.self))"]
    if let measurement = row.measurement {
      metadata["measurement"] = "\(String(decoding: measurement, as: UTF8.self))"
    }
    for (name, points) in counts { metadata[name] = .stringConvertible(points) }
    logger.log(.ledgerUnbalanced, .error, "the ledger does not balance", metadata)
  }
}
