internal import Bytes
public import Model
internal import Platform
internal import Synchronization

/// A frozen file, open for reading; safe from several threads.
///
/// Reads by `pread`, never mapped: a damaged sector is an error here and would be a signal there.
/// Holds 24 bytes a series in memory. Readers that know it keep the file open, after its name has
/// gone to another one too.
public final class FrozenHour: Sendable {
  public let hour: Int64
  /// The cut whose state it holds.
  public let cut: UInt64
  /// Columns of all series.
  public let runCount: Int
  let path: String
  let progress: RingProgress
  let file: any ReadableFile
  /// Ascending by series.
  let entries: [FrozenEntry]
  private let damaged = Mutex<Set<UInt32>>([])

  private init(
    _ path: String,
    _ progress: RingProgress,
    cut: UInt64,
    runCount: Int,
    _ file: any ReadableFile,
    _ entries: [FrozenEntry]
  ) {
    self.path = path
    self.progress = progress
    hour = progress.hour
    self.cut = cut
    self.runCount = runCount
    self.file = file
    self.entries = entries
  }

  /// Opens a frozen file by what a manifest says of it.
  ///
  /// - Complexity: reads header, index and trailer: 24 bytes a series.
  static func open(
    disk: any Disk,
    path: String,
    partition: PartitionID,
    _ progress: RingProgress
  ) throws(SlotFault) -> FrozenHour {
    let file: any ReadableFile
    do throws(SystemError) {
      file = try disk.open(path)
    } catch {
      if error.isMissing { throw SlotFault(0, 0, "frozen file is missing") }
      throw SlotFault(0, 0, "\(error)", severity: .unreadable)
    }
    let least = FrozenLayout.headerByteCount + FrozenLayout.trailerByteCount
    guard progress.byteCount >= UInt64(least), file.byteCount == Int(progress.byteCount) else {
      throw SlotFault(
        0,
        file.byteCount,
        "frozen file has \(file.byteCount) bytes instead of \(progress.byteCount)"
      )
    }
    let byteCount = Int(progress.byteCount)
    let header = try file.bytes(at: 0, count: FrozenLayout.headerByteCount)
    guard let head = FrozenLayout.header(header.span) else {
      throw SlotFault(0, FrozenLayout.headerByteCount, "bad header of a frozen file")
    }
    guard head.partition == partition, head.hour == progress.hour else {
      throw SlotFault(0, FrozenLayout.headerByteCount, "frozen file of another hour")
    }
    let end = byteCount - FrozenLayout.trailerByteCount
    let tail = try file.bytes(at: end, count: FrozenLayout.trailerByteCount)
    guard let trailer = FrozenTrailer(tail.span, fileByteCount: byteCount) else {
      throw SlotFault(end, FrozenLayout.trailerByteCount, "bad trailer of a frozen file")
    }
    let index = try file.bytes(at: trailer.indexOffset, count: end - trailer.indexOffset)
    guard CRC32C.checksum(index) == trailer.indexChecksum,
      let entries = Self.entries(index, trailer)
    else { throw SlotFault(trailer.indexOffset, index.count, "bad index of a frozen file") }
    return FrozenHour(
      path,
      progress,
      cut: head.cut,
      runCount: trailer.runCount,
      file,
      entries
    )
  }

  private static func entries(_ index: [UInt8], _ trailer: FrozenTrailer) -> [FrozenEntry]? {
    var reader = ByteReader(index.span)
    var entries: [FrozenEntry] = []
    entries.reserveCapacity(trailer.sectionCount)
    for _ in 0..<trailer.sectionCount {
      guard let entry = FrozenEntry(&reader), entry.isSound(indexOffset: trailer.indexOffset),
        entries.last.map({ $0.series < entry.series }) ?? true
      else { return nil }
      entries.append(entry)
    }
    return entries
  }

  // MARK: Sections

