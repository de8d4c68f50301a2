internal import Codecs
internal import Model
internal import Platform

/// Merges the chunk groups of one series into large ones.
///
/// Rows of one field set are put into the order of their timestamps; of two rows with the same
/// timestamp the later one stays, as a reader would have it. Groups of different field sets stay
/// apart; where two of them hold the same field at overlapping times, a reader has to see them in
/// the order in which they came, and the series is copied group by group.
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
        let rows = groups[index].rows.map { Run(group: index, rows: $0) }
        try write(rows, isLate: groups[index].isLate, to: &writer, pace)
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

  /// Cuts runs into groups of as many rows as a group may have.
  private func parts(of runs: [Run], columnCount: Int) -> [[Run]] {
    let most = min(
      policy.rowsPerGroupMax,
      BlockWriter.rowCountMax(columnCount: columnCount)
    )
    var parts: [[Run]] = []
    var part: [Run] = []
    var room = most
    for run in runs {
      var rest = run
      while rest.rows.count >= room {
        let end = rest.rows.lowerBound + room
        part.append(Run(group: rest.group, rows: rest.rows.lowerBound..<end))
        parts.append(part)
        part = []
        rest.rows = end..<rest.rows.upperBound
        room = most
      }
      if !rest.rows.isEmpty {
        part.append(rest)
        room -= rest.rows.count
      }
    }
    if !part.isEmpty { parts.append(part) }
    return parts
  }

  /// Writes one group: timestamps, then column by column.
  private mutating func write(
    _ runs: [Run],
    isLate: Bool,
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    try load(runs)
    defer { drop(runs) }
    var timestamps: [Timestamp] = []
    for run in runs { timestamps += groups[run.group].timestamps[run.rows] }
    let columns = groups[runs[0].group].columns
    writer.beginGroup(
      series: series,
      fieldSet: groups[runs[0].group].fieldSet,
      fields: columns.map { (field: $0.field, type: $0.type) },
      timestamps: timestamps.span,
      isLate: isLate
    )
    for index in columns.indices {
      try pace(0)
      var strings = StringArena()
      var cells: [Cell] = []
      cells.reserveCapacity(timestamps.count)
      // Late rows make runs alternate between groups: each is decoded once.
      var decoded: [Int: [Cell]] = [:]
      for run in runs {
        if decoded[run.group] == nil {
          let group = groups[run.group]
          do throws(BlockError) {
            guard let bytes = group.group, group.columns.count == columns.count,
              group.columns[index].field == columns[index].field,
              group.columns[index].type == columns[index].type
            else { throw .malformed(.group) }
            decoded[run.group] = try bytes.column(group.columns[index], strings: &strings)
          } catch {
            throw group.fault(error)
          }
        }
        if let found = decoded[run.group] { cells += found[run.rows] }
      }
      writer.appendColumn(cells.span, type: columns[index].type, strings: strings)
    }
    do throws(SystemError) { try writer.endGroup() } catch { throw .system(error) }
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
