internal import Codecs
internal import Model
internal import Platform

/// Merges the chunk groups of one series into large ones.
///
/// Rows of one field set are put into the order of their timestamps; of two rows with the same
/// timestamp the later one stays, as a reader would have it. Groups of different field sets stay
/// apart; where two of them hold the same field at overlapping times, a reader has to see them in
/// the order in which they came, and the series is copied group by group. Groups that are large
/// already (``CompactionPolicy/rowsPerCopiedGroupMin``) and that nothing overlaps are not decoded.
struct SeriesMerger {
  let series: SeriesID
  let policy: CompactionPolicy
  private var groups: [Loaded] = []
  /// Bytes of groups that are in memory.
  private var heldByteCount = 0

  /// Bytes of groups that are kept from their first reading on; what is beyond is read again when
  /// its turn comes, so that memory does not grow with the step.
  private static let heldByteCountMax = 32 << 20

  /// One group, in memory as it lies in its block, or to be read again.
  private struct Loaded {
    let reader: BlockReader
    let entry: ChunkGroupEntry
    var group: ChunkGroup?
    let columns: [ChunkGroupDirectory.Column]
    let timestamps: [Timestamp]
    /// Those that are not deleted; one or more.
    let rows: [Range<Int>]
    let isLate: Bool

    var fieldSet: FieldSetID { entry.fieldSet }
    var first: Timestamp { timestamps[0] }
    var last: Timestamp { timestamps[timestamps.count - 1] }

    func fault(_ error: BlockError) -> CompactionError {
      .input(error, path: reader.path, entry.offset, entry.byteCount)
    }
  }

  /// Rows of one group that come one after another in the result.
  private struct Run {
    var group: Int
    var rows: Range<Int>
  }

  /// Rows of a merged group, or one that is copied.
  private struct Part {
    var runs: [Run] = []
    var isCopy = false
  }

  init(series: SeriesID, policy: CompactionPolicy) {
    self.series = series
    self.policy = policy
  }

  /// Reads and checks a group; they come in the order in which later ones win.
  ///
  /// - Parameter deleted: the times of rows that are left out.
  /// - Returns: points that were left out.
  mutating func add(
    _ entry: ChunkGroupEntry,
    of reader: BlockReader,
    without deleted: [TimeRange]
  ) throws(BlockError) -> Int {
    let group = try Self.group(entry, of: reader)
    let timestamps = try group.timestamps()
    let rows = Self.rows(timestamps, without: deleted)
    let gone = timestamps.count - rows.reduce(0) { $0 + $1.count }
    let columnCount = group.directory.columns.count
    guard !rows.isEmpty else { return gone * columnCount }
    let isKept = heldByteCount + entry.byteCount <= Self.heldByteCountMax
    if isKept { heldByteCount += entry.byteCount }
    groups.append(
      Loaded(
        reader: reader,
        entry: entry,
        group: isKept ? group : nil,
        columns: group.directory.columns,
        timestamps: timestamps,
        rows: rows,
        isLate: group.head.isLate
      )
    )
    return gone * columnCount
  }

  /// The rows whose times are in none of some ranges.
  private static func rows(
    _ timestamps: [Timestamp],
    without deleted: [TimeRange]
  ) -> [Range<Int>] {
    guard !deleted.isEmpty else { return [0..<timestamps.count] }
    var rows: [Range<Int>] = []
    for (row, timestamp) in timestamps.enumerated()
    where !deleted.contains(where: { $0.contains(timestamp) }) {
      if let last = rows.last, last.upperBound == row {
        rows[rows.count - 1] = last.lowerBound..<row + 1
      } else {
        rows.append(row..<row + 1)
      }
    }
    return rows
  }

  private static func group(
    _ entry: ChunkGroupEntry,
    of reader: BlockReader
  ) throws(BlockError) -> ChunkGroup {
    let group = try ChunkGroup(try reader.file.bytes(at: entry.offset, entry.byteCount))
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    return group
  }

