public import Model
public import Platform

extension Log {
  /// Opens the log in `directory`, making it when it is not there, and begins a new segment in a
  /// new epoch. What is damaged is reported and left alone; what a replay may apply is durable when
  /// this returns.
  ///
  /// - Parameters:
  ///   - floors: per partition the offset that the manifest has committed (b).
  ///   - lastEpoch: an epoch that was seen elsewhere; this run's is later.
  /// - Throws: ``LogError``. A full disk is no error here: see ``LogRecovery/failure``.
  ///
  /// Cost: reads a kilobyte of each segment and the newest segment whole.
  public static func open(
    disk: any Disk,
    directory: String,
    partitionCount: Int,
    floors: [Offset],
    lastEpoch: Epoch = Epoch(0),
    clock: any Clock,
    options: LogOptions = LogOptions()
  ) throws(LogError) -> (log: Log, recovery: LogRecovery) {
    precondition((1...PartitionID.countMax).contains(partitionCount))
    precondition(floors.count == partitionCount)
    var opening = LogOpening(
      disk: disk,
      directory: directory,
      clock: clock,
      partitionCount: partitionCount
    )
    try asLogError { () throws(SystemError) in try disk.createDirectory(directory) }
    let index = try asLogError { () throws(SystemError) in
      try SegmentIndex(disk: disk, directory: directory, partitionCount: partitionCount)
    }
    try index.validate()
    try asLogError { () throws(SystemError) in try opening.read(index) }
    try opening.chooseEpoch(after: lastEpoch)
    opening.nextOffsets = zip(opening.ends, floors).map {
      max($0, $1).advanced(by: opening.unreadOffsetsMax)
    }
    opening.listClosed(index)
    let log = Log(opening, options: options)
    let recovery = LogRecovery(
      epoch: log.epoch,
      nextOffsets: log.nextOffsets,
      segments: index.entries.map { SegmentSummary($0) },
      damages: opening.damages,
      tornTail: opening.tornTail,
      failure: log.failure
    )
    return (log, recovery)
  }
}

/// What opening a log finds out, step by step.
struct LogOpening {
  let disk: any Disk
  let directory: String
  let clock: any Clock
  /// Per partition the end of what the log holds.
  var ends: [Offset]
  var nextOffsets: [Offset]
  var epoch = Epoch(0)
  private var epochsUnknown: UInt32 = 0
  var nextSequence: UInt64 = 1
  var previous: (sequence: UInt64, byteCount: Int) = (0, 0)
  var closed: [Log.ClosedSegment] = []
  var damages: [Damage] = []
  var tornTail: Damage?
  var damagedPaths: Set<String> = []
  /// How many offsets of a partition can lie in what the disk does not give. As many are left out,
  /// so that none of them is issued again: what cannot be read now may be read by the next start.
  var unreadOffsetsMax: UInt64 = 0

  init(disk: any Disk, directory: String, clock: any Clock, partitionCount: Int) {
    self.disk = disk
    self.directory = directory
    self.clock = clock
    ends = Array(repeating: .zero, count: partitionCount)
    nextOffsets = ends
  }

  /// Finds the ends of the partitions and syncs what the last run may have left unsynced.
  ///
  /// The last sound header knows what lies before it; only from there on records are read.
  mutating func read(_ index: SegmentIndex) throws(SystemError) {
    damages = index.missing()
    epoch = index.entries.compactMap(\.header?.epoch).max() ?? Epoch(0)
    // A segment whose header nobody can read may be the only trace of an epoch.
    epochsUnknown = UInt32(clamping: index.entries.count { $0.header == nil })
    nextSequence = (index.entries.last?.sequence ?? 0) + 1
    let lastSound = index.entries.lastIndex { $0.header != nil }
    var expected = [UInt64?](repeating: nil, count: ends.count)
    var lastRunEpoch = index.entries.last?.header?.epoch
    for entry in index.entries[(lastSound ?? 0)...] {
      var scanner = try SegmentScanner(disk: disk, entry: entry, expected: expected)
      while scanner.next() != nil {}
      expected = scanner.findings.expected
      epoch = max(epoch, scanner.findings.epochMax)
      lastRunEpoch = max(lastRunEpoch ?? Epoch(0), scanner.findings.epochMax)
      let found = scanner.damages(next: nil)
      damages.append(contentsOf: found)
      if scanner.hasUnreadable {
        unreadOffsetsMax += UInt64(entry.byteCount / BatchHeader.byteCount) + 1
      }
      // A segment without anything in it is what a crash leaves of one just made.
      if entry.header != nil || scanner.findings.recordCount > 0 {
        previous = (entry.sequence, soundByteCount(of: scanner.byteCount, found))
      }
      if entry.sequence == index.entries.last?.sequence {
        tornTail = found.last {
          $0.severity == .note && $0.offset + $0.byteCount == entry.byteCount
        }
      }
    }
    for (partition, next) in expected.enumerated() { ends[partition] = Offset(next ?? 0) }
    for damage in damages where damage.severity != .note { damagedPaths.insert(damage.path) }
    for entry in index.entries where entry.header.map({ $0.epoch == lastRunEpoch }) ?? true {
      let file = try disk.append(to: entry.path)
      defer { file.close() }
      try file.sync()
    }
  }

  /// Bytes up to the first bad stretch: so much is known to be right and durable.
  private func soundByteCount(of byteCount: Int, _ found: [Damage]) -> Int {
    found.map(\.offset).min().map { min($0, byteCount) } ?? byteCount
  }

  /// The second of the start, or one beyond all that were seen where the clock is behind them: two
  /// copies of a log that both go on do so in epochs of their own.
  mutating func chooseEpoch(after last: Epoch) throws(LogError) {
    let newest = max(epoch, last)
    guard newest.rawValue < .max - 1 - min(epochsUnknown, .max - 1) else {
      throw .exhausted(path: directory)
    }
    let second = UInt32(min(max(0, clock.now() / 1_000_000_000), Self.secondMax))
    epoch = Epoch(max(newest.rawValue + epochsUnknown + 1, second))
  }

  /// In 2096. From there on, and where a clock has been there, epochs count starts.
  private static let secondMax: Int64 = 4_000_000_000

  mutating func listClosed(_ index: SegmentIndex) {
    let now = clock.now()
    // What came before a gap is not all that came since then.
    let gap = index.firstAfterGap
    closed = index.entries.indices.map { place in
      let entry = index.entries[place]
      let next = index.header(after: place)
      return Log.ClosedSegment(
        path: entry.path,
        byteCount: entry.byteCount,
        ends: next?.partitions.map(\.first) ?? nextOffsets,
        createdAt: place < gap ? nil : entry.header?.created,
        closedAt: next?.created ?? now
      )
    }
  }
}
