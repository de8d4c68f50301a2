internal import NIOCore

/// Bounds what the server reads ahead of its requests' tasks: a connection reads a few parts ahead,
/// so with many connections each part is small.
final class HTTPReadHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  /// Connections of the HTTP port, shared by their handlers.
  final class Share: Sendable {
    /// Bytes read ahead over all connections, about.
    private static let byteCountMax = 64 << 20
    /// Parts that a connection reads ahead.
    private static let partsAhead = 10
    private static let partByteCounts = 4 << 10...128 << 10

    private let statistics: ServerStatistics

    init(_ statistics: ServerStatistics) { self.statistics = statistics }

    func open() { statistics.openHTTPConnection() }
    func close() { statistics.closeHTTPConnection() }

    var partByteCount: Int {
      let count = max(1, statistics.httpConnectionCount)
      let part = Self.byteCountMax / Self.partsAhead / count
      return min(Self.partByteCounts.upperBound, max(Self.partByteCounts.lowerBound, part))
    }
  }

  private struct Allocator: RecvByteBufferAllocator {
    private static let firstByteCount = 2_048

    let share: Share
    private var isFirst = true

    init(share: Share) { self.share = share }

    /// The first buffer is small because the library keeps it for the connection's life.
    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
      allocator.buffer(capacity: isFirst ? Self.firstByteCount : share.partByteCount)
    }

    mutating func record(actualReadBytes: Int) -> Bool {
      isFirst = false
      return true
    }
  }

  private let share: Share
  private let respond: PromptHandler.Respond

  init(share: Share, respond: @escaping PromptHandler.Respond) {
    self.share = share
    self.respond = respond
  }

  /// All handlers of the connection are there.
  func channelActive(context: ChannelHandlerContext) {
    OldVersionHandler.install(context)
    PromptHandler.install(context, respond: respond)
    context.fireChannelActive()
  }

  func handlerAdded(context: ChannelHandlerContext) {
    share.open()
    let options = context.channel.syncOptions
    try? options?.setOption(.maxMessagesPerRead, value: 1)
    try? options?.setOption(.recvAllocator, value: Allocator(share: share))
  }

  func handlerRemoved(context: ChannelHandlerContext) { share.close() }
}