  func entry(of series: SeriesID) -> FrozenEntry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].series < series.rawValue { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].series == series.rawValue else { return nil }
    return entries[low]
  }

  /// Whether anything of a series is here.
  func holds(_ series: SeriesID) -> Bool { entry(of: series) != nil }

  /// Looks one series up.
  ///
  /// - Complexity: O(log series) and one read.
  func section(of series: SeriesID) -> FrozenLookup {
    guard let entry = entry(of: series) else { return .absent }
    guard entry.headByteCount > 0 else { return .damaged }
    guard let section = FrozenSection(self, entry) else { return .damaged }
    return .found(section)
  }

  // MARK: Damage

  /// Series whose bytes failed their check since the file was opened.
  public var damagedSeries: Set<UInt32> { damaged.withLock { $0 } }

  func noteDamage(_ series: UInt32) { damaged.withLock { _ = $0.insert(series) } }

  /// Reads every byte and reports what is damaged.
  func check() -> [Damage] {
    var damages: [Damage] = []
    for entry in entries where entry.headByteCount > 0 {
      guard FrozenSection(self, entry)?.all() == nil else { continue }
      damages.append(
        Damage(
          severity: .damage,
          path: path,
          offset: Int(entry.offset),
          byteCount: Int(entry.byteCount),
          what: "bad section of a frozen file",
          range: "windows of series \(entry.series), hour \(hour)"
        )
      )
    }
    return damages
  }
}

/// What the ring knows of one series in an hour.
public enum FrozenLookup: Sendable {
  /// The hour is not frozen: ask for its minutes one by one.
  case open
  /// No row of the series was sealed when the hour was frozen.
  case absent
  /// The ring cannot tell: blocks must answer.
  case damaged
  case found(FrozenSection)
}

/// The windows of one series in a frozen hour.
public struct FrozenSection: Sendable {
  /// Wanted runs that lie so close together are read in one piece with what is between them.
  private static let gapByteCountMax = 4 << 10

  private let owner: FrozenHour
  private let file: any ReadableFile
  private let entry: FrozenEntry
  /// A section up to this length is read as a whole.
  private static let wholeByteCountMax = 16 << 10
  /// Check, places and head, and all runs of a short section.
  private let start: ArraySlice<UInt8>

  /// Reads at least everything before the runs; `nil` when it cannot be read or is damaged.
  ///
  /// - Parameter file: the owner's file by another way.
  init?(_ owner: FrozenHour, _ entry: FrozenEntry, through file: (any ReadableFile)? = nil) {
    self.owner = owner
    self.entry = entry
    self.file = file ?? owner.file
    let isWhole = Int(entry.byteCount) <= Self.wholeByteCountMax
    let count = Int(isWhole ? entry.byteCount : entry.headByteCount)
    guard let bytes = try? self.file.lend(at: Int(entry.offset), count: count),
      bytes.count == count, Self.isSound(bytes.span, entry)
    else {
      owner.noteDamage(entry.series)
      return nil
    }
    start = bytes
  }

  private static func isSound(_ bytes: Span<UInt8>, _ entry: FrozenEntry) -> Bool {
    var reader = ByteReader(bytes)
    guard let check = reader.readInteger(UInt32.self) else { return false }
    let rest = bytes.extracting(FrozenLayout.checkByteCount..<Int(entry.headByteCount))
    return FrozenLayout.check(rest, series: entry.series, run: -1) == check
  }

  public var series: SeriesID { SeriesID(entry.series) }
  public var runCount: Int { Int(entry.runCount) }
  var headByteCount: Int { Int(entry.headByteCount) }

  /// What the writer was given as the head.
  public var head: Span<UInt8> {
    @_lifetime(borrow self)
    get { start.span.extracting(FrozenLayout.headStart(runCount: runCount)..<headByteCount) }
  }

