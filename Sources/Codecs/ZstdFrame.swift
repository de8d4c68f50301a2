internal import Bytes
internal import CZstd
internal import Model

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

  /// Bytes up to which a frame is decompressed at once.
  private static let wholeByteCountMax = 1 << 20

  /// Appends pieces of the bytes of a frame of `byteCount` to an arena.
  ///
  /// - Parameter pieces: ascending and apart.
  static func decode(
    _ frame: Span<UInt8>,
    byteCount: Int,
    pieces: [Range<Int>],
    into strings: inout StringArena
  ) throws(ChunkError) {
    if byteCount <= wholeByteCountMax || pieces == [0..<byteCount] {
      let bytes = try decode(frame, byteCount: byteCount)
      for piece in pieces {
        guard strings.append(bytes.span.extracting(piece)) != nil else { throw .stringsTooLong }
      }
      return
    }
    var decoder = ZstdDecoder()
    var (position, offset) = (0, 0)
    for piece in pieces where !piece.isEmpty {
      while offset < piece.upperBound {
        let isWanted = offset >= piece.lowerBound
        let end = isWanted ? piece.upperBound : piece.lowerBound
        let size = try decoder.next(end - offset, of: frame, &position)
        // The frame ends before its pieces do.
        guard size > 0 else { throw .malformed(.frame) }
        if isWanted { try decoder.append(size, to: &strings) }
        offset += size
      }
    }
  }

  /// Appends a piece of the bytes of a frame that is not in memory as a whole.
  ///
  /// - Parameter bytes: gives bytes of the frame from a position on; `nil` at its end.
  static func decode(
    _ piece: Range<Int>,
    into strings: inout StringArena,
    _ bytes: (Int) -> [UInt8]?
  ) throws(ChunkError) {
    var decoder = ZstdDecoder()
    var input: [UInt8] = []
    var (start, position, offset) = (0, 0, 0)
    while offset < piece.upperBound {
      let isWanted = offset >= piece.lowerBound
      let end = isWanted ? piece.upperBound : piece.lowerBound
      let size = try decoder.next(end - offset, of: input.span, &position)
      if isWanted { try decoder.append(size, to: &strings) }
      offset += size
      guard size == 0 else { continue }
      guard position == input.count, let more = bytes(start + position), !more.isEmpty else {
        throw .malformed(.frame)
      }
      start += position
      position = 0
      input = more
    }
  }
}

/// Decompresses one frame piece by piece, in little memory.
@safe private struct ZstdDecoder: ~Copyable {
  private var context: OpaquePointer?
  private var buffer = [UInt8](repeating: 0, count: 128 << 10)

  init() { unsafe context = ZSTD_createDCtx() }

  deinit { _ = unsafe ZSTD_freeDCtx(context) }

  /// Fills the buffer with the next bytes, at most `count` of them.
  ///
  /// - Parameter position: how much of `input` was taken; brought up to date.
  /// - Returns: how many bytes there are; 0 when the input is at its end.
  mutating func next(
    _ count: Int,
    of input: Span<UInt8>,
    _ position: inout Int
  ) throws(ChunkError) -> Int {
    guard let context = unsafe context else { throw .malformed(.frame) }
    let room = min(count, buffer.count)
    var isSound = false
    var size = 0
    unsafe buffer.withUnsafeMutableBytes { target in
      unsafe input.withUnsafeBytes { source in
        var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: room, pos: 0)
        var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: position)
        let result = unsafe ZSTD_decompressStream(context, &output, &input)
        isSound = ZSTD_isError(result) == 0
        size = unsafe output.pos
        position = unsafe input.pos
      }
    }
    guard isSound else { throw .malformed(.frame) }
    return size
  }

  /// Appends the first bytes of the buffer to an arena.
  func append(_ count: Int, to strings: inout StringArena) throws(ChunkError) {
    guard strings.append(buffer.span.extracting(0..<count)) != nil else { throw .stringsTooLong }
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
