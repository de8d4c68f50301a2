internal import Bytes
internal import Model

/// The first and last string of a window (docs/format/window.md, "text").
///
/// The payload is where the text begins in the record, u32, so that control words know its length:
///
///     | first: varint length, bytes | 0: the last is the same; else length + 1 varint, bytes |
enum WindowText {
  static let control = WindowControl(
    base: UInt64(UInt32.max),
    spread: 0,
    sum: .excess,
    isMonotone: false,
    form: .text
  )

  static func write(_ window: Window, _ strings: StringArena, into target: inout OutputBuffer) {
    guard let first = strings.slice(window.first), let last = strings.slice(window.last) else {
      preconditionFailure("a string cell of another arena")
    }
    target.writeVarint(UInt64(first.count))
    target.writeBytes(first)
    if first == last {
      target.writeVarint(0)
    } else {
      target.writeVarint(UInt64(last.count) + 1)
      target.writeBytes(last)
    }
  }

  /// Reads both strings into an arena; `nil` when they do not lie in the record.
  static func read(
    _ record: Span<UInt8>,
    at place: Int,
    into strings: inout StringArena
  ) -> (first: Cell, last: Cell)? {
    guard place <= record.count else { return nil }
    let text = record.extracting(place..<record.count)
    var reader = ByteReader(text)
    guard let first = append(&reader, text, reader.readVarint(), to: &strings),
      let rest = reader.readVarint()
    else { return nil }
    if rest == 0 { return (first, first) }
    guard let last = append(&reader, text, rest - 1, to: &strings) else { return nil }
    return (first, last)
  }

  private static func append(
    _ reader: inout ByteReader,
    _ text: Span<UInt8>,
    _ count: UInt64?,
    to strings: inout StringArena
  ) -> Cell? {
    guard let count, count <= UInt64(reader.remaining) else { return nil }
    let range = reader.offset..<reader.offset + Int(count)
    guard reader.skip(Int(count)) != nil else { return nil }
    return strings.append(text.extracting(range))
  }
}
