public import Bytes
internal import CBytes

/// Up to eight columns of rows as the integers that the rows carry: what a cut folds and encodes
/// without making doubles of decimals and decimals of doubles.
///
/// Filled by ``RowTile/next(_:into:)``. A column is *held* when each of its cells is an integer of
/// 32 bits over one power of ten; of the others ``RowTile/cells(of:_:into:)`` has the cells. One
/// thread; nothing is allocated for a tile of no more rows than one before.
@safe public struct IntegerTile: ~Copyable {
  public static let columnCountMax = 8
  /// Integers that span less than this have differences, and differences of those, of 32 bits.
  public static let spanMax: Int64 = 1 << 30
  /// Integers over greater powers of ten are not held.
  private static let powerMax = 1e15
  /// What is read behind the last column's end.
  private static let slackCount = 16

  public private(set) var rowCount = 0
  public private(set) var columnCount = 0
  /// The bits of the columns that are held.
  private var held: UInt32 = 0
  private var stride = 0
  private var capacity = 64
  /// Eight integers a row.
  private var rows: UnsafeMutablePointer<Int32>
  /// The same column by column, `stride` apart.
  private var columns: UnsafeMutablePointer<Int32>
  /// Cells that are no integers, column by column; the others are unspecified.
  private var exceptions: UnsafeMutablePointer<UInt64>
  /// Least and greatest values of three orders, then those of ``sum(_:)``, eight of each.
  private let spans: UnsafeMutablePointer<Int32>
  /// Powers of ten, then sums of floats, eight of each.
  private let floats: UnsafeMutablePointer<Double>
  /// Sums of integers.
  private let wholes: UnsafeMutablePointer<Int64>

  public init() {
    unsafe rows = Self.allocate(8 * capacity + Self.slackCount)
    unsafe columns = Self.allocate(8 * capacity + Self.slackCount)
    unsafe exceptions = Self.allocate(8 * capacity)
    unsafe spans = Self.allocate(64)
    unsafe floats = UnsafeMutablePointer<Double>.allocate(capacity: 16)
    unsafe floats.initialize(repeating: 1, count: 16)
    unsafe wholes = Self.allocate(8)
  }

  deinit {
    unsafe rows.deallocate()
    unsafe columns.deallocate()
    unsafe exceptions.deallocate()
    unsafe spans.deallocate()
    unsafe floats.deallocate()
    unsafe wholes.deallocate()
  }

  private static func allocate<Number: FixedWidthInteger>(
    _ count: Int
  ) -> UnsafeMutablePointer<Number> {
    let memory = UnsafeMutablePointer<Number>.allocate(capacity: count)
    unsafe memory.initialize(repeating: 0, count: count)
    return unsafe memory
  }

  private mutating func reserve(_ rowCount: Int) {
    guard rowCount > capacity else { return }
    unsafe rows.deallocate()
    unsafe columns.deallocate()
    unsafe exceptions.deallocate()
    capacity = (max(rowCount, 2 * capacity) + 7) & ~7
    unsafe rows = Self.allocate(8 * capacity + Self.slackCount)
    unsafe columns = Self.allocate(8 * capacity + Self.slackCount)
    unsafe exceptions = Self.allocate(8 * capacity)
  }

  /// Decodes a tile; false, and nothing has changed, where the processor lacks the instructions.
  ///
  /// - Parameters:
  ///   - column: the first one, a multiple of eight.
  ///   - types: of all columns of the rows; `columnCount` of them from `column` on, none of them
  ///     of strings.
  ///   - runs: rows that share a scale table: the end of each run, and the powers of ten of all
  ///     columns.
  mutating func fill(
    _ cursors: inout [cbytes_row],
    column: Int,
    columnCount: Int,
    types: [ColumnType],
    runs: [(end: Int, divisors: [Double])]
  ) -> Bool {
    precondition(columnCount >= 1 && columnCount <= Self.columnCountMax)
    precondition(column + columnCount <= types.count)
    let count = unsafe cursors.count
    precondition(count >= 1)
    reserve(count)
    var marked: UInt32 = 0
    let isDone = unsafe cursors.withUnsafeMutableBufferPointer { cursors in
      guard let first = cursors.baseAddress else { return false }
      return unsafe cbytes_tile_decode(
        first,
        cursors.count,
        column,
        columnCount,
        rows,
        exceptions,
        &marked
      ) != 0
    }
    guard isDone else { return false }
    rowCount = count
    self.columnCount = columnCount
    stride = (rowCount + 7) & ~7
    var whole = ~marked
    for lane in 0..<columnCount {
      guard types[column + lane] == .float else {
        unsafe floats[lane] = 1
        continue
      }
      let power = runs.reduce(0) { max($0, $1.divisors[column + lane]) }
      unsafe floats[lane] = power
      if runs.count > 1, whole >> UInt32(lane) & 1 == 1 {
        // A column that is not held has its integers as they came.
        let isOne =
          power <= Self.powerMax
          && bring(lane, to: power, runs.lazy.map { ($0.end, $0.divisors[column + lane]) })
        if !isOne { whole &= ~(1 << UInt32(lane)) }
      }
    }
    unsafe cbytes_tile_measure(rows, rowCount, columns, stride, spans, spans + 24)
    held = 0
    for lane in 0..<columnCount where whole >> UInt32(lane) & 1 == 1 {
      if isWhole(lane, types[column + lane]) { held |= 1 << UInt32(lane) }
    }
    return true
  }

