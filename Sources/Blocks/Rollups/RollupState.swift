internal import Bytes
public import Model

/// What a partition's manifest knows of its rollups (docs/format/manifest.md, "rollups"). Days are
/// counted since the epoch, UTC.
///
///     | revision: varint
///     | coverage: varint | unit u8, from, until: varints | ...
///     | files: varint | unit u8, tenant, span, revision, until, bytes, windows: varints | ...
///     | changed days: varint | gap, cut: varints | ...
///     | raw rows begin: varint | measurement gap, day: varints | ... |
public struct RollupState: Hashable, Sendable {
  /// Days of which every row is in a rollup, but for those that have changed since.
  public struct Coverage: Hashable, Sendable {
    public var from: Int64
    public var until: Int64

    public init(from: Int64, until: Int64) {
      self.from = from
      self.until = until
    }
  }

  /// Counts the files that were ever named.
  public var revision: UInt64 = 0
  public var coverage: [RollupUnit: Coverage] = [:]
  /// Ascending by unit, tenant and span; one file of each.
  public var files: [RollupFile] = []
  /// Days that have got rows since they were folded, and the last cut that brought some. 0 for days
  /// of which nobody knows whether blocks have all rows that windows are made of: those of a
  /// manifest that was made anew, which forgets ``rawFrom``, and of files that are lost;
  /// ``doubtfulSince`` for those of them that have got rows since.
  public var changed: [Int64: UInt64] = [:]
  /// The first day that has all raw rows of a measurement; not told of those that have all.
  public var rawFrom: [MeasurementID: Int64] = [:]
  /// Deletes of days that wait to be folded again; another section of the manifest.
  public var deletes: [RollupDelete] = []

  public init() {}

  public var isEmpty: Bool { self == RollupState() }

  /// Days before it are in rollups of every unit, and have not changed since: raw rows of them may
  /// go.
  public func foldedUntil(_ units: [RollupUnit]) -> Int64 {
    var result = Int64.max
    for unit in units { result = min(result, coverage[unit]?.until ?? 0) }
    return min(result, changed.keys.filter { $0 >= oldestCovered }.min() ?? .max)
  }

  /// The first day that files of some units have and that has changed since they were written.
  public func firstChanged(_ units: some Collection<RollupUnit>) -> Int64 {
    changed.keys.filter { day in
      units.contains { unit in
        coverage[unit].map { $0.from <= day && day < $0.until } ?? false
      }
    }
    .min() ?? .max
  }

  /// Days before it are in no rollup, and never will be.
  private var oldestCovered: Int64 { coverage.values.map(\.from).min() ?? 0 }

  /// Forgets changes of days that are in no rollup any more.
  public mutating func forgetUncovered() {
    let oldest = oldestCovered
    changed = changed.filter { $0.key >= oldest }
  }

  /// Whether the rollup answers for a day of a measurement.
  public func holds(_ day: Int64, _ unit: RollupUnit, _ measurement: MeasurementID) -> Bool {
    guard let coverage = coverage[unit], day >= coverage.from, day < coverage.until else {
      return false
    }
    // Where raw rows are gone, nothing that came later counts.
    return changed[day] == nil || day < rawFrom[measurement] ?? .min
      || changed[day] == 0
  }

  static let doubtfulSince = UInt64.max

  /// Whether blocks may have less than what windows of a day are made of.
  public func isDoubtful(_ day: Int64) -> Bool {
    changed[day] == 0 || changed[day] == Self.doubtfulSince
  }

  /// Forgets that a day has changed, unless it has since a cut. What came behind that is noted
  /// once more by whoever calls.
  public mutating func noteFolded(_ day: Int64, cut: UInt64) {
    if isDoubtful(day) || changed[day] ?? .max <= cut { changed[day] = nil }
  }

  /// Notes days that have got rows.
  ///
  /// - Parameter times: the first and the last of some rows; what lies between them counts too.
  public mutating func note(_ times: [(first: Timestamp, last: Timestamp)], cut: UInt64) {
    guard let end = coverage.values.map(\.until).max() else { return }
    let perDay = RollupUnit.nanosecondsPerDay
    var next = oldestCovered
    for (first, last) in times.sorted(by: { $0.first < $1.first }) {
      let start = max(next, first / perDay)
      guard start < end, last / perDay >= start else { continue }
      next = min(end, last / perDay + 1)
      for day in start..<next {
        // What is doubtful stays so until it is folded.
        changed[day] = cut > 0 && isDoubtful(day) ? Self.doubtfulSince : cut
      }
    }
  }

  /// Raw rows of a measurement are gone before `day`; means nothing where no rollup was ever made.
  public mutating func noteRawGone(_ measurement: MeasurementID, before day: Int64) {
    guard !coverage.isEmpty else { return }
    rawFrom[measurement] = max(rawFrom[measurement] ?? .min, day)
  }

  public mutating func replaceFiles(_ gone: [RollupFile], with new: [RollupFile]) {
    let names = Set(gone.map(\.fileName))
    files.removeAll { names.contains($0.fileName) }
    files += new
    files.sort { $0.identity.order < $1.identity.order }
  }

  /// Forgets files that are damaged: raw rows answer for their days as far as they are there, and
  /// the days are folded again.
  public mutating func lose(_ lost: [RollupFile]) {
    replaceFiles(lost, with: [])
    for file in lost { doubt(file) }
  }

