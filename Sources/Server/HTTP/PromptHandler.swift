internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTPTypes

/// Answers on the spot what is answered within a moment: no task is woken for such a request, and
/// its answer leaves in one write.
///
///     … codec ─ WriteProgressHandler ─ HTTPReadHandler ─ HTTPConnectionStateHandler ─ this ─ tasks
///
/// All else goes on to the connection's task, and so does what comes while an answer of the task is
/// being written, so that answers keep the order of their requests. A client that does not read
/// what was written is left to the task, which waits for it.
final class PromptHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// Gives the whole answer to a request without a body, or `nil` where a task has to answer it.
  typealias Respond = (HTTPRequest, any Channel) -> (head: HTTPResponse, body: ByteBuffer)?

  private let respond: Respond
  /// The head of a request that is not seen to its end yet.
  private var pending: HTTPRequest?
  /// Requests that the task has and has not answered.
  private var taskCount = 0

  init(respond: @escaping Respond) { self.respond = respond }

  /// Puts it next to the task of a connection whose other handlers are there.
  static func install(_ context: ChannelHandlerContext, respond: @escaping Respond) {
    let pipeline = context.pipeline.syncOperations
    guard let state = try? pipeline.handler(type: HTTPConnectionStateHandler.self) else { return }
    try? pipeline.addHandler(PromptHandler(respond: respond), position: .after(state))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      if taskCount == 0, context.channel.isWritable, Self.mayBePrompt(head) {
        pending = head
      } else {
        taskCount += 1
        context.fireChannelRead(data)
      }
    case .body:
      handOver(context)
      context.fireChannelRead(data)
    case .end:
      if let head = pending, let answer = respond(head, context.channel) {
        pending = nil
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(answer.body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        return
      }
      handOver(context)
      context.fireChannelRead(data)
    }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) { taskCount = max(0, taskCount - 1) }
    context.write(data, promise: promise)
  }

  /// Gives the task the head that waits for its end.
  private func handOver(_ context: ChannelHandlerContext) {
    guard let head = pending else { return }
    pending = nil
    taskCount += 1
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  private static func mayBePrompt(_ head: HTTPRequest) -> Bool {
    head.method == .get && head.headerFields[.connection] == nil
      && head.headerFields[.expect] == nil && Routes.mayBePrompt(target: head.path ?? "")
  }
}
