internal import NIOCore
internal import NIOHTTP1

/// Speaks HTTP/1.0 with those who do: their answer ends with the connection and is not chunked, as
/// a client that knows nothing else reads it. Beyond this the version is not told.
///
///     … decoder ─ this ─ codec ─ WriteProgressHandler …
final class OldVersionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private static let connection = "connection"

  private var isFirst = true
  /// Whether the connection began with a request of HTTP/1.0.
  private var isOld = false

  /// Puts it where versions are still known.
  static func install(_ context: ChannelHandlerContext) {
    let pipeline = context.pipeline.syncOperations
    let decoder = try? pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
    guard let decoder else { return }
    try? pipeline.addHandler(OldVersionHandler(), position: .after(decoder))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else {
      context.fireChannelRead(data)
      return
    }
    let isOldRequest = (head.version.major, head.version.minor) < (1, 1)
    if isFirst { isOld = isOldRequest }
    isFirst = false
    guard isOldRequest else {
      context.fireChannelRead(data)
      return
    }
    head.headers.replaceOrAdd(name: Self.connection, value: "close")
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isOld, case .head(var head) = unwrapOutboundIn(data) else {
      context.write(data, promise: promise)
      return
    }
    head.version = .http1_0
    head.headers.replaceOrAdd(name: Self.connection, value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: promise)
  }
}
