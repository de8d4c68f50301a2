internal import Bytes
public import Model
public import Platform

/// Takes the bytes of a file, in order.
public protocol ByteSink: AnyObject {
  func write(_ bytes: [UInt8]) throws(SystemError)
}

/// Some rows for a ``ParquetWriter``.
public struct ParquetRows: Sendable {
  public enum Content: Sendable {
    /// No row has a value.
    case nothing
    /// All rows have the same string.
    case text([UInt8])
    /// Parallel to the rows; `isPresent` is `nil` when every row has a value.
    case cells([Cell], isPresent: [Bool]?)
  }

  public var rowCount: Int
  /// Parallel to the schema's columns.
  public var columns: [Content]
  /// Behind the cells of string columns.
  public var strings: StringArena

  public init(rowCount: Int, columns: [Content], strings: StringArena = StringArena()) {
    self.rowCount = rowCount
    self.columns = columns
    self.strings = strings
  }
}

/// Writes a Parquet file of flat columns (docs/format/parquet.md).
///
/// Row groups end where ``ParquetLimits`` says, counted row by row: the same rows give the same
/// bytes, in whatever pieces they come. Memory: one row group, and its footer's part of each one
/// before. One owner at a time.
public struct ParquetWriter: ~Copyable {
  private let schema: ParquetSchema
  private let sink: any ByteSink
  private let byteCountMax: Int
  private var encoder = ChunkEncoder()
  private var columns: [ColumnBuffer]
  private var isText: [Bool]
  private var groups: [[UInt8]] = []
  /// Bytes of rows that wait for the end of their row group, as its limit counts them.
  public private(set) var groupByteCount = 0
  private var groupRowCount = 0
  /// Bytes of the file so far.
  public private(set) var byteCount = 0
  /// Rows of the file so far.
  public private(set) var rowCount = 0

  /// Begins a file.
  ///
  /// - Parameters:
  ///   - schema: has 1 to 65,536 columns with different names.
  ///   - byteCountMax: a file that has so many bytes takes no further row group.
  public init(
    _ schema: ParquetSchema,
    into sink: any ByteSink,
    byteCountMax: Int = .max
  ) throws(SystemError) {
    precondition((1...ParquetLimits.columnCountMax).contains(schema.columns.count))
    self.schema = schema
    self.sink = sink
    self.byteCountMax = byteCountMax
    columns = schema.columns.map(ColumnBuffer.init)
    isText = schema.columns.map { _ in true }
    try put(ParquetLimits.magic)
  }

  private mutating func put(_ bytes: [UInt8]) throws(SystemError) {
    byteCount += bytes.count
    try sink.write(bytes)
  }

  /// Takes the rows of `range`, of all of them without one.
  ///
  /// - Returns: the number of the first row that it did not take: it belongs into another file.
  @discardableResult
  public mutating func append(
    _ rows: ParquetRows,
    _ range: Range<Int>? = nil
  ) throws(SystemError) -> Int {
    precondition(rows.columns.count == columns.count)
    let range = range ?? 0..<rows.rowCount
    precondition(range.lowerBound >= 0)
    precondition(range.upperBound <= rows.rowCount)
    let weights = RowWeights(rows, range, columns: schema.columns)
    var start = range.lowerBound
    while start < range.upperBound {
      let room = ParquetLimits.groupRowCountMax - groupRowCount
      let (end, weight) = weights.end(
        from: start,
        rowCountMax: min(room, range.upperBound - start),
        weightMax: ParquetLimits.groupByteCountMax - groupByteCount,
        takesOne: groupRowCount == 0
      )
      for index in columns.indices { append(rows, start..<end, to: index) }
      groupRowCount += end - start
      groupByteCount += weight
      start = end
      guard end < range.upperBound else { break }
      try endGroup()
      if byteCount >= byteCountMax { break }
    }
    return start
  }

  private mutating func append(_ rows: ParquetRows, _ range: Range<Int>, to index: Int) {
    switch rows.columns[index] {
    case .nothing: columns[index].appendNothing(count: range.count)
    case .text(let text): columns[index].append(text, count: range.count)
    case .cells(let cells, let isPresent):
      columns[index].append(cells, isPresent: isPresent, range, rows.strings)
    }
  }

  private mutating func endGroup() throws(SystemError) {
    guard groupRowCount > 0 else { return }
    let start = byteCount
    var group = FileFooter.RowGroup(rowCount: groupRowCount, chunks: [])
    group.chunks.reserveCapacity(columns.count)
    for index in columns.indices {
      var pages = OutputBuffer(reserving: 1 << 16)
      group.chunks.append(encoder.encode(columns[index], into: &pages))
      try put(pages.array())
      if !columns[index].strings.isText { isText[index] = false }
      columns[index].removeAll()
    }
    groups.append(
      FileFooter.encode(group, schema: schema, start: start, ordinal: groups.count)
    )
    rowCount += groupRowCount
    groupRowCount = 0
    groupByteCount = 0
  }

  /// Writes what is left and the footer; the file is whole then.
  public mutating func finish() throws(SystemError) {
    try endGroup()
    var footer = FileFooter.encode(schema, isText: isText, rowCount: rowCount, groups: groups)
    let count = UInt32(footer.count)
    for shift in [0, 8, 16, 24] as [UInt32] {
      footer.append(UInt8(truncatingIfNeeded: count >> shift))
    }
    footer += ParquetLimits.magic
    try put(footer)
  }
}

/// What rows count towards the size of a row group.
private struct RowWeights {
  /// Of each row, when they are all alike.
  private var uniform = 0
  /// What comes to that, of each row from number `first` on.
  private var each: [Int]?
  private let first: Int

  init(_ rows: ParquetRows, _ range: Range<Int>, columns: [ParquetColumn]) {
    first = range.lowerBound
    // A bit a column, in whole bytes.
    uniform = (columns.count + 7) / 8
    var each: [Int]?
    for (content, column) in zip(rows.columns, columns) {
      switch content {
      case .nothing: break
      case .text: uniform += 8
      case .cells(let cells, let isPresent):
        guard column.type == .string || isPresent != nil else {
          uniform += 8
          continue
        }
        var weights = each ?? Array(repeating: 0, count: range.count)
        each = nil
        for row in range where isPresent.map({ $0[row] }) ?? true {
          // The lower half of a string's cell is its length.
          weights[row - first] += 8 + (column.type == .string ? Int(cells[row] & 0xffff_ffff) : 0)
        }
        each = weights
      }
    }
    self.each = each
  }

  /// Up to which row a row group takes rows, and what they weigh.
  func end(
    from start: Int,
    rowCountMax: Int,
    weightMax: Int,
    takesOne: Bool
  ) -> (end: Int, weight: Int) {
    guard let each else {
      let fitting = min(rowCountMax, max(weightMax, 0) / uniform)
      let count = fitting == 0 && takesOne ? 1 : fitting
      return (start + count, count * uniform)
    }
    var end = start
    var weight = 0
    while end < start + rowCountMax {
      let next = weight + uniform + each[end - first]
      if next > weightMax, end > start || !takesOne { break }
      weight = next
      end += 1
    }
    return (end, weight)
  }
}