  /// Where a run and its check lie in the section; `nil` when that is nowhere.
  private func range(ofRun run: Int) -> Range<Int>? {
    let low = place(ofRun: run)
    let high = run + 1 < runCount ? place(ofRun: run + 1) : Int(entry.byteCount)
    guard low >= headByteCount, low <= high - FrozenLayout.checkByteCount,
      high <= Int(entry.byteCount)
    else { return nil }
    return low..<high
  }

  private func place(ofRun run: Int) -> Int {
    let offset = FrozenLayout.checkByteCount + FrozenLayout.placeByteCount * run
    var reader = ByteReader(
      start.span.extracting(offset..<offset + FrozenLayout.placeByteCount)
    )
    return Int(reader.readInteger(UInt32.self) ?? 0)
  }

  /// Lends the bodies of some runs.
  ///
  /// - Parameters:
  ///   - wanted: numbers of runs, ascending, each less than ``runCount``.
  ///   - body: gets the index within `wanted` and the bytes; `false` when they make no sense.
  /// - Returns: `false` when a run cannot be read, is damaged or makes no sense; some may have been
  ///   lent before.
  /// - Complexity: one read for runs that lie close together, a checksum each.
  public func withRuns(_ wanted: [Int], _ body: (Int, Span<UInt8>) -> Bool) -> Bool {
    if start.count == Int(entry.byteCount) { return withRunsOfWhole(wanted, body) }
    var index = 0
    while index < wanted.count {
      guard let first = range(ofRun: wanted[index]) else { return fail() }
      var ranges = [first]
      while index + ranges.count < wanted.count,
        let next = range(ofRun: wanted[index + ranges.count]),
        next.lowerBound - ranges[ranges.count - 1].upperBound <= Self.gapByteCountMax
      {
        guard next.lowerBound >= first.lowerBound else { return fail() }
        ranges.append(next)
      }
      let end = ranges[ranges.count - 1].upperBound
      guard let bytes = read(first.lowerBound..<end) else { return fail() }
      for (offset, range) in ranges.enumerated() {
        let low = range.lowerBound - first.lowerBound
        let run = bytes.span.extracting(low..<low + range.count)
        guard let content = checked(run, wanted[index + offset]), body(index + offset, content)
        else { return fail() }
      }
      index += ranges.count
    }
    return true
  }

  /// The same where all runs are there.
  private func withRunsOfWhole(_ wanted: [Int], _ body: (Int, Span<UInt8>) -> Bool) -> Bool {
    for (index, number) in wanted.enumerated() {
      guard let range = range(ofRun: number) else { return fail() }
      guard let content = checked(start.span.extracting(range), number), body(index, content)
      else { return fail() }
    }
    return true
  }

  private func fail() -> Bool {
    owner.noteDamage(entry.series)
    return false
  }

  private func read(_ range: Range<Int>) -> [UInt8]? {
    if range.upperBound <= start.count {
      return Array(start.dropFirst(range.lowerBound).prefix(range.count))
    }
    let bytes = try? file.read(at: Int(entry.offset) + range.lowerBound, count: range.count)
    return bytes?.count == range.count ? bytes : nil
  }

  /// The body of a run that holds its check.
  @_lifetime(copy bytes)
  private func checked(_ bytes: Span<UInt8>, _ run: Int) -> Span<UInt8>? {
    var reader = ByteReader(bytes)
    let body = bytes.extracting(droppingFirst: FrozenLayout.checkByteCount)
    guard let check = reader.readInteger(UInt32.self),
      FrozenLayout.check(body, series: entry.series, run: run) == check
    else { return nil }
    return body
  }

  /// All bytes of the section, every check verified; `nil` when one fails.
  func all() -> [UInt8]? {
    guard let bytes = read(0..<Int(entry.byteCount)),
      bytes.prefix(headByteCount) == start.prefix(headByteCount)
    else {
      _ = fail()
      return nil
    }
    for run in 0..<runCount {
      guard let range = range(ofRun: run), checked(bytes.span.extracting(range), run) != nil
      else {
        _ = fail()
        return nil
      }
    }
    return bytes
  }
}
