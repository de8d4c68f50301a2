internal import NIOCore

/// Hangs up on a client that takes nothing of its answer for too long, so that a large answer is
/// not held in memory for somebody who has gone.
final class WriteProgressHandler: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = NIOAny

  private let patience: TimeAmount
  private var waitingCount = 0
  private var progressAt = NIODeadline.now()
  private var isWatching = false

  init(patience: TimeAmount) { self.patience = patience }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if waitingCount == 0 { progressAt = .now() }
    waitingCount += 1
    let written = promise ?? context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenComplete { _ in
      self.waitingCount -= 1
      self.progressAt = .now()
    }
    context.write(data, promise: written)
    watch(context)
  }

  private func watch(_ context: ChannelHandlerContext) {
    guard !isWatching else { return }
    isWatching = true
    context.eventLoop.assumeIsolated().scheduleTask(deadline: progressAt + patience) {
      self.isWatching = false
      guard self.waitingCount > 0, context.channel.isActive else { return }
      if NIODeadline.now() - self.progressAt >= self.patience {
        context.close(promise: nil)
      } else {
        self.watch(context)
      }
    }
  }
}