  /// Makes integers over several powers of ten those over the largest one; false, and nothing has
  /// changed, when some then have more than 32 bits.
  ///
  /// - Parameter runs: the end of each run of rows, and its power.
  private func bring(
    _ lane: Int,
    to power: Double,
    _ runs: some Collection<(end: Int, power: Double)>
  ) -> Bool {
    guard runs.contains(where: { $0.power != power }) else { return true }
    for isDone in [false, true] {
      var row = 0
      for run in runs {
        let factor = power / run.power
        guard factor <= 1e9 else { return false }
        let most = Int32.max / Int32(factor)
        while row < run.end {
          let integer = unsafe rows[8 * row + lane]
          if isDone {
            unsafe rows[8 * row + lane] = integer &* Int32(factor)
          } else if integer.magnitude > most.magnitude {
            return false
          }
          row += 1
        }
      }
    }
    return true
  }

  /// Whether integers without exceptions are what the cells of a column are.
  private func isWhole(_ lane: Int, _ type: ColumnType) -> Bool {
    let power = unsafe floats[lane]
    return switch type {
    case .float: power >= 1 && power <= Self.powerMax
    case .integer: true
    // Those beyond 2^63 come as negative integers.
    case .unsigned: least(lane, order: 0) >= 0
    case .boolean: least(lane, order: 0) >= 0 && greatest(lane, order: 0) <= 1
    case .string: false
    }
  }

  // MARK: Columns

  /// Whether column `column` of the tile is held.
  public func holds(_ column: Int) -> Bool { held >> UInt32(column) & 1 == 1 }

  /// The power of ten that a held column's integers are over.
  public func power(_ column: Int) -> Double {
    precondition(column >= 0 && column < columnCount)
    return unsafe floats[column]
  }

  /// The least integer of a column (`order` 0), the least difference (1), the least difference of
  /// differences (2). The latter are true when the integers span less than ``spanMax``.
  public func least(_ column: Int, order: Int) -> Int32 {
    precondition(column >= 0 && column < 8 && order >= 0 && order < 3)
    return unsafe spans[8 * order + column]
  }

  /// The same for the greatest.
  public func greatest(_ column: Int, order: Int) -> Int32 {
    precondition(column >= 0 && column < 8 && order >= 0 && order < 3)
    return unsafe spans[24 + 8 * order + column]
  }

  /// The integers of a column; `Int32.min` stands for a cell that is none.
  @_lifetime(borrow self)
  public func integers(_ column: Int) -> Span<Int32> {
    precondition(column >= 0 && column < columnCount)
    let start = unsafe UnsafePointer(columns + column * stride)
    let span = unsafe Span(_unsafeStart: start, count: rowCount)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// The cell that an integer of a held column stands for.
  @inline(__always)
  public func cell(_ integer: Int32, _ column: Int, isFloat: Bool) -> Cell {
    isFloat ? (Double(integer) / power(column)).bitPattern : UInt64(bitPattern: Int64(integer))
  }

  /// A cell that is no integer; only where its column's integer is `Int32.min`.
  func exception(_ column: Int, row: Int) -> Cell {
    precondition(column >= 0 && column < columnCount)
    precondition(row >= 0 && row < rowCount)
    return unsafe exceptions[column * rowCount + row]
  }

  /// Appends a column's integers (`order` 0), differences (1) or differences of differences (2),
  /// less `base`, as fields of one width, the first in the lowest bits of the first byte.
  ///
  /// - Parameter width: 1 ... 32 bits that hold each of them.
  public func pack(
    _ column: Int,
    order: Int,
    base: Int32,
    width: Int,
    into buffer: inout OutputBuffer
  ) {
    precondition(column >= 0 && column < columnCount)
    precondition(width >= 1 && width <= 32)
    precondition(order >= 0 && order <= 2 && order < rowCount)
    let byteCount = ((rowCount - order) * width + 7) >> 3
    unsafe buffer.append(byteCount, slack: 64) { target in
      unsafe cbytes_tile_pack(
        columns + column * stride,
        rowCount,
        UInt32(order),
        base,
        UInt32(width),
        target
      )
    }
  }

  // MARK: Sums

  /// Adds up rows of all columns: see ``floatSum(_:)``, ``integerSum(_:)`` and ``extremes(_:)``.
  ///
  /// - Parameter range: some of the tile's rows, one or more.
  public mutating func sum(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= rowCount)
    precondition(!range.isEmpty)
    unsafe cbytes_tile_fold(
      rows + 8 * range.lowerBound,
      range.count,
      floats,
      floats + 8,
      wholes,
      spans + 48,
      spans + 56
    )
  }

  /// A held column's cells as floats, added up in the order of the rows.
  public func floatSum(_ column: Int) -> Double {
    precondition(column >= 0 && column < columnCount)
    return unsafe floats[8 + column]
  }

  /// A held column's integers, added up.
  public func integerSum(_ column: Int) -> Int64 {
    precondition(column >= 0 && column < columnCount)
    return unsafe wholes[column]
  }

  /// The least and the greatest integer of the rows that were added up.
  public func extremes(_ column: Int) -> (least: Int32, greatest: Int32) {
    precondition(column >= 0 && column < columnCount)
    return unsafe (spans[48 + column], spans[56 + column])
  }
}

/// One owner at a time and no shared memory: moving it to another thread moves everything.
extension IntegerTile: @unchecked Sendable {}
