internal import Platform

/// The bytes of a record, where they lie in the mapped slot; keeps the slot mapped.
@safe public struct RingRecord: Sendable {
  private let region: any MappedRegion
  private let range: Range<Int>

  /// - Parameter range: within the region.
  init(_ region: any MappedRegion, _ range: Range<Int>) {
    precondition(unsafe range.upperBound <= region.bytes.count)
    precondition(range.lowerBound >= 0)
    self.region = region
    self.range = range
  }

  /// What was appended. Never changes: the writer only appends, and a slot that another hour takes
  /// is another file.
  public var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let buffer = unsafe UnsafeRawBufferPointer(rebasing: region.bytes[range])
      let span = unsafe Span<UInt8>(_unsafeBytes: buffer)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }
}

/// What the ring knows of one series' minute.
public enum RingLookup: Sendable {
  /// No sealed row of the series lies in the minute.
  case absent
  /// The ring cannot tell: the record fails its check, or its hour is not covered. Blocks must
  /// answer.
  case damaged
  /// The newest record.
  case found(RingRecord)
}
