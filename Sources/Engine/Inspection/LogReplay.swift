internal import Blocks
internal import Catalog
public import Model
internal import Queue
internal import Rollup

/// Folds rows of the log again and compares them with what the directory holds: what applying them
/// once more would change. Read-only.
///
/// Works through the log in passes of some series each, so that its memory does not grow with the
/// log. One thread.
public final class LogReplay {
  /// Where the log is taken up.
  public enum Start: Hashable, Sendable {
    /// Batches that arrived at this time or later.
    case arrival(Timestamp)
    /// Batches of every partition from this offset on.
    case offset(Offset)
  }

  /// A window that would be another one.
  public struct Change {
    public var tenant: TenantID
    public var series: SeriesDefinition
    public var field: FieldDefinition
    /// The number of the minute since the epoch.
    public var minute: Int64
    /// `nil` for a minute without values.
    public var stored: Window?
    public var derived: Window
  }

  /// Rows that differ, of one series: those values alone.
  public struct Rows {
    public var tenant: TenantID
    public var series: SeriesDefinition
    public var values: AlignedRows
  }

  public struct Summary: Hashable, Sendable {
    public var batchCount = 0
    public var rowCount = 0
    /// Points of the log, each series, field and timestamp once.
    public var pointCount = 0
    /// Those that the directory has not, or with another value.
    public var changedPointCount = 0
    /// Those that the directory has with another value where the log lacks batches: theirs may have
    /// been the newer one, so it stays.
    public var doubtfulPointCount = 0
    /// Those that the directory has not because retention's rules have left them out of a merge.
    public var expiredPointCount = 0
    /// Those of times of which blocks cannot be read now: what these hold is not known.
    public var unreadablePointCount = 0
    public var changedWindowCount = 0
    /// Batches that retention has taken away since.
    public var expiredBatchCount = 0
    public var firstArrival: Timestamp?
    public var lastArrival: Timestamp?

    public init() {}
  }

  /// Points that are held in memory, about.
  public static let pointCountMax = 4 << 20

  private let log: LogInspection
  private let snapshot: DirectorySnapshot
  private let start: Start
  private let partition: PartitionID?
  private let isWanted: (TenantID, MeasurementID) -> Bool
  /// Deletes of each partition, by their offsets.
  private var deletes: [PartitionID: [(offset: Offset, record: DeleteRecord)]] = [:]
  public private(set) var summary = Summary()
  /// Damage on the way, and blocks that could not be read.
  public private(set) var damages: [Damage] = []
  private var unreadablePaths: Set<String> = []
  /// The rows of a batch and those up to the next one, by their sequence.
  private var batches: [(sequence: Int, offset: Offset)] = []
  /// Whether blocks hold all that was ever merged into them, by their names; `nil` when that
  /// cannot be read.
  private var soundness: [String: Bool?] = [:]
  /// Partitions of which the log has lost batches between or behind those that it has.
  private var incomplete: Set<PartitionID> = []

  /// - Parameters:
  ///   - log: of the directory that `snapshot` is of.
  ///   - partition: `nil` for all.
  public init(
    _ log: LogInspection,
    _ snapshot: DirectorySnapshot,
    from start: Start,
    partition: PartitionID? = nil,
    where isWanted: @escaping (TenantID, MeasurementID) -> Bool = { _, _ in true }
  ) {
    self.log = log
    self.snapshot = snapshot
    self.start = start
    self.partition = partition
    self.isWanted = isWanted
  }

  /// One value of the log.
  private struct Point {
    var timestamp: Timestamp
    var sequence: Int
    var cell: Cell
  }

  /// What the log has of one series.
  private struct Held {
    var tenant: TenantID
    var series: SeriesDefinition
    var points: [FieldID: [Point]] = [:]
    var fields: [FieldID: FieldDefinition] = [:]
    var strings = StringArena()
  }

