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
/// Long strings make small groups (``CompactionPolicy/textByteCountMax``), also of a group that
/// was larger.
struct SeriesMerger {
  let series: SeriesID
  let policy: CompactionPolicy
  var groups: [Loaded] = []
  /// Bytes of groups that are in memory.
  var heldByteCount = 0

  /// Bytes of groups that are kept from their first reading on; what is beyond is read again when
  /// its turn comes, so that memory does not grow with the step.
  var heldByteCountMax: Int { 2 * min(BlockWriter.textByteCountMax, policy.textByteCountMax) }

  /// One group, in memory as it lies in its block, or to be read again.
  struct Loaded {
    let reader: BlockReader
    let entry: ChunkGroupEntry
    var group: ChunkGroup?
    let columns: [ChunkGroupDirectory.Column]
    let timestamps: [Timestamp]
    /// Those that are not deleted; one or more.
    let rows: [Range<Int>]
    let isLate: Bool
    let text: GroupText

    var fieldSet: FieldSetID { entry.fieldSet }
    var first: Timestamp { timestamps[0] }
    var last: Timestamp { timestamps[timestamps.count - 1] }

    func fault(_ error: BlockError) -> CompactionError {
      .input(error, path: reader.path, entry.offset, entry.byteCount)
    }
  }

  /// Rows of one group that come one after another in the result.
  struct Run {
    var group: Int
    var rows: Range<Int>
  }

  /// Rows of a merged group, or one that is copied.
  struct Part {
    var runs: [Run] = []
    var isCopy = false
    var isLate = false

    var rowCount: Int { runs.reduce(0) { $0 + $1.rows.count } }
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
    let columns = group.directory.columns
    guard !rows.isEmpty else { return gone * columns.count }
    let text = try GroupText(
      group,
      columns,
      rowByteCountMax: policy.textByteCountMax / rowCountMax(columnCount: columns.count)
    )
    let isKept = heldByteCount + entry.byteCount <= heldByteCountMax
    if isKept { heldByteCount += entry.byteCount }
    groups.append(
      Loaded(
        reader: reader,
        entry: entry,
        group: isKept ? group : nil,
        columns: columns,
        timestamps: timestamps,
        rows: rows,
        isLate: group.head.isLate,
        text: text
      )
    )
    return gone * columns.count
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

  static func group(
    _ entry: ChunkGroupEntry,
    of reader: BlockReader
  ) throws(BlockError) -> ChunkGroup {
    let group = try ChunkGroup(try reader.file.bytes(at: entry.offset, entry.byteCount))
    guard group.head.matches(entry) else { throw .mismatch(.group) }
    return group
  }

  /// Appends the merged groups to `writer`.
  ///
  /// - Parameter pace: called once a column, and told how many bytes of `inputByteCount` are done.
  mutating func write(
    to writer: inout BlockWriter,
    inputByteCount: Int,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    let parts = self.parts()
    let rowCount = parts.reduce(0) { $0 + $1.rowCount }
    var done = (rows: 0, bytes: 0)
    for (index, part) in parts.enumerated() {
      try write(part, to: &writer, pace)
      drop(part.runs, keeping: index + 1 < parts.count ? parts[index + 1].runs : [])
      done.rows += part.rowCount
      let bytes = Int(Double(inputByteCount) * Double(done.rows) / Double(rowCount))
      try pace(bytes - done.bytes)
      done.bytes = bytes
    }
    if parts.isEmpty { try pace(inputByteCount) }
  }

  /// The groups that the result consists of.
  private func parts() -> [Part] {
    if mustStayApart {
      return groups.indices.flatMap { index in
        let group = groups[index]
        let runs = group.rows.map { Run(group: index, rows: $0) }
        if runs.count == 1, isCopied(runs[0]) { return [Part(runs: runs, isCopy: true)] }
        // As many rows as it has; as many bytes as others may have.
        let parts = parts(of: runs, rowCountMax: group.timestamps.count)
        return parts.map { Part(runs: $0.runs, isLate: group.isLate) }
      }
    }
    var order: [FieldSetID] = []
    for group in groups where !order.contains(group.fieldSet) { order.append(group.fieldSet) }
    return order.flatMap { fieldSet in
      let members = groups.indices.filter { groups[$0].fieldSet == fieldSet }
      let columnCount = groups[members[0]].columns.count
      return parts(of: runs(of: members), rowCountMax: rowCountMax(columnCount: columnCount))
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

  /// Whether a run is a whole group that is large enough to be copied as it lies, and not much
  /// too large: what a group counts is a bound.
  private func isCopied(_ run: Run) -> Bool {
    guard let least = policy.rowsPerCopiedGroupMin, run.rows.count >= least else { return false }
    let group = groups[run.group]
    return run.rows.count == group.timestamps.count
      && group.text.byteCount / 2 <= policy.textByteCountMax
  }

  private func rowCountMax(columnCount: Int) -> Int {
    min(policy.rowsPerGroupMax, BlockWriter.rowCountMax(columnCount: columnCount))
  }

  /// Cuts runs into groups of as many rows, and as many bytes of strings, as a group may have.
  private func parts(of runs: [Run], rowCountMax most: Int) -> [Part] {
    var parts: [Part] = []
    var part = Part()
    var room = most
    var tally = TextTally(byteCountMax: policy.textByteCountMax)
    func close() {
      if !part.runs.isEmpty { parts.append(part) }
      part = Part()
      room = most
      tally.removeAll()
    }
    for run in runs {
      // Few rows before a large group are written with it rather than alone.
      let isLone = part.runs.isEmpty || most - room >= policy.rowsPerCopiedGroupMin ?? 0
      if isLone, isCopied(run), !groups[run.group].isLate {
        close()
        parts.append(Part(runs: [run], isCopy: true))
        continue
      }
      var rest = run.rows
      while !rest.isEmpty {
        let count = tally.add(rest.prefix(room), of: run.group, groups[run.group].text)
        if count > 0 {
          part.runs.append(Run(group: run.group, rows: rest.prefix(count)))
          room -= count
          rest = rest.dropFirst(count)
        }
        if room == 0 || !rest.isEmpty { close() }
      }
    }
    close()
    return parts
  }
}