  /// Appends the merged groups to `writer`.
  ///
  /// - Parameter pace: called once a column.
  mutating func write(
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    if mustStayApart {
      for index in groups.indices {
        let runs = groups[index].rows.map { Run(group: index, rows: $0) }
        let isCopy = runs.count == 1 && isCopied(runs[0])
        try write(
          Part(runs: runs, isCopy: isCopy),
          isLate: groups[index].isLate,
          to: &writer,
          pace
        )
      }
      return
    }
    var order: [FieldSetID] = []
    for group in groups where !order.contains(group.fieldSet) { order.append(group.fieldSet) }
    for fieldSet in order {
      let members = groups.indices.filter { groups[$0].fieldSet == fieldSet }
      for part in parts(of: runs(of: members), columnCount: groups[members[0]].columns.count) {
        try write(part, isLate: false, to: &writer, pace)
      }
    }
  }

  /// Whether groups of different field sets say something of the same field at overlapping times.
  private var mustStayApart: Bool {
    var spans: [FieldSetID: (first: Timestamp, last: Timestamp, fields: Set<FieldID>)] = [:]
    for group in groups {
      let known = spans[group.fieldSet]
      spans[group.fieldSet] = (
        min(known?.first ?? group.first, group.first), max(known?.last ?? group.last, group.last),
        known?.fields ?? Set(group.columns.map(\.field))
      )
    }
    let all = Array(spans.values)
    for left in all.indices {
      for right in all.indices where right > left {
        let overlap = all[left].first <= all[right].last && all[right].first <= all[left].last
        if overlap, !all[left].fields.isDisjoint(with: all[right].fields) { return true }
      }
    }
    return false
  }

  /// The rows of groups of one field set, ascending, each timestamp once.
  private func runs(of members: [Int]) -> [Run] {
    let ascends = zip(members, members.dropFirst()).allSatisfy {
      groups[$0].last < groups[$1].first
    }
    if ascends {
      return members.flatMap { member in groups[member].rows.map { Run(group: member, rows: $0) } }
    }
    var rows: [(timestamp: Timestamp, group: Int, row: Int)] = []
    for member in members {
      for part in groups[member].rows {
        for row in part { rows.append((groups[member].timestamps[row], member, row)) }
      }
    }
    rows.sort { ($0.timestamp, $0.group) < ($1.timestamp, $1.group) }
    var runs: [Run] = []
    for (index, row) in rows.enumerated() {
      if index + 1 < rows.count, rows[index + 1].timestamp == row.timestamp { continue }
      if let last = runs.last, last.group == row.group, last.rows.upperBound == row.row {
        runs[runs.count - 1].rows = last.rows.lowerBound..<row.row + 1
      } else {
        runs.append(Run(group: row.group, rows: row.row..<row.row + 1))
      }
    }
    return runs
  }

  /// Whether a run is a whole group that is large enough to be copied as it lies.
  private func isCopied(_ run: Run) -> Bool {
    guard let least = policy.rowsPerCopiedGroupMin, run.rows.count >= least else { return false }
    return run.rows.count == groups[run.group].timestamps.count
  }

  /// Cuts runs into groups of as many rows as a group may have.
  private func parts(of runs: [Run], columnCount: Int) -> [Part] {
    let most = min(
      policy.rowsPerGroupMax,
      BlockWriter.rowCountMax(columnCount: columnCount)
    )
    var parts: [Part] = []
    var part = Part()
    var room = most
    func close() {
      if !part.runs.isEmpty { parts.append(part) }
      part = Part()
      room = most
    }
    for run in runs {
      // Few rows before a large group are written with it rather than alone.
      let isLone = part.runs.isEmpty || most - room >= policy.rowsPerCopiedGroupMin ?? 0
      if isLone, isCopied(run), !groups[run.group].isLate {
        close()
        parts.append(Part(runs: [run], isCopy: true))
        continue
      }
      var rest = run
      while rest.rows.count >= room {
        let end = rest.rows.lowerBound + room
        part.runs.append(Run(group: rest.group, rows: rest.rows.lowerBound..<end))
        close()
        rest.rows = end..<rest.rows.upperBound
      }
      if !rest.rows.isEmpty {
        part.runs.append(rest)
        room -= rest.rows.count
      }
    }
    close()
    return parts
  }

