internal import Model
internal import Platform

/// The mapped extents of one slot. The only place in Ring that touches mapped memory.
///
/// `Sendable`: the writer appends behind everything that snapshots know of; a reader copies bytes
/// out and checks them, so a page that the disk gave back torn is seen, not believed.
final class SlotFile: Sendable {
  /// An extent and where it begins in the slot.
  struct Extent: Sendable {
    var start: Int
    var region: any MappedRegion

    var end: Int { unsafe start + region.bytes.count }
  }

  private let file: any MappedFile

  init(_ file: any MappedFile) { self.file = file }

  /// Allocates and maps `byteCount` bytes at `start`, both multiples of a page.
  func extent(at start: Int, byteCount: Int) throws(SystemError) -> Extent {
    Extent(start: start, region: try file.extent(at: start, byteCount: byteCount))
  }

  var byteCount: Int { file.byteCount }
}

extension SlotFile.Extent {
  /// Copies bytes out; fewer where the extent ends.
  func read(at offset: Int, count: Int) -> [UInt8] {
    let bytes = unsafe region.bytes
    let from = offset - start
    guard from >= 0, from < bytes.count, count > 0 else { return [] }
    let end = min(bytes.count, from + min(count, bytes.count))
    return unsafe Array(UnsafeRawBufferPointer(rebasing: bytes[from..<end]))
  }

  /// Lends bytes where they are mapped; fewer where the extent ends. They are committed, so that
  /// nobody writes there any more.
  func withBytes<Result>(at offset: Int, count: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    let bytes = unsafe region.bytes
    let from = min(max(0, offset - start), bytes.count)
    let end = min(bytes.count, from + min(max(0, count), bytes.count))
    let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[from..<end])
    return unsafe body(part.bindMemory(to: UInt8.self).span)
  }

  /// Stores bytes, which must fit.
  func write(_ source: Span<UInt8>, at offset: Int) {
    let from = offset - start
    let bytes = unsafe region.bytes
    precondition(from >= 0 && source.count <= bytes.count - from)
    unsafe source.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[from...]).copyMemory(from: source)
    }
  }
}
