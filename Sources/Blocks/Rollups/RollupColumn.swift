public import Model

/// The windows of one column of a series, oldest first.
public struct RollupColumn: Sendable {
  public var field: FieldID
  public var type: ColumnType
  /// Since the epoch, in the rollup's unit; strictly ascending, parallel to `windows`.
  public var numbers: [Int64]
  public var windows: [Window]
  /// Behind the `first` and `last` of a string column.
  public var strings: StringArena

  public init(
    field: FieldID,
    type: ColumnType,
    numbers: [Int64] = [],
    windows: [Window] = [],
    strings: StringArena = StringArena()
  ) {
    self.field = field
    self.type = type
    self.numbers = numbers
    self.windows = windows
    self.strings = strings
  }

  /// Appends windows of another column of the same field, all of them later.
  ///
  /// - Parameter range: of the other's windows.
  public mutating func append(_ other: RollupColumn, _ range: Range<Int>) {
    numbers.append(contentsOf: other.numbers[range])
    for index in range {
      var window = other.windows[index]
      if type == .string {
        window.first = strings.append(copying: window.first, from: other.strings)
        window.last = strings.append(copying: window.last, from: other.strings)
      }
      windows.append(window)
    }
  }

  /// Some of the windows; strings keep their arena.
  ///
  /// - Parameter isKept: of a window by its place.
  public func windows(where isKept: (Int) -> Bool) -> RollupColumn {
    let kept = windows.indices.filter(isKept)
    var result = self
    result.numbers = kept.map { numbers[$0] }
    result.windows = kept.map { windows[$0] }
    return result
  }

  /// The first window from `number` on.
  public func place(of number: Int64) -> Int {
    var (low, high) = (0, numbers.count)
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension StringArena {
  /// Takes over a text of another arena; an empty one where there is none.
  package mutating func append(copying cell: Cell, from other: StringArena) -> Cell {
    guard let text = other.slice(cell), let copy = append(text.span) else {
      return append([]) ?? 0
    }
    return copy
  }
}

/// What is read of windows, beside their counts.
public struct RollupParts: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let sum = RollupParts(rawValue: 1)
  public static let min = RollupParts(rawValue: 2)
  public static let max = RollupParts(rawValue: 4)
  public static let first = RollupParts(rawValue: 8)
  public static let last = RollupParts(rawValue: 16)
  public static let all: RollupParts = [.sum, .min, .max, .first, .last]
}
