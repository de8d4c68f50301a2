internal import Glibc
internal import Synchronization

/// Named places at which a process can be made to die, as `kill -9` would have it: the moments that
/// recovery is there for, which a kill by the clock rarely hits.
///
/// Off unless the environment says `VARVE_CRASH_AT=NAME` or `NAME:COUNT` (the COUNTth arrival); for
/// `varve torture` and for tests of one's own recovery, never for a server that does its job.
public enum CrashPoint: String, CaseIterable, Sendable {
  /// A round of batches is written to the log and not synced.
  case logAppended = "log.appended"
  /// The round is durable and nobody has been told.
  case logSynced = "log.synced"
  /// A full segment is synced and its follower does not exist.
  case segmentRolled = "segment.rolled"
  /// New names are in the first copy of the catalog's log only.
  case catalogHalf = "catalog.half"
  /// A cut has its blocks, under their names, and nothing else.
  case blocksWritten = "cut.blocks"
  /// The windows of a cut are in the ring too.
  case ringSynced = "cut.ring"
  /// A file that is replaced whole, such as a manifest, is written beside the old one.
  case replacing = "file.replacing"
  /// The cut is committed and the process does not know it.
  case cutCommitted = "cut.committed"
  /// A closed hour is in its frozen file, which no manifest names.
  case hourFrozen = "freeze.written"
  /// The frozen file is committed and the process does not know it.
  case freezeCommitted = "freeze.committed"
  /// Merged blocks are durable under their names, and the manifest names their inputs.
  case compactionWritten = "compaction.written"
  /// The manifest names the merged blocks, and their inputs are still there.
  case compactionCommitted = "compaction.committed"
  /// One of the inputs is removed.
  case compactionRemoving = "compaction.removing"
  /// The manifest does not name blocks any more that retention has removed, and they are there.
  case removalCommitted = "removal.committed"
  /// Rollups are durable under their names, and no manifest names them.
  case rollupWritten = "rollup.written"
  /// The manifest names the rollups, and those that they replace are still there.
  case rollupCommitted = "rollup.committed"
  /// A start has opened everything and replayed nothing.
  case opened = "recovery.opened"
  /// A start is in the middle of the log.
  case replaying = "recovery.replaying"

  /// The variable that turns a point on.
  public static let variable = "VARVE_CRASH_AT"

  private static let target = parse(ProcessEnvironment.value(of: variable))
  private static let arrivals = Atomic<Int>(0)

  /// What the variable asks for; `nil` for nothing.
  package static func parse(_ text: String?) -> (point: CrashPoint, count: Int)? {
    guard let parts = text?.split(separator: ":", maxSplits: 1), let name = parts.first,
      let point = CrashPoint(rawValue: String(name))
    else { return nil }
    return (point, parts.count > 1 ? max(1, Int(parts[1]) ?? 1) : 1)
  }

  /// Dies here if that is what was asked for. Costs a comparison otherwise.
  public func reach() {
    guard let target = Self.target, target.point == self else { return }
    let arrival = Self.arrivals.wrappingAdd(1, ordering: .relaxed).newValue
    guard arrival == target.count else { return }
    kill(getpid(), SIGKILL)
    while true { pause() }
  }
}
