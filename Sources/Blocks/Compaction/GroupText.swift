internal import Codecs
internal import Model

/// What the strings of a chunk group's rows come to when they are decoded.
///
/// Where no row can have much, one figure stands for all of them; else each row is known, and of
/// long strings that rows share, which one it has.
struct GroupText {
  /// Bytes of a row in columns of short strings; at most.
  private(set) var rowByteCountMax = 0
  /// Bytes of small dictionaries, of any number of rows.
  private(set) var commonByteCount = 0
  /// Bytes of each row in other columns; empty for none.
  private var long: [UInt32] = []
  /// Columns of long strings that rows share.
  fileprivate var shared: [StringLayout] = []
  /// Of all rows.
  private(set) var byteCount = 0

  /// Dictionaries up to so many bytes are small, strings of more are long.
  private static let smallByteCountMax = 1 << 10

  /// Whether all rows count alike.
  var isEven: Bool { long.isEmpty && shared.isEmpty }

  /// - Parameter rowByteCountMax: what a row may have so that nobody looks at it.
  /// - Complexity: reads the lengths of string columns whose chunks are longer than that; nothing
  ///   of others.
  init(
    _ group: ChunkGroup,
    _ columns: [ChunkGroupDirectory.Column],
    rowByteCountMax: Int
  ) throws(BlockError) {
    let stringColumnCount = columns.count { $0.type == .string }
    guard stringColumnCount > 0 else { return }
    let most = rowByteCountMax / stringColumnCount
    for column in columns where column.type == .string {
      if let chunkByteCount = group.textByteCountMax(column), chunkByteCount <= most {
        self.rowByteCountMax += chunkByteCount
        continue
      }
      let layout = try group.layout(column)
      let longest = Int(layout.byteCounts.max() ?? 0)
      if longest <= most {
        self.rowByteCountMax += longest
      } else if layout.isShared, layout.textByteCount <= Self.smallByteCountMax {
        commonByteCount += layout.textByteCount
      } else if layout.isShared, longest > Self.smallByteCountMax {
        shared.append(layout)
        byteCount += layout.textByteCount
      } else {
        byteCount += addLengths(of: layout, group.head.rowCount)
      }
    }
    byteCount += commonByteCount + self.rowByteCountMax * group.head.rowCount
  }

  private mutating func addLengths(of layout: StringLayout, _ rowCount: Int) -> Int {
    if long.isEmpty { long = [UInt32](repeating: 0, count: rowCount) }
    var sum = 0
    for row in 0..<rowCount {
      let byteCount = layout.byteCounts[layout.index(of: row)]
      let (more, overflow) = long[row].addingReportingOverflow(byteCount)
      long[row] = overflow ? .max : more
      sum += Int(byteCount)
    }
    return sum
  }

  /// Bytes of a row without strings that it shares.
  fileprivate func ownByteCount(_ row: Int) -> Int {
    rowByteCountMax + (long.isEmpty ? 0 : Int(long[row]))
  }
}

/// Adds up the strings of rows that become one merged group; what rows of one group share counts
/// once.
struct TextTally {
  private struct Shared: Hashable {
    var group: Int
    var column: Int
    var index: Int
  }

  let byteCountMax: Int
  private var byteCount = 0
  private var groups: Set<Int> = []
  private var seen: Set<Shared> = []

  init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// Counts rows, as many as there is room for; the first row of all always has room.
  ///
  /// - Parameters:
  ///   - rows: one after another in group number `group`.
  ///   - text: of that group.
  /// - Returns: how many rows were counted.
  mutating func add(_ rows: Range<Int>, of group: Int, _ text: GroupText) -> Int {
    let isFirst = groups.isEmpty
    let common = groups.contains(group) ? 0 : text.commonByteCount
    let room = byteCountMax - byteCount - common
    let count =
      text.isEven
      ? Self.count(rows, text.rowByteCountMax, room, isFirst)
      : add(rows, of: group, text, room, isFirst)
    guard count > 0 else { return 0 }
    byteCount += common
    if text.isEven { byteCount += count * text.rowByteCountMax }
    groups.insert(group)
    return count
  }

  private static func count(
    _ rows: Range<Int>,
    _ each: Int,
    _ room: Int,
    _ isFirst: Bool
  ) -> Int {
    let fitting = each == 0 ? (room >= 0 ? rows.count : 0) : max(0, room) / each
    return min(rows.count, max(isFirst ? 1 : 0, fitting))
  }

  /// Counts rows one by one.
  private mutating func add(
    _ rows: Range<Int>,
    of group: Int,
    _ text: GroupText,
    _ room: Int,
    _ isFirst: Bool
  ) -> Int {
    var room = room
    for row in rows {
      var more = text.ownByteCount(row)
      var fresh: [Shared] = []
      for (column, layout) in text.shared.enumerated() {
        let shared = Shared(group: group, column: column, index: layout.index(of: row))
        guard !seen.contains(shared) else { continue }
        more += Int(layout.byteCounts[shared.index])
        fresh.append(shared)
      }
      guard more <= room || isFirst && row == rows.lowerBound else {
        return row - rows.lowerBound
      }
      room -= more
      byteCount += more
      seen.formUnion(fresh)
    }
    return rows.count
  }

  mutating func removeAll() {
    byteCount = 0
    groups.removeAll()
    seen.removeAll()
  }
}
