/// Walks the rows of a batch's body in order and hands out each row's head and payload.
///
/// The body may come from a disk: nothing in it can trap. `next` returns `nil` at the end or at the
/// first row that does not fit; ``isDamaged`` tells the two apart.
@frozen @unsafe
public struct RowReader {
  @usableFromInline let base: UnsafeRawPointer
  @usableFromInline let byteCount: Int
  @usableFromInline var offset = 0
  @usableFromInline var previous: RowHead?
  /// Whether the walk ended before the body did.
  @inlinable public var isDamaged: Bool { unsafe hasFault }
  @usableFromInline var hasFault = false

  @inlinable
  public init(_ body: UnsafeRawPointer, byteCount: Int) {
    unsafe base = body
    unsafe self.byteCount = byteCount
  }

  /// The rows of a sealed batch.
  @inlinable
  public init(_ batch: RowBatch) {
    unsafe self.init(UnsafeRawPointer(batch.body), byteCount: batch.bodyByteCount)
  }

  /// The next row: its head, and where its payload lies in the body.
  @inlinable
  public mutating func next() -> (head: RowHead, payload: UnsafeRawBufferPointer)? {
    guard unsafe offset < byteCount, unsafe !hasFault else { return nil }
    let flags = unsafe base.load(fromByteOffset: offset, as: UInt8.self)
    let sameLayout = unsafe flags & RowEncoder.nextLayout != 0
    let sameTimestamp = unsafe flags & RowEncoder.sameTimestamp != 0
    let sameScales = unsafe flags & RowEncoder.sameScales != 0
    let isLong = unsafe flags & RowEncoder.longPayload != 0
    let headByteCount =
      1 + (sameLayout ? 0 : 4) + (sameTimestamp ? 0 : 8) + (sameScales ? 0 : 4) + (isLong ? 4 : 1)
    guard flags < 16, unsafe byteCount - offset >= headByteCount else { return unsafe damaged() }
    guard unsafe previous != nil || flags & 7 == 0 else { return unsafe damaged() }
    var head = unsafe previous ?? RowHead(layout: LayoutID(0), timestamp: 0, scaleTable: .zero)
    var cursor = unsafe offset + 1
    if sameLayout {
      head.layout = LayoutID(head.layout.rawValue &+ 1)
    } else {
      head.layout = LayoutID(
        UInt32(littleEndian: unsafe base.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
      )
      cursor += 4
    }
    if !sameTimestamp {
      head.timestamp = Int64(
        littleEndian: unsafe base.loadUnaligned(fromByteOffset: cursor, as: Int64.self)
      )
      cursor += 8
    }
    if !sameScales {
      head.scaleTable = ScaleTableID(
        UInt32(littleEndian: unsafe base.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
      )
      cursor += 4
    }
    let payloadByteCount: Int
    if isLong {
      payloadByteCount = Int(
        UInt32(littleEndian: unsafe base.loadUnaligned(fromByteOffset: cursor, as: UInt32.self))
      )
      cursor += 4
    } else {
      payloadByteCount = Int(unsafe base.load(fromByteOffset: cursor, as: UInt8.self))
      cursor += 1
    }
    guard unsafe byteCount - cursor >= payloadByteCount else { return unsafe damaged() }
    unsafe offset = cursor + payloadByteCount
    unsafe previous = head
    return unsafe (head, UnsafeRawBufferPointer(start: base + cursor, count: payloadByteCount))
  }

  @usableFromInline @inline(never)
  mutating func damaged() -> (head: RowHead, payload: UnsafeRawBufferPointer)? {
    unsafe hasFault = true
    return nil
  }
}