  /// Compares everything.
  ///
  /// - Parameters:
  ///   - progress: told of the pass, and of how many there are.
  ///   - change: gets each window that would be another one, series by series.
  ///   - rows: gets the rows that would make it so.
  public func run(
    progress: (_ pass: Int, _ passCount: Int) -> Void = { _, _ in },
    change: (Change) -> Void,
    rows: (Rows) throws(EngineError) -> Void
  ) throws(EngineError) {
    let passCount = try survey()
    for pass in 0..<passCount {
      progress(pass, passCount)
      var held: [SeriesID: Held] = [:]
      var sequence = 0
      batches = []
      _ = try log.forEachRowBatch { batch in
        guard isTaken(batch), !isExpired(batch) else { return }
        batches.append((sequence, batch.header.offset))
        for row in log.rows(of: batch, where: isWanted)
        where Int(row.series.id.rawValue) % passCount == pass && !isDeleted(row) {
          hold(row, sequence, &held)
          sequence += 1
        }
      }
      for id in held.keys.sorted() {
        guard let item = held.removeValue(forKey: id) else { continue }
        try compare(item, change, rows)
      }
    }
  }

  /// Whether a later record of the log deletes a row.
  private func isDeleted(_ row: LogInspection.Row) -> Bool {
    guard let deletes = deletes[row.partition] else { return false }
    return deletes.contains { delete in
      row.offset < delete.offset && delete.record.contains(row.series.id)
        && row.values.timestamps.allSatisfy(delete.record.range.contains)
    }
  }

  /// Counts what there is to do.
  ///
  /// - Returns: how many passes it takes.
  private func survey() throws(EngineError) -> Int {
    var points = 0
    defer {
      if snapshot.partitions.contains(where: { !$0.refusedBlocks.isEmpty }) {
        note(snapshot.findings[...])
      }
    }
    try lookForGaps()
    damages = try log.forEachChange { batch in
      guard isTaken(batch) else { return }
      summary.batchCount += 1
      summary.rowCount += log.rowCount(of: batch, where: isWanted)
      points += Int(batch.header.pointCount)
      let arrival = batch.header.arrival
      summary.firstArrival = min(summary.firstArrival ?? .max, arrival)
      summary.lastArrival = max(summary.lastArrival ?? .min, arrival)
      if isExpired(batch) { summary.expiredBatchCount += 1 }
    } deletes: { batch in
      guard let record = DeleteCodec.decode(batch) else { return }
      deletes[batch.header.partition, default: []].append((batch.header.offset, record))
    }
    return max(1, (points + Self.pointCountMax - 1) / Self.pointCountMax)
  }

  private func lookForGaps() throws(EngineError) {
    var next: [PartitionID: Offset] = [:]
    _ = try log.forEachBatch { header, _, _ in
      if let expected = next[header.partition], header.offset > expected {
        incomplete.insert(header.partition)
      }
      next[header.partition] = header.offset.advanced(by: 1)
    }
    for partition in snapshot.partitions {
      let id = PartitionID(UInt16(partition.index))
      if (next[id] ?? .zero) < partition.manifest.nextOffset { incomplete.insert(id) }
    }
  }

  /// Whether a batch is asked for, and the snapshot knows of it: a live server appends others.
  private func isTaken(_ batch: RowBatch) -> Bool {
    if let partition, batch.header.partition != partition { return false }
    let index = Int(batch.header.partition.rawValue)
    guard index < snapshot.partitions.count,
      batch.header.offset < snapshot.partitions[index].endOffset,
      batch.header.registryVersion <= snapshot.catalog.version
    else { return false }
    switch start {
    case .arrival(let time): return batch.header.arrival >= time
    case .offset(let offset): return batch.header.offset >= offset
    }
  }

