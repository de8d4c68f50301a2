internal import Codecs
internal import Model

extension GroupWindow {
  /// Whether a column's chunk is so large that only what is wanted of it is read.
  static func isReadInPart(_ column: ChunkGroupDirectory.Column) -> Bool {
    column.type == .string && column.chunk.count > wholeByteCountMax
  }

  /// Decodes rows of a column, reading what is not there yet.
  ///
  /// - Parameters:
  ///   - rows: not empty.
  ///   - strings: gets the strings of these rows.
  ///   - claim: told how many bytes of strings that are, about, before they are decoded.
  /// - Returns: `nil` when `claim` says no.
  mutating func cells(
    _ column: ChunkGroupDirectory.Column,
    rows: Range<Int>,
    _ strings: inout StringArena,
    _ claim: (Int) -> Bool = { _ in true }
  ) throws(BlockError) -> [Cell]? {
    if Self.isReadInPart(column) {
      return try cellsInPart(column, rows: rows, &strings, claim)
    }
    let rowCount = head.rowCount
    return try withChunk(column.chunk) { chunk throws(BlockError) -> [Cell]? in
      if column.type == .string {
        // Of all rows the chunk says enough, unless it is compressed.
        let known = rows.count == rowCount ? ChunkGroup.textByteCountMax(chunk) : nil
        let layout = known == nil ? try ChunkGroup.layout(chunk, column, rowCount) : nil
        guard claim(known ?? layout?.byteCount(of: [rows]) ?? 0) else { return nil }
        if let layout {
          do throws(ChunkError) {
            return try layout.decode(chunk, rows: [rows], into: &strings)
          } catch { throw .chunk(column.field, error) }
        }
      }
      return try ChunkGroup.cells(chunk, column, rowCount, rows: rows, &strings)
    }
  }

  /// The same of a large chunk.
  private mutating func cellsInPart(
    _ column: ChunkGroupDirectory.Column,
    rows: Range<Int>,
    _ strings: inout StringArena,
    _ claim: (Int) -> Bool
  ) throws(BlockError) -> [Cell]? {
    let start = try bytes(column.chunk.prefix(StringLayout.startByteCountMax))
    if StringLayout.needsAll(start.span) {
      guard claim(column.chunk.count) else { return nil }
      let chunk = try bytes(column.chunk)
      return try ChunkGroup.cells(chunk.span, column, head.rowCount, rows: rows, &strings)
    }
    let layout: StringLayout
    do throws(ChunkError) {
      layout = try StringLayout(
        start: start.span,
        byteCount: column.chunk.count,
        count: head.rowCount
      )
    } catch { throw .chunk(column.field, error) }
    guard claim(layout.byteCount(of: [rows])) else { return nil }
    var failure: BlockError?
    do throws(ChunkError) {
      return try layout.decode(rows: rows, into: &strings) { place in
        let start = column.chunk.lowerBound
        do throws(BlockError) {
          return try self.bytes(start + place.lowerBound..<start + place.upperBound)
        } catch {
          failure = error
          return nil
        }
      }
    } catch {
      if let failure { throw failure }
      throw .chunk(column.field, error)
    }
  }
}