  /// Writes one group: as it lies, or timestamps, then column by column.
  private mutating func write(
    _ part: Part,
    isLate: Bool,
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    let runs = part.runs
    try load(runs)
    defer { drop(runs) }
    if part.isCopy, let group = groups[runs[0].group].group {
      try pace(0)
      let entry = groups[runs[0].group].entry
      do throws(SystemError) { try writer.copy(group, entry) } catch { throw .system(error) }
      return
    }
    var timestamps: [Timestamp] = []
    for run in runs { timestamps += groups[run.group].timestamps[run.rows] }
    let columns = groups[runs[0].group].columns
    for run in runs where groups[run.group].columns.count != columns.count {
      throw groups[run.group].fault(.malformed(.group))
    }
    writer.beginGroup(
      series: series,
      fieldSet: groups[runs[0].group].fieldSet,
      fields: columns.map { (field: $0.field, type: $0.type) },
      timestamps: timestamps.span,
      isLate: isLate
    )
    // Late rows make runs alternate between groups.
    let alternates = zip(runs, runs.dropFirst()).contains { $0.group >= $1.group }
    var cells: [Cell] = []
    cells.reserveCapacity(timestamps.count)
    for index in columns.indices {
      try pace(0)
      var strings = StringArena()
      cells.removeAll(keepingCapacity: true)
      if alternates {
        try appendAlternating(runs, columns[index], index, to: &cells, &strings)
      } else {
        for run in runs { try append(run, columns[index], index, to: &cells, &strings) }
      }
      writer.appendColumn(cells.span, type: columns[index].type, strings: strings)
    }
    do throws(SystemError) { try writer.endGroup() } catch { throw .system(error) }
  }

  /// Decodes the rows of a run. A group that is cut in two is decoded for both.
  private func append(
    _ run: Run,
    _ column: ChunkGroupDirectory.Column,
    _ index: Int,
    to cells: inout [Cell],
    _ strings: inout StringArena
  ) throws(CompactionError) {
    do throws(BlockError) {
      let (group, found) = try chunk(of: run.group, column, index)
      if run.rows.count == group.head.rowCount {
        try group.append(found, to: &cells, strings: &strings)
      } else {
        cells += try group.column(found, strings: &strings)[run.rows]
      }
    } catch {
      throw groups[run.group].fault(error)
    }
  }

  /// Decodes runs that come back to their groups, each group once.
  private func appendAlternating(
    _ runs: [Run],
    _ column: ChunkGroupDirectory.Column,
    _ index: Int,
    to cells: inout [Cell],
    _ strings: inout StringArena
  ) throws(CompactionError) {
    var decoded: [Int: [Cell]] = [:]
    for run in runs {
      if decoded[run.group] == nil {
        do throws(BlockError) {
          let (group, found) = try chunk(of: run.group, column, index)
          decoded[run.group] = try group.column(found, strings: &strings)
        } catch {
          throw groups[run.group].fault(error)
        }
      }
      if let found = decoded[run.group] { cells += found[run.rows] }
    }
  }

  /// A group in memory, and where it has a column; they have the same ones.
  private func chunk(
    of group: Int,
    _ column: ChunkGroupDirectory.Column,
    _ index: Int
  ) throws(BlockError) -> (ChunkGroup, ChunkGroupDirectory.Column) {
    guard let bytes = groups[group].group else { throw .malformed(.group) }
    let found = groups[group].columns[index]
    guard found.field == column.field, found.type == column.type else { throw .malformed(.group) }
    return (bytes, found)
  }

  /// Brings the groups of `runs` into memory that are not there.
  private mutating func load(_ runs: [Run]) throws(CompactionError) {
    for run in runs where groups[run.group].group == nil {
      let group = groups[run.group]
      do throws(BlockError) {
        groups[run.group].group = try Self.group(group.entry, of: group.reader)
      } catch {
        throw group.fault(error)
      }
      heldByteCount += group.entry.byteCount
    }
  }

  private mutating func drop(_ runs: [Run]) {
    for run in runs where groups[run.group].group != nil {
      groups[run.group].group = nil
      heldByteCount -= groups[run.group].entry.byteCount
    }
  }
}
