internal import Platform

/// A read buffer that slides over a segment: never a whole segment in memory.
///
/// A part of the disk that cannot be read reads as zeros and is noted, so that it costs the records
/// that lie there and nothing else.
struct SegmentWindow {
  /// Bytes of one read, unless one record is larger.
  static let byteCountDefault = 1 << 20
  /// The grain at which a failed read is narrowed down.
  static let pageByteCount = 4_096

  private let file: any ReadableFile
  /// Bytes of the segment; less once the file turned out to be shorter.
  private(set) var byteCount: Int
  private var start = 0
  private var bytes: [UInt8] = []
  /// What could not be read, in order.
  private(set) var unreadable: [Range<Int>] = []

  init(_ file: any ReadableFile, byteCount: Int) {
    self.file = file
    self.byteCount = byteCount
  }

  /// The `count` bytes at `position`, or `nil` when the segment ends before.
  ///
  /// Cost: a read of a megabyte when they are not in the buffer.
  @_lifetime(&self)
  mutating func bytes(at position: Int, count: Int) -> Span<UInt8>? {
    guard count <= byteCount - position else { return nil }
    if position < start || position + count > start + bytes.count {
      load(position, count)
      guard count <= byteCount - position else { return nil }
    }
    let offset = position - start
    return bytes.span.extracting(offset..<offset + count)
  }

  /// All buffered bytes from `position` on; at least one, for `position` lies in the segment.
  @_lifetime(&self)
  mutating func rest(at position: Int) -> Span<UInt8>? {
    guard position < byteCount else { return nil }
    if position < start || position >= start + bytes.count {
      load(position, 1)
      guard position < byteCount else { return nil }
    }
    let offset = position - start
    return bytes.span.extracting(offset..<bytes.count)
  }

  private mutating func load(_ position: Int, _ count: Int) {
    let wanted = min(max(count, Self.byteCountDefault), byteCount - position)
    start = position
    do throws(SystemError) {
      bytes = try file.read(at: position, count: wanted)
    } catch {
      bytes = readByPages(position, wanted)
    }
    // Somebody shortened it meanwhile: a live log that gave up what was not durable.
    if bytes.count < wanted { byteCount = position + bytes.count }
  }

  private mutating func readByPages(_ position: Int, _ count: Int) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    while result.count < count {
      let place = position + result.count
      let page = min(Self.pageByteCount - place % Self.pageByteCount, count - result.count)
      do throws(SystemError) {
        let read = try file.readAgain(at: place, count: page)
        result.append(contentsOf: read)
        if read.count < page { return result }
      } catch {
        result.append(contentsOf: repeatElement(0, count: page))
        note(place..<place + page)
      }
    }
    return result
  }

  private mutating func note(_ range: Range<Int>) {
    if let last = unreadable.last, last.upperBound >= range.lowerBound {
      let end = max(last.upperBound, range.upperBound)
      unreadable[unreadable.count - 1] = last.lowerBound..<end
    } else {
      unreadable.append(range)
    }
  }
}
