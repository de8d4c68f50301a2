internal import Bytes
internal import CZstd

/// Compresses pages as zstd frames with one context.
@safe struct ZstdPages: ~Copyable {
  /// Files are written once and read often, yet a core must keep up with the blocks' decoding.
  static let level: Int32 = 3

  private let context: OpaquePointer?
  private var frame: [UInt8] = []

  init() { unsafe context = ZSTD_createCCtx() }

  deinit { _ = unsafe ZSTD_freeCCtx(context) }

  /// The frame of `bytes`, in memory that the next call uses again.
  mutating func compress(_ bytes: borrowing OutputBuffer) -> ArraySlice<UInt8> {
    let bound = ZSTD_compressBound(bytes.count)
    if frame.count < bound { frame = [UInt8](repeating: 0, count: bound) }
    let size = unsafe frame.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compressCCtx(
          context,
          target.baseAddress,
          target.count,
          source.baseAddress,
          source.count,
          Self.level
        )
      }
    }
    // The target has room and the level exists: what is left is no memory.
    precondition(ZSTD_isError(size) == 0, "no memory to compress a page")
    return frame[..<size]
  }

  /// The bytes of a frame of exactly `byteCount`; `nil` when it is none.
  static func decompress(_ frame: ArraySlice<UInt8>, byteCount: Int) -> [UInt8]? {
    var isWhole = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      let size = unsafe frame.withUnsafeBytes { source in
        unsafe ZSTD_decompress(target.baseAddress, byteCount, source.baseAddress, source.count)
      }
      isWhole = ZSTD_isError(size) == 0 && size == byteCount
      count = isWhole ? byteCount : 0
    }
    return isWhole ? bytes : nil
  }
}
