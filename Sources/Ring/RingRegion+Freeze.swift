public import Model
public import Platform

/// What a freeze reads: the state of one closed hour, which never changes. Readable on any thread.
public struct RingFreeze: Sendable {
  public let hour: Int64
  /// The hour is made from blocks: the ring has nothing of it, or nothing that can be believed.
  public let isRebuild: Bool
  /// The files that it reads.
  let source: LayeredHour
  /// The last committed cut.
  let cut: UInt64

  /// All series of the hour, ascending; none when it is made from blocks.
  public var series: [SeriesID] {
    var found: Set<UInt32> = []
    for entry in source.frozen?.entries ?? [] { found.insert(entry.series) }
    for layer in source.layers {
      for minute in layer.minutes {
        for entry in minute.entries { found.insert(entry.series) }
      }
    }
    return found.sorted().map { SeriesID($0) }
  }

  /// The windows of a series as they were frozen before.
  public func frozen(_ series: SeriesID) -> FrozenLookup {
    source.frozen?.section(of: series) ?? .open
  }

  /// A bit for each minute of the hour that has a record, which replaces what was frozen.
  public func minutes(of series: SeriesID) -> UInt64 { source.minutes(of: series) }

  /// The newest record of a minute.
  public func record(series: SeriesID, minute: Int64) -> RingLookup {
    source.record(series: series, minute: minute)
  }

  /// Bytes that it reads at most.
  public var byteCount: Int { source.byteCount }
}

/// What a closed hour of a ring needs.
public enum RingNeed: Sendable {
  case nothing
  /// To be frozen, or frozen again because of its patches or of damage.
  case freeze
  /// To be made from blocks, if these have rows of it.
  case rebuild
}

extension RingRegion {
  /// Bytes of patches that are kept beside a frozen file however small it is; beyond it and a
  /// quarter of the frozen file the hour is frozen again.
  public static let patchByteCountMax = 1 << 20

  /// What a closed hour needs; no cut may be under way.
  public func need(of hour: Int64) -> RingNeed {
    guard let found = files[hour] else { return .rebuild }
    if found.isFreezing || found.successor != nil { return .nothing }
    guard found.view.isCovered else { return .rebuild }
    guard let frozen = found.frozen else { return .freeze }
    let limit = max(Self.patchByteCountMax, Int(frozen.progress.byteCount) / 4)
    let isWanted = found.patchByteCount > limit || !frozen.damagedSeries.isEmpty
    return isWanted ? .freeze : .nothing
  }

  /// Begins to freeze an hour: what comes for it from now on goes to a patch.
  ///
  /// - Parameters:
  ///   - hour: one that the ring has and that is not being frozen.
  ///   - cut: the last committed cut; none is under way.
  public func beginFreeze(_ hour: Int64, cut: UInt64) -> RingFreeze? {
    guard let found = files[hour], !found.isFreezing, found.view.isCovered else { return nil }
    found.seal()
    return RingFreeze(hour: hour, isRebuild: false, source: found.view, cut: cut)
  }

  /// Begins to make an hour from blocks; what the ring has of it is given up.
  ///
  /// - Parameter cut: the last committed cut; none is under way.
  public func beginRebuild(_ hour: Int64, cut: UInt64) -> RingFreeze {
    beginRebuild(hour)
    let source = LayeredHour(hour: hour, frozen: nil, layers: [], isCovered: false)
    return RingFreeze(hour: hour, isRebuild: true, source: source, cut: cut)
  }

  /// The file that a freeze writes.
  public func makeWriter(for freeze: RingFreeze) throws(SystemError) -> FrozenWriter {
    guard let (path, progress) = freeName(.frozen, hour: freeze.hour) else {
      throw SystemError(code: SystemError.Code.noSpace, operation: "name", path: directory)
    }
    return try FrozenWriter(
      disk: disk,
      path: path,
      partition: partition,
      progress: progress,
      cut: freeze.cut
    )
  }

  /// Takes a finished file over: ``progress`` names it from now on, and the next ``publish()``
  /// shows it to readers and removes what it replaces.
  ///
  /// - Returns: `false` when the hour has left the ring meanwhile.
  public func install(_ frozen: FrozenHour) -> Bool {
    guard let found = files[frozen.hour], found.isFreezing else {
      try? disk.remove(frozen.path)
      return false
    }
    found.install(frozen)
    noteWhole(frozen.hour)
    return true
  }

  /// Gives a freeze up. What was being made from blocks leaves the ring.
  public func cancelFreeze(_ hour: Int64) {
    guard let found = files[hour] else { return }
    if found.isRebuilding { dropHour(hour) } else { found.unseal() }
  }

  /// Hours that wait for a manifest to commit their frozen files.
  public var hasFrozenToCommit: Bool { files.values.contains { $0.successor != nil } }
}
