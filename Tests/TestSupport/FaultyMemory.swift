internal import Glibc

/// The content of a mapped file of a ``FaultyDisk``: one stretch of address space, so that every
/// region of the file, old or new, sees the same bytes, as `MAP_SHARED` promises.
///
/// `@unchecked Sendable`: the pointer is fixed; who may store is the mapped file's business.
@safe final class FaultyMemory: @unchecked Sendable {
  /// The longest mapped file. Only address space; pages cost memory when touched.
  static let byteCountMax = 256 << 20

  @unsafe let bytes: UnsafeMutableRawBufferPointer

  init(_ content: [UInt8]) {
    precondition(content.count <= Self.byteCountMax)
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let start = unsafe mmap(nil, Self.byteCountMax, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else {
      preconditionFailure("no address space for a mapped file")
    }
    unsafe bytes = UnsafeMutableRawBufferPointer(start: start, count: Self.byteCountMax)
    unsafe bytes.copyBytes(from: content)
  }

  deinit { unsafe munmap(bytes.baseAddress, bytes.count) }

  func copy(_ range: Range<Int>) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  func clear(_ range: Range<Int>) {
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range]).initializeMemory(
      as: UInt8.self,
      repeating: 0
    )
  }
}
