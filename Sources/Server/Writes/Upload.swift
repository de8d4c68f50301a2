internal import HummingbirdCore
internal import NIOCore

/// The body of one request, read as it comes, each part once. Belongs to the request's task.
///
/// What nobody reads waits in the socket: the channel reads a few parts ahead at most.
final class Upload {
  /// Who sends, for the dead letters.
  let sender: String
  /// The same for all requests of a connection.
  let client: Int
  /// As the client announced it; `nil` for a body in chunks.
  let byteCountAnnounced: Int?
  /// `Content-Encoding` in lower case; empty when there is none.
  let encoding: String
  /// `Content-Type` in lower case, without its parameters.
  let contentType: String
  private(set) var byteCount = 0
  private(set) var isComplete = false
  private var iterator: RequestBody.AsyncIterator

  /// Thrown when the client hangs up inside of its body.
  struct Interrupted: Error {}

  init(
    _ body: RequestBody,
    sender: String,
    client: Int,
    byteCountAnnounced: Int?,
    encoding: String,
    contentType: String
  ) {
    self.sender = sender
    self.client = client
    self.byteCountAnnounced = byteCountAnnounced
    self.encoding = encoding
    self.contentType = contentType
    iterator = body.makeAsyncIterator()
    isComplete = byteCountAnnounced == 0
  }

  /// The next bytes; `nil` at the end.
  func next() async throws(Interrupted) -> ByteBuffer? {
    guard !isComplete else { return nil }
    var iterator = iterator
    defer { self.iterator = iterator }
    let part: ByteBuffer?
    do { part = try await iterator.next() } catch { throw Interrupted() }
    guard let part else {
      isComplete = true
      // The transport takes a hang-up for an end.
      if let announced = byteCountAnnounced, byteCount < announced { throw Interrupted() }
      return nil
    }
    byteCount += part.readableBytes
    if let announced = byteCountAnnounced, byteCount >= announced { isComplete = true }
    return part
  }

  /// All of a small body; `nil` when it is larger.
  func collect(byteCountMax: Int) async throws(Interrupted) -> [UInt8]? {
    var bytes: [UInt8] = []
    while let part = try await next() {
      guard bytes.count + part.readableBytes <= byteCountMax else { return nil }
      bytes += part.readableBytesView
    }
    return bytes
  }

  /// Throws away what is left of the body, so that the connection can be used again.
  ///
  /// - Returns: whether the end was reached within `byteCountMax` bytes.
  func discard(byteCountMax: Int) async -> Bool {
    let start = byteCount
    do throws(Interrupted) {
      while try await next() != nil {
        if byteCount - start > byteCountMax { return false }
      }
      return true
    } catch {
      return false
    }
  }
}
