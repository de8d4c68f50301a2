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

  /// One group, whole in memory as it lies in its block.
  private struct Loaded {
    var group: ChunkGroup
    var columns: [ChunkGroupDirectory.Column]
    var timestamps: [Timestamp]

    var fieldSet: FieldSetID { group.head.fieldSet }
    var first: Timestamp { timestamps[0] }
    var last: Timestamp { timestamps[timestamps.count - 1] }
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
  mutating func add(
    _ entry: ChunkGroupEntry,
    of reader: BlockReader
  ) throws(BlockError) {
    let bytes = try reader.file.bytes(at: entry.offset, entry.byteCount)
    let group = try ChunkGroup(bytes)
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    groups.append(
      Loaded(
        group: group,
        columns: group.directory.columns,
        timestamps: try group.timestamps()
      )
    )
  }

  /// Appends the merged groups to `writer`.
  func write(to writer: inout BlockWriter) throws(CompactionError) {
    if mustStayApart {
      for index in groups.indices {
        let rows = [Run(group: index, rows: 0..<groups[index].timestamps.count)]
        try write(rows, isLate: groups[index].group.head.isLate, to: &writer)
      }
      return
    }
    var order: [FieldSetID] = []
    for group in groups where !order.contains(group.fieldSet) { order.append(group.fieldSet) }
    for fieldSet in order {
      let members = groups.indices.filter { groups[$0].fieldSet == fieldSet }
      for part in parts(of: runs(of: members), columnCount: groups[members[0]].columns.count) {
        try write(part, isLate: false, to: &writer)
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
    if ascends { return members.map { Run(group: $0, rows: 0..<groups[$0].timestamps.count) } }
    var rows: [(timestamp: Timestamp, group: Int, row: Int)] = []
    for member in members {
      for (row, timestamp) in groups[member].timestamps.enumerated() {
        rows.append((timestamp, member, row))
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
  private func write(
    _ runs: [Run],
    isLate: Bool,
    to writer: inout BlockWriter
  ) throws(CompactionError) {
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
      var strings = StringArena()
      var cells: [Cell] = []
      cells.reserveCapacity(timestamps.count)
      var decoded: (group: Int, cells: [Cell])?
      for run in runs {
        if decoded?.group != run.group {
          let group = groups[run.group]
          guard group.columns.count == columns.count,
            group.columns[index].field == columns[index].field,
            group.columns[index].type == columns[index].type
          else { throw .block(.malformed(.group)) }
          do throws(BlockError) {
            decoded = (
              run.group, try group.group.column(group.columns[index], strings: &strings)
            )
          } catch {
            throw .block(error)
          }
        }
        if let decoded { cells += decoded.cells[run.rows] }
      }
      writer.appendColumn(cells.span, type: columns[index].type, strings: strings)
    }
    do throws(SystemError) { try writer.endGroup() } catch { throw .system(error) }
  }
}