  /// Whether retention has taken a batch's rows away: they are not missing.
  private func isExpired(_ batch: RowBatch) -> Bool {
    let header = batch.header
    guard Int(header.partition.rawValue) < snapshot.partitions.count else { return false }
    let removals = snapshot.partitions[Int(header.partition.rawValue)].manifest.removals
    return removals.ranges.contains {
      $0.tenant == header.tenant && $0.a <= header.offset && header.offset < $0.b
    }
  }

  private func hold(_ row: LogInspection.Row, _ sequence: Int, _ held: inout [SeriesID: Held]) {
    var item =
      held.removeValue(forKey: row.series.id) ?? Held(tenant: row.tenant, series: row.series)
    for (index, timestamp) in row.values.timestamps.enumerated() {
      for column in row.values.columns where column.hasValue(index) {
        let field = column.field
        let cell = column.cells[index]
        item.fields[field.id] = field
        item.points[field.id, default: []].append(
          Point(
            timestamp: timestamp,
            sequence: sequence,
            cell: field.type == .string
              ? item.strings.append(copying: cell, from: row.values.strings) : cell
          )
        )
      }
    }
    held[row.series.id] = item
  }

  /// Whether a merge has left a point out, by retention's rules: it has done so with points of the
  /// measurement, and the block that the point would be in lacks nothing else.
  private func isLeftOut(_ point: Point, of series: SeriesDefinition) -> Bool {
    guard let index = snapshot.catalog.partition(of: series.id)?.rawValue else { return false }
    let partition = snapshot.partitions[Int(index)]
    let haveExpired = [series.measurement, nil].contains { measurement in
      let key = Removals.Key(tenant: series.tenant, measurement: measurement, cause: .age)
      return partition.manifest.removals.counts[key, default: 0] > 0
    }
    guard haveExpired else { return false }
    guard let offset = offset(of: point) else { return false }
    let block = partition.blocks.first { block in
      let identity = block.summary.identity
      return identity.tenant == series.tenant && identity.a <= offset && offset < identity.b
    }
    guard let block else { return false }
    let name = block.summary.fileName
    let isSound: Bool?
    if let known = soundness[name] {
      isSound = known
    } else {
      isSound = try? block.isSound()
      soundness[name] = .some(isSound)
    }
    switch isSound {
    case true: summary.expiredPointCount += 1
    case false: return false
    default: summary.unreadablePointCount += 1
    }
    return true
  }

