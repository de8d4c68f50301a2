public import Model

/// Values of one kind, side by side.
public enum AnswerValues: Sendable {
  /// Bit patterns of doubles.
  case float(SharedColumn<Cell>)
  /// Bit patterns of signed integers.
  case integer(SharedColumn<Cell>)
  case unsigned(SharedColumn<Cell>)
  /// 0 or 1, shown as `false` or `true`.
  case boolean(SharedColumn<Cell>)
  case string(SharedColumn<Cell>, StringArena)
  /// Sums of integers: integers where they fit 64 bits of the column's kind, doubles beyond.
  case sum(SharedColumn<Int128>, isSigned: Bool)

  public var count: Int {
    switch self {
    case .float(let cells), .integer(let cells), .unsigned(let cells), .boolean(let cells),
      .string(let cells, _):
      cells.count
    case .sum(let sums, _): sums.count
    }
  }

  /// Points of a column, as its own type.
  init(_ cells: SharedColumn<Cell>, _ type: ColumnType, _ strings: StringArena) {
    switch type {
    case .float: self = .float(cells)
    case .integer: self = .integer(cells)
    case .unsigned: self = .unsigned(cells)
    case .boolean: self = .boolean(cells)
    case .string: self = .string(cells, strings)
    }
  }

  /// Memory of the values, about.
  var byteCount: Int {
    guard case .string(let cells, _) = self else { return cellByteCount }
    // A string cell ends with its length.
    return cells.reduce(cellByteCount) { $0 + Int($1 & 0xffff_ffff) }
  }

  /// The same without the bytes of strings.
  var cellByteCount: Int {
    if case .sum(let sums, _) = self { sums.count * 16 } else { count * 8 }
  }
}

/// Which buckets hold anything: one bit each. Several series share the bits of one array.
public struct BucketSet: Sendable {
  private var words: [UInt64]
  private var offset = 0
  public let count: Int

  /// An empty set over `count` buckets.
  public init(count: Int) {
    self.count = count
    words = Array(repeating: 0, count: (count + 63) / 64)
  }

  private init(_ words: [UInt64], _ range: Range<Int>) {
    self.words = words
    offset = range.lowerBound
    count = range.count
  }

  @inline(__always)
  public func contains(_ index: Int) -> Bool {
    let bit = offset &+ index
    return words[bit >> 6] & (1 << UInt64(bit & 63)) != 0
  }

  public mutating func insert(_ index: Int) {
    let bit = offset + index
    words[bit >> 6] |= 1 << UInt64(bit & 63)
  }

  public var isEmpty: Bool { !(0..<count).contains { contains($0) } }

  /// The buckets of `range` alone, counted from its start.
  func part(_ range: Range<Int>) -> BucketSet {
    precondition(range.upperBound <= count)
    return BucketSet(words, offset + range.lowerBound..<offset + range.upperBound)
  }
}
