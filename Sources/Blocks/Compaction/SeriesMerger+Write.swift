internal import Codecs
internal import Model
internal import Platform

extension SeriesMerger {
  /// Writes one group: as it lies, or timestamps, then column by column.
  mutating func write(
    _ part: Part,
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    let runs = part.runs
    if part.isCopy {
      try load(runs[0].group)
      guard let group = groups[runs[0].group].group else { return }
      try pace(0)
      let entry = groups[runs[0].group].entry
      do throws(SystemError) { try writer.copy(group, entry) } catch { throw .system(error) }
      return
    }
    var timestamps: [Timestamp] = []
    timestamps.reserveCapacity(part.rowCount)
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
      isLate: part.isLate
    )
    let mix = Mix(runs)
    let byteCount = mix.shares.reduce(0) { $0 + groups[$1.group].entry.byteCount }
    if mix.shares.count > 1, byteCount > heldByteCountMax {
      try writeGathered(mix, columns, to: &writer, pace)
    } else {
      for share in mix.shares { try load(share.group) }
      try writeColumns(mix, columns, to: &writer, pace)
    }
    do throws(SystemError) { try writer.endGroup() } catch { throw .system(error) }
  }

  /// The rows of one group that a merged group has, in their order.
  private struct Share {
    let group: Int
    var rows: [Range<Int>]
    var count: Int
  }

  /// What a merged group is made of.
  private struct Mix {
    /// By group, in the order of their first rows.
    private(set) var shares: [Share] = []
    /// Where the rows of each run lie among those of a share.
    private(set) var places: [(share: Int, rows: Range<Int>)] = []
    /// Whether runs come back to their groups: late rows make them.
    var alternates: Bool { shares.count < places.count }

    init(_ runs: [Run]) {
      var known: [Int: Int] = [:]
      for run in runs {
        let share = known[run.group] ?? shares.count
        if share == shares.count {
          known[run.group] = share
          shares.append(Share(group: run.group, rows: [], count: 0))
        }
        let start = shares[share].count
        places.append((share, start..<start + run.rows.count))
        shares[share].count += run.rows.count
        if let last = shares[share].rows.last, last.upperBound == run.rows.lowerBound {
          shares[share].rows[shares[share].rows.count - 1] = last.lowerBound..<run.rows.upperBound
        } else {
          shares[share].rows.append(run.rows)
        }
      }
    }

    /// Puts the cells of the shares into their order.
    func append(_ decoded: [[Cell]], to cells: inout [Cell]) {
      for place in places { cells += decoded[place.share][place.rows] }
    }
  }

  /// Writes columns of groups that are all in memory: one column is decoded at a time.
  private func writeColumns(
    _ mix: Mix,
    _ columns: [ChunkGroupDirectory.Column],
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    var cells: [Cell] = []
    for index in columns.indices {
      try pace(0)
      var strings = StringArena()
      cells.removeAll(keepingCapacity: true)
      if mix.alternates {
        var decoded: [[Cell]] = []
        for share in mix.shares {
          decoded.append(try self.cells(share, columns[index], index, &strings))
        }
        mix.append(decoded, to: &cells)
      } else {
        for share in mix.shares { try append(share, columns[index], index, to: &cells, &strings) }
      }
      writer.appendColumn(cells.span, type: columns[index].type, strings: strings)
    }
  }

  /// The same of groups that are together too large to be held: each is read by itself, and what
  /// is wanted of it decoded, which is no more than a group may be.
  private mutating func writeGathered(
    _ mix: Mix,
    _ columns: [ChunkGroupDirectory.Column],
    to writer: inout BlockWriter,
    _ pace: (Int) throws(CompactionError) -> Void
  ) throws(CompactionError) {
    var strings = [StringArena](repeating: StringArena(), count: columns.count)
    var decoded = [[[Cell]]](repeating: [], count: columns.count)
    for share in mix.shares {
      try load(share.group)
      for index in columns.indices {
        try pace(0)
        decoded[index].append(try cells(share, columns[index], index, &strings[index]))
      }
      drop([Run(group: share.group, rows: share.rows[0])], keeping: [])
    }
    var cells: [Cell] = []
    for index in columns.indices {
      try pace(0)
      cells.removeAll(keepingCapacity: true)
      mix.append(decoded[index], to: &cells)
      writer.appendColumn(cells.span, type: columns[index].type, strings: strings[index])
      decoded[index] = []
      strings[index] = StringArena()
    }
  }

  private func cells(
    _ share: Share,
    _ column: ChunkGroupDirectory.Column,
    _ index: Int,
    _ strings: inout StringArena
  ) throws(CompactionError) -> [Cell] {
    do throws(BlockError) {
      let (group, found) = try chunk(of: share.group, column, index)
      return try group.cells(found, rows: share.rows, strings: &strings)
    } catch {
      throw groups[share.group].fault(error)
    }
  }

  /// Decodes the rows of a share. A group that is cut in two is decoded for both.
  private func append(
    _ share: Share,
    _ column: ChunkGroupDirectory.Column,
    _ index: Int,
    to cells: inout [Cell],
    _ strings: inout StringArena
  ) throws(CompactionError) {
    do throws(BlockError) {
      let (group, found) = try chunk(of: share.group, column, index)
      if share.rows == [0..<group.head.rowCount] {
        try group.append(found, to: &cells, strings: &strings)
      } else {
        cells += try group.cells(found, rows: share.rows, strings: &strings)
      }
    } catch {
      throw groups[share.group].fault(error)
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

  /// Brings a group into memory that is not there.
  private mutating func load(_ index: Int) throws(CompactionError) {
    guard groups[index].group == nil else { return }
    let group = groups[index]
    do throws(BlockError) {
      groups[index].group = try Self.group(group.entry, of: group.reader)
    } catch {
      throw group.fault(error)
    }
    heldByteCount += group.entry.byteCount
  }

  /// Gives groups back; what the next part needs too stays where that is not too much.
  mutating func drop(_ runs: [Run], keeping next: [Run]) {
    let isMuch = heldByteCount > heldByteCountMax
    let kept = isMuch ? Set(next.prefix(1).map(\.group)) : Set(next.map(\.group))
    for run in runs where groups[run.group].group != nil && !kept.contains(run.group) {
      groups[run.group].group = nil
      heldByteCount -= groups[run.group].entry.byteCount
    }
  }
}
