public import Model
public import Platform
internal import Synchronization

/// The names of everything: tenants, measurements, fields, series, and the ids under which batches,
/// blocks and the ring know them.
///
/// A name is given an id in memory at once; its record is queued and becomes durable, in both
/// copies of the log, with the next ``sync(upTo:)``. Nothing that refers to an id may become
/// durable before that: a batch carries the ``version`` that knows all its ids, and the committer
/// syncs the catalog up to it first. Records lost with a crash before their sync are lost without
/// harm.
///
/// All functions may be called from any thread. Names are guarded by one mutex, which no I/O holds;
/// the log by another. Not for the path of a row: receivers and workers keep what they resolved.
///
/// The log's format is docs/format/catalog.md.
public final class Catalog: Sendable {
  /// Partitions of the data directory.
  public let partitionCount: Int
  public let limits: CatalogLimits
  /// The two copies.
  let logPaths: [String]
  let state: Mutex<CatalogState>
  private let writer: Mutex<LogWriter>
  /// Equals the state's version; read without its mutex.
  private let current: Atomic<UInt64>
  private let durable: Atomic<UInt64>

  private init(_ state: consuming CatalogState, _ writer: consuming LogWriter) {
    partitionCount = state.partitionCount
    limits = state.limits
    logPaths = LogWriter.paths(in: writer.directory)
    current = Atomic(state.version)
    durable = Atomic(0)
    self.state = Mutex(state)
    self.writer = Mutex(writer)
  }

  /// Reads the catalog of a data directory, or starts an empty one.
  ///
  /// Both copies of the log are read and merged by sequence; one that lacks records or is damaged
  /// is completed from the other, a damaged original is copied aside first. What cannot be mended
  /// now (a full disk) is reported and tried again with each sync. Records that neither copy holds
  /// are reported, and ids that they may have defined are never handed out again.
  ///
  /// - Parameters:
  ///   - directory: the folder of the two copies; made when it is missing.
  ///   - partitionCount: 1 ... ``PartitionID/countMax``, the one that the data directory was made
  ///     with.
  /// - Throws: When the folder cannot be made, a copy that is there cannot be opened, or neither
  /// can
  ///   be read to its end: half the names would be worse than none. Never for what the copies hold.
  public static func open(
    disk: any Disk,
    directory: String,
    partitionCount: Int,
    limits: CatalogLimits = CatalogLimits()
  ) throws(SystemError) -> (catalog: Catalog, recovery: CatalogRecovery) {
    precondition(partitionCount >= 1)
    precondition(partitionCount <= PartitionID.countMax)
    try disk.createDirectory(directory)
    var reading = LogReading(partitionCount: partitionCount, limits: limits)
    let union = try reading.read(disk, directory)
    if let error = union.readError { throw error }
    var recovery = CatalogRecovery()
    recovery.damages = reading.findings(union)
    recovery.records = reading.recordCount
    let gaps = reading.unknownGaps(union)
    recovery.lost = gaps.filter { $0.lowerBound <= union.durableVersion }
    for gap in gaps { reading.state.noteLoss(gap) }

    let writer = LogWriter(disk: disk, directory: directory, union: union)
    writer.removeLeftovers()
    let catalog = Catalog(reading.state, writer)
    do throws(SystemError) {
      try catalog.sync(upTo: catalog.version, always: true)
    } catch {
      recovery.damages.append(
        Damage(
          // A full disk is told of where rows are refused for it, and costs nothing promised.
          severity: error.code == SystemError.Code.noSpace ? .note : .unreadable,
          path: error.path,
          offset: 0,
          byteCount: 0,
          what: "not made durable: \(error.operation) failed with error \(error.code)"
        )
      )
    }
    catalog.writer.withLock { writer in
      recovery.healed = writer.healed
      recovery.setAside = writer.setAside
    }
    return (catalog, recovery)
  }

  /// Reads both copies and changes nothing: what `varve verify` prints. May run beside a live
  /// server; what that is just writing is a torn tail, a note.
  ///
  /// - Throws: When a copy that is there cannot be opened.
  public static func check(
    disk: any Disk,
    directory: String,
    partitionCount: Int
  ) throws(SystemError) -> [Damage] {
    var reading = LogReading(partitionCount: partitionCount, limits: CatalogLimits())
    reading.checksPartitions = true
    let union = try reading.read(disk, directory)
    return reading.findings(union)
  }

  /// Reads both copies into a catalog and changes nothing: for commands that look at a data
  /// directory. May run beside a live server. What the catalog learns later stays in memory unless
  /// it is synced, which is not for these commands.
  ///
  /// - Returns: the names, and all that is wrong with the copies.
  /// - Throws: When a copy that is there cannot be opened, or neither can be read to its end.
  public static func read(
    disk: any Disk,
    directory: String,
    partitionCount: Int
  ) throws(SystemError) -> (catalog: Catalog, damages: [Damage]) {
    var limits = CatalogLimits()
    // Limits are for new names.
    limits.seriesMax = .max
    var reading = LogReading(partitionCount: partitionCount, limits: limits)
    let union = try reading.read(disk, directory)
    if let error = union.readError { throw error }
    let writer = LogWriter(disk: disk, directory: directory, union: union)
    return (Catalog(reading.state, writer), reading.findings(union))
  }

  /// The number of records so far, durable or not: whoever read an id from this catalog before is
  /// served by it.
  public var version: UInt64 { current.load(ordering: .acquiring) }

  /// The version up to which both copies are durable.
  public var durableVersion: UInt64 { durable.load(ordering: .acquiring) }

  /// Makes all records up to `version`, and those queued since, durable in both copies.
  ///
  /// Free when they are already; otherwise one write and one `fdatasync` for each copy, however
  /// many records wait.
  ///
  /// - Parameter version: at most ``version``.
  /// - Throws: When either copy cannot be written. Nothing that waited is believed durable then;
  /// the
  ///   next call cuts the copy back to its last durable record and writes all of it again.
  public func sync(upTo version: UInt64) throws(SystemError) {
    try sync(upTo: version, always: false)
  }

  private func sync(upTo version: UInt64, always: Bool) throws(SystemError) {
    if !always, durable.load(ordering: .acquiring) >= version { return }
    try writer.withLock { (writer: inout LogWriter) throws(SystemError) in
      if !always, durable.load(ordering: .acquiring) >= version { return }
      let (records, end) = state.withLock { $0.takePending() }
      precondition(end >= version, "only versions that exist can be synced")
      writer.add(records)
      try writer.flush()
      durable.store(end, ordering: .releasing)
      let byteCount = writer.takeSyncedByteCount()
      state.withLock { $0.markSynced(version: end, byteCount: byteCount) }
    }
  }

  /// Changes the state and publishes its version.
  func update<Result: Sendable, Failure: Error>(
    _ body: (inout CatalogState) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try state.withLock { (state: inout CatalogState) throws(Failure) in
      let result = try body(&state)
      current.store(state.version, ordering: .releasing)
      return result
    }
  }
}