  /// Has the days of a file folded again that is not whole any more: windows of it stay that have
  /// more rows than there are left.
  public mutating func doubt(_ file: RollupFile) {
    guard let coverage = coverage[file.identity.unit] else { return }
    let days = file.identity.days.clamped(to: coverage.from..<coverage.until)
    for day in days where changed[day] == nil { changed[day] = 0 }
  }

  // MARK: Coding

  func write(into buffer: inout OutputBuffer) {
    buffer.writeVarint(revision)
    buffer.writeVarint(UInt64(coverage.count))
    for (unit, days) in coverage.sorted(by: { $0.key < $1.key }) {
      buffer.writeByte(unit.rawValue)
      buffer.writeVarint(UInt64(days.from))
      buffer.writeVarint(UInt64(days.until))
    }
    buffer.writeVarint(UInt64(files.count))
    for file in files {
      let identity = file.identity
      buffer.writeByte(identity.unit.rawValue)
      buffer.writeVarint(UInt64(identity.tenant.rawValue))
      buffer.writeVarint(UInt64(identity.span))
      buffer.writeVarint(identity.revision)
      buffer.writeVarint(UInt64(identity.until))
      buffer.writeVarint(UInt64(file.byteCount))
      buffer.writeVarint(file.windowCount)
    }
    var next: Int64 = 0
    buffer.writeVarint(UInt64(changed.count))
    for (day, cut) in changed.sorted(by: { $0.key < $1.key }) {
      buffer.writeVarint(UInt64(day - next))
      buffer.writeVarint(cut)
      next = day + 1
    }
    var nextID: UInt64 = 0
    buffer.writeVarint(UInt64(rawFrom.count))
    for (measurement, day) in rawFrom.sorted(by: { $0.key < $1.key }) {
      buffer.writeVarint(UInt64(measurement.rawValue) - nextID)
      buffer.writeVarint(UInt64(day))
      nextID = UInt64(measurement.rawValue) + 1
    }
  }

  /// `nil` when the bytes end early or hold what the writer never produces.
  init?(_ reader: inout ByteReader, partition: PartitionID) {
    guard let revision = reader.readVarint(), readCoverage(&reader),
      readFiles(&reader, partition), readChanged(&reader), readRawFrom(&reader)
    else { return nil }
    self.revision = revision
  }

  private static func readDay(_ reader: inout ByteReader) -> Int64? {
    guard let day = reader.readVarint(), day <= UInt64(RollupIdentity.spanMax) else { return nil }
    return Int64(day)
  }

  private static func readUnit(_ reader: inout ByteReader) -> RollupUnit? {
    reader.readByte().flatMap(RollupUnit.init(rawValue:))
  }

  private static func readCount(_ reader: inout ByteReader) -> Int? {
    guard let count = reader.readVarint(), count <= UInt64(reader.remaining) else { return nil }
    return Int(count)
  }

  private mutating func readCoverage(_ reader: inout ByteReader) -> Bool {
    guard let count = Self.readCount(&reader) else { return false }
    for _ in 0..<count {
      guard let unit = Self.readUnit(&reader), let from = Self.readDay(&reader),
        let until = Self.readDay(&reader), from <= until,
        coverage.updateValue(Coverage(from: from, until: until), forKey: unit) == nil
      else { return false }
    }
    return true
  }

  private mutating func readFiles(_ reader: inout ByteReader, _ partition: PartitionID) -> Bool {
    guard let count = Self.readCount(&reader) else { return false }
    for _ in 0..<count {
      guard let unit = Self.readUnit(&reader),
        let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
        let span = Self.readDay(&reader), let revision = reader.readVarint(),
        let until = Self.readDay(&reader),
        let byteCount = reader.readVarint().flatMap(Int.init(exactly:)),
        let windowCount = reader.readVarint()
      else { return false }
      let identity = RollupIdentity(
        partition: partition,
        tenant: TenantID(tenant),
        unit: unit,
        span: span,
        revision: revision,
        until: until
      )
      if let last = files.last, !(last.identity.order < identity.order) { return false }
      files.append(
        RollupFile(identity: identity, byteCount: byteCount, windowCount: windowCount)
      )
    }
    return true
  }

  private mutating func readChanged(_ reader: inout ByteReader) -> Bool {
    guard let count = Self.readCount(&reader) else { return false }
    var next: Int64 = 0
    for _ in 0..<count {
      guard let gap = Self.readDay(&reader), next + gap <= RollupIdentity.spanMax,
        let cut = reader.readVarint()
      else { return false }
      changed[next + gap] = cut
      next += gap + 1
    }
    return true
  }

  private mutating func readRawFrom(_ reader: inout ByteReader) -> Bool {
    guard let count = Self.readCount(&reader) else { return false }
    var next: UInt64 = 0
    for _ in 0..<count {
      guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max),
        let id = UInt32(exactly: next + gap), let day = Self.readDay(&reader)
      else { return false }
      rawFrom[MeasurementID(id)] = day
      next = UInt64(id) + 1
    }
    return true
  }
}

extension RollupIdentity {
  /// Where it stands among a partition's files.
  fileprivate var order: (UInt8, UInt32, Int64) { (unit.rawValue, tenant.rawValue, span) }
}
