public import Logging

/// What a line of the log is about: the member `kind` of its JSON. Texts may change from version to
/// version, kinds do not, so that scripts and alerts look at them; docs/operations.md lists all.
public enum LogKind: String, CaseIterable, Sendable {
  case started, replaying, ready, stopping, stopped
  /// Findings of a start.
  case damage, note
  case unknownVariable = "unknown_variable"
  case fewDescriptors = "few_descriptors"
  case connectionRefused = "connection_refused"
  case connectionClosed = "connection_closed"
  case acceptFailed = "accept_failed"
  case writesRefused = "writes_refused"
  case writesTaken = "writes_taken"
  case cutFailed = "cut_failed"
  case cutsSucceed = "cuts_succeed"
  case lastCutFailed = "last_cut_failed"
  case ringFileDamaged = "ring_file_damaged"
  case mergeFailed = "merge_failed"
  case mergesSucceed = "merges_succeed"
  case ingestSlowed = "ingest_slowed"
  case ingestFree = "ingest_free"
  case moveFailed = "move_failed"
  case movesSucceed = "moves_succeed"
  case stubRestored = "stub_restored"
  case removalFailed = "removal_failed"
  case removalsSucceed = "removals_succeed"
  case blocksRemoved = "blocks_removed"
  case seriesDeleted = "series_deleted"
  case rollupFailed = "rollup_failed"
  case rollupsSucceed = "rollups_succeed"
  case rollupsKept = "rollups_kept"
  case coldStoreUnreadable = "cold_store_unreadable"
  case coldStoreChanged = "cold_store_changed"
  case coldStoreShared = "cold_store_shared"
  case windowNotAnnounced = "window_not_announced"
  case ledgerUnbalanced = "ledger_unbalanced"

  /// The key in an event's metadata.
  public static let key = "kind"
}

extension Logger {
  /// Writes one event of a kind.
  ///
  /// - Parameter metadata: numbers as `.stringConvertible`, so that JSON has numbers too.
  public func log(
    _ kind: LogKind,
    _ level: Logger.Level,
    _ message: @autoclosure () -> Logger.Message,
    _ metadata: @autoclosure () -> Logger.Metadata = [:]
  ) {
    guard level >= logLevel else { return }
    var all = metadata()
    all[LogKind.key] = "\(kind.rawValue)"
    log(level: level, message(), metadata: all)
  }
}
