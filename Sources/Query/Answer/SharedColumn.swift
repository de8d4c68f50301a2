/// A part of an array that several series of an answer share; counts from 0.
public struct SharedColumn<Element>: RandomAccessCollection {
  private let elements: [Element]
  private let offset: Int
  public let count: Int

  public init(_ elements: [Element]) { self.init(elements, 0..<elements.count) }

  /// - Parameter range: within `elements`.
  public init(_ elements: [Element], _ range: Range<Int>) {
    precondition(range.lowerBound >= 0)
    precondition(range.upperBound <= elements.count)
    self.elements = elements
    offset = range.lowerBound
    count = range.count
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(index: Int) -> Element {
    @inline(__always)
    get {
      precondition(index < count)
      return elements[offset + index]
    }
  }
}

extension SharedColumn: Sendable where Element: Sendable {}

extension SharedColumn: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension SharedColumn {
  /// The same elements of the same array: known without looking at them.
  func isSame(as other: SharedColumn) -> Bool {
    count == other.count && offset == other.offset
      && elements.span.isIdentical(to: other.elements.span)
  }
}