  private func offset(of point: Point) -> Offset? {
    var (low, high) = (0, batches.count)
    while low < high {
      let middle = low + (high - low) / 2
      if batches[middle].sequence <= point.sequence { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? batches[low - 1].offset : nil
  }

  // MARK: Comparing

  private func compare(
    _ held: Held,
    _ change: (Change) -> Void,
    _ rows: (Rows) throws(EngineError) -> Void
  ) throws(EngineError) {
    var changed: [ColumnBatch] = []
    for id in held.fields.keys.sorted() {
      guard let field = held.fields[id], let points = held.points[id] else { continue }
      let log = Self.latest(points)
      summary.pointCount += log.count
      guard let first = log.first, let last = log.last else { continue }
      let minutes = TimeRange(
        start: first.timestamp / Nanoseconds.perMinute * Nanoseconds.perMinute,
        end: (last.timestamp / Nanoseconds.perMinute + 1) * Nanoseconds.perMinute
      )
      var strings = held.strings
      let stored = stored(held.series, field, in: minutes, &strings)
      let unreadable = unreadableTimes(of: held.series)
      var values: [Timestamp: Cell] = [:]
      for point in stored { values[point.timestamp] = point.cell }
      let mayBeOld = snapshot.catalog.partition(of: held.series.id).map(incomplete.contains) ?? true
      let differing = log.filter { point in
        let cell = values[point.timestamp]
        let isEqual =
          cell.map { cell in
            field.type == .string
              ? strings.slice(cell) == strings.slice(point.cell) : cell == point.cell
          } ?? false
        if !isEqual, unreadable.contains(where: { $0.contains(point.timestamp) }) {
          summary.unreadablePointCount += 1
          return false
        }
        guard cell != nil else { return !isLeftOut(point, of: held.series) }
        if !isEqual, mayBeOld { summary.doubtfulPointCount += 1 }
        return !isEqual && !mayBeOld
      }
      guard !differing.isEmpty else { continue }
      summary.changedPointCount += differing.count
      changed.append(
        ColumnBatch(
          timestamps: differing.map(\.timestamp),
          columns: [.init(field: id, type: field.type, cells: differing.map(\.cell))],
          strings: strings
        )
      )
      let storedOf = Dictionary(grouping: stored) { Nanoseconds.minute(of: $0.timestamp) }
      let logOf = Dictionary(grouping: log) { Nanoseconds.minute(of: $0.timestamp) }
      for minute in Set(differing.map { Nanoseconds.minute(of: $0.timestamp) }).sorted() {
        summary.changedWindowCount += 1
        let before = storedOf[minute] ?? []
        let after = Self.latest(before + (logOf[minute] ?? []))
        guard let derived = Self.window(after, minute, field.type) else { continue }
        change(
          Change(
            tenant: held.tenant,
            series: held.series,
            field: field,
            minute: minute,
            stored: Self.window(before, minute, field.type),
            derived: derived
          )
        )
      }
    }
    guard !changed.isEmpty else { return }
    let values = AlignedRows(changed) { snapshot.field($0, type: $1) }
    try rows(Rows(tenant: held.tenant, series: held.series, values: values))
  }

  /// One point a timestamp, ascending: the one that came last.
  private static func latest(_ points: [Point]) -> [Point] {
    var result: [Point] = []
    for point in points.sorted(by: { ($0.timestamp, $0.sequence) < ($1.timestamp, $1.sequence) }) {
      if result.last?.timestamp == point.timestamp { result.removeLast() }
      result.append(point)
    }
    return result
  }

  /// What blocks hold, and the log beyond them.
  private func stored(
    _ series: SeriesDefinition,
    _ field: FieldDefinition,
    in range: TimeRange,
    _ strings: inout StringArena
  ) -> [Point] {
    var points: [Point] = []
    snapshot.refusedTimes = []
    let known = snapshot.findings.count
    defer { note(snapshot.findings[known...]) }
    snapshot.forEachPiece(of: series, fields: [field.id], in: range) { rows in
      guard let column = rows.columns.first(where: { $0.field.id == field.id }) else { return }
      for (row, timestamp) in rows.timestamps.enumerated() where column.hasValue(row) {
        let cell = column.cells[row]
        points.append(
          Point(
            timestamp: timestamp,
            sequence: -1,
            cell: field.type == .string ? strings.append(copying: cell, from: rows.strings) : cell
          )
        )
      }
    }
    return points
  }

  /// The times of which a series may have rows that could not be read a moment ago.
  private func unreadableTimes(of series: SeriesDefinition) -> [TimeRange] {
    guard let index = snapshot.catalog.partition(of: series.id)?.rawValue else { return [] }
    let closed = snapshot.partitions[Int(index)].refusedBlocks.filter {
      $0.identity.tenant == series.tenant
    }
    return snapshot.refusedTimes + closed.map(\.times)
  }

  /// Tells of blocks that could not be read, of each once.
  private func note(_ findings: ArraySlice<Damage>) {
    for damage in findings
    where damage.severity == .unreadable && unreadablePaths.insert(damage.path).inserted {
      damages.append(damage)
    }
  }

  private static func window(_ points: [Point], _ minute: Int64, _ type: ColumnType) -> Window? {
    guard !points.isEmpty else { return nil }
    let cells = points.map(\.cell)
    let timestamps = points.map(\.timestamp)
    var windows: [Window] = []
    WindowFolder.fold(
      cells.span,
      type: type,
      timestamps: timestamps.span,
      runs: [MinuteRun(minute: minute, rows: points.indices)],
      into: &windows
    )
    return windows[0]
  }
}
