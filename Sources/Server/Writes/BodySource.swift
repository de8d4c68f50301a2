internal import Bytes
internal import NIOCore

/// Why a body cannot be read on.
enum BodyFault: Error {
  case tooLarge(String)
  case damaged(String)
  case interrupted

  var text: String {
    switch self {
    case .tooLarge(let text), .damaged(let text): text
    case .interrupted: "the connection ended inside the body"
    }
  }
}

/// How large a body may be.
struct BodyLimits: Sendable {
  /// Bytes as they are sent.
  var byteCountMax: Int
  /// Bytes once they are decompressed.
  var inflatedByteCountMax: Int

  /// A body beyond ``bombByteCountMin`` that is so many times what was sent is no body of lines.
  static let ratioMax = 250
  static let bombByteCountMin = 16 << 20
}

/// The bytes of a request's body without their encoding, piece by piece. Belongs to the request's
/// task.
final class BodySource {
  enum Encoding {
    case identity, gzip

    /// - Parameter name: `Content-Encoding` in lower case.
    init?(_ name: String) {
      switch name {
      case "", "identity": self = .identity
      case "gzip", "x-gzip": self = .gzip
      default: return nil
      }
    }
  }

  private let upload: Upload
  private let encoding: Encoding
  private let limits: BodyLimits
  private let statistics: WriteStatistics
  private var decoder = GzipDecoder()
  private var isInputFinished = false

  init(
    _ upload: Upload,
    encoding: Encoding,
    limits: BodyLimits,
    statistics: WriteStatistics
  ) {
    self.statistics = statistics
    self.upload = upload
    self.encoding = encoding
    self.limits = limits
  }

  /// Why the body is too large, as far as its head tells.
  static func refusal(_ upload: Upload, _ limits: BodyLimits) -> String? {
    guard let announced = upload.byteCountAnnounced, announced > limits.byteCountMax else {
      return nil
    }
    return "the body of \(announced) bytes exceeds the limit of \(limits.byteCountMax)"
  }

  /// Whether the last piece was the end, as far as that is known.
  var isComplete: Bool {
    switch encoding {
    case .identity: upload.isComplete
    case .gzip: false
    }
  }

  /// The next piece; `nil` at the end.
  func next() async throws(BodyFault) -> ByteBuffer? {
    let piece =
      switch encoding {
      case .identity: try await read()
      case .gzip: try await inflate()
      }
    if let piece { statistics.count(inflatedBytes: piece.readableBytes) }
    return piece
  }

  private func read() async throws(BodyFault) -> ByteBuffer? {
    let part: ByteBuffer?
    do throws(Upload.Interrupted) {
      part = try await upload.next()
    } catch {
      throw .interrupted
    }
    if let part { statistics.count(sentBytes: part.readableBytes) }
    guard upload.byteCount <= limits.byteCountMax else {
      throw .tooLarge("the body exceeds the limit of \(limits.byteCountMax) bytes")
    }
    return part
  }

  private func inflate() async throws(BodyFault) -> ByteBuffer? {
    while true {
      if let piece = try inflated() { return piece }
      if isInputFinished { return nil }
      if let part = try await read() {
        unsafe part.withUnsafeReadableBytes { bytes in
          unsafe decoder.append(bytes.bindMemory(to: UInt8.self).span)
        }
      } else {
        isInputFinished = true
        decoder.finishInput()
      }
    }
  }

  private func inflated() throws(BodyFault) -> ByteBuffer? {
    do throws(GzipFault) {
      guard try decoder.run() else { return nil }
    } catch {
      throw .damaged(error.message)
    }
    let piece: ByteBuffer = decoder.takeOutput { bytes in
      var buffer = ByteBufferAllocator().buffer(capacity: bytes.count)
      unsafe bytes.withUnsafeBytes { _ = unsafe buffer.writeBytes($0) }
      return buffer
    }
    guard decoder.outputByteCount <= limits.inflatedByteCountMax else {
      throw .tooLarge("the body exceeds \(limits.inflatedByteCountMax) bytes once decompressed")
    }
    guard
      decoder.outputByteCount <= BodyLimits.bombByteCountMin
        || decoder.outputByteCount / BodyLimits.ratioMax <= decoder.inputByteCount
    else {
      throw .tooLarge("the body decompresses to more than \(BodyLimits.ratioMax) times its size")
    }
    return piece
  }
}
