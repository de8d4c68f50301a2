internal import Bytes
internal import CZstd

/// zstd frames: what finds the values of an hour ago in a column of doubles that has no other
/// pattern, and words in text. Cold chunks only.
enum ZstdFrame {
  static let level: Int32 = 9

  /// Fills `words` from a frame of exactly as many.
  static func decode(_ frame: Span<UInt8>, into words: Words) throws(ChunkError) {
    let byteCount = words.count * 8
    let size = unsafe frame.withUnsafeBufferPointer { source in
      unsafe words.withMutableBytes { target in
        unsafe ZSTD_decompress(target.baseAddress, target.count, source.baseAddress, source.count)
      }
    }
    guard ZSTD_isError(size) == 0, size == byteCount else { throw .malformed(.frame) }
    words.fixByteOrder()
  }

  /// The bytes of a frame of exactly `byteCount`.
  static func decode(_ frame: Span<UInt8>, byteCount: Int) throws(ChunkError) -> [UInt8] {
    var isWhole = false
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { target, count in
      let size = unsafe frame.withUnsafeBufferPointer { source in
        unsafe ZSTD_decompress(target.baseAddress, byteCount, source.baseAddress, source.count)
      }
      isWhole = ZSTD_isError(size) == 0 && size == byteCount
      count = isWhole ? byteCount : 0
    }
    guard isWhole else { throw .malformed(.frame) }
    return bytes
  }
}

/// Compresses frames; keeps its context, which is half of the cost of a small one.
@safe struct ZstdEncoder: ~Copyable {
  private var context: OpaquePointer?

  init() { unsafe context = nil }

  deinit { _ = unsafe ZSTD_freeCCtx(context) }

  /// Appends `bytes` as a frame; false, and nothing is appended, when there is no memory for it.
  mutating func encode(_ bytes: borrowing OutputBuffer, into buffer: inout OutputBuffer) -> Bool {
    if unsafe context == nil { unsafe context = ZSTD_createCCtx() }
    guard let context = unsafe context else { return false }
    var frame = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count))
    let size = unsafe frame.withUnsafeMutableBytes { target in
      unsafe bytes.withUnsafeBytes { source in
        unsafe ZSTD_compressCCtx(
          context,
          target.baseAddress,
          target.count,
          source.baseAddress,
          source.count,
          ZstdFrame.level
        )
      }
    }
    guard ZSTD_isError(size) == 0 else { return false }
    buffer.writeBytes(frame[..<size])
    return true
  }
}

/// A context is used by whoever holds the encoder, one at a time.
extension ZstdEncoder: @unchecked Sendable {}
