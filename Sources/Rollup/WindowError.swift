/// Why bytes are no window record, or no hour of windows.
///
/// Always a fault of the bytes: the caller answers the minute from raw rows and carries on.
public enum WindowError: Error, Hashable, Sendable {
  case truncated
  case version(UInt8)
  /// The record has another number of columns than the field set that it names.
  case columnCount(found: Int, expected: Int)
  /// A field held a value that the writer never produces.
  case malformed(Field)

  /// Field names as docs/format/window.md and docs/format/hour.md spell them.
  public enum Field: Hashable, Sendable { case flags, fieldSet, timing, timingIndex, control, text }
}
