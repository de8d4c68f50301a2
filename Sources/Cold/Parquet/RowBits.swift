/// A bit a row: which rows of a column have a value.
public struct RowBits: Hashable, Sendable {
  private var words: [UInt64] = []
  public private(set) var count = 0
  /// Rows that have a value.
  public private(set) var setCount = 0

  public init() {}

  public subscript(row: Int) -> Bool { words[row >> 6] >> UInt64(row & 63) & 1 == 1 }

  public mutating func removeAll() {
    words.removeAll(keepingCapacity: true)
    count = 0
    setCount = 0
  }

  public mutating func append(_ value: Bool) {
    if count & 63 == 0 { words.append(0) }
    if value {
      words[count >> 6] |= 1 << UInt64(count & 63)
      setCount += 1
    }
    count += 1
  }

  public mutating func append(_ value: Bool, count added: Int) {
    var left = added
    while left > 0, count & 63 != 0 {
      append(value)
      left -= 1
    }
    words.append(contentsOf: repeatElement(value ? .max : 0, count: left >> 6))
    count += left & ~63
    if value { setCount += left & ~63 }
    for _ in 0..<left & 63 { append(value) }
  }
}
