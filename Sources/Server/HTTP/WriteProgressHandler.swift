internal import NIOCore

/// Hangs up on a client that takes nothing of its answer for too long, so that a large answer is
/// not held in memory for somebody who has gone, and tells the ``AnswerBudget`` what lies between
/// the connection and its socket.
final class WriteProgressHandler: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = NIOAny

  /// How often a client that has something to read is looked at.
  private static let lookInterval = TimeAmount.milliseconds(250)

  private let patience: TimeAmount
  private let budget: AnswerBudget
  private var waitingCount = 0
  private var progressAt = NIODeadline.now()
  private var isWatching = false

  init(patience: TimeAmount, budget: AnswerBudget) {
    self.patience = patience
    self.budget = budget
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    budget.open(ObjectIdentifier(channel)) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    budget.close(ObjectIdentifier(context.channel))
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if waitingCount == 0 { progressAt = .now() }
    waitingCount += 1
    let written = promise ?? context.eventLoop.makePromise(of: Void.self)
    let channel = context.channel
    written.futureResult.assumeIsolated().whenComplete { _ in
      self.waitingCount -= 1
      self.progressAt = .now()
      self.tell(channel)
    }
    context.write(data, promise: written)
    tell(channel)
    watch(context)
  }

  private func tell(_ channel: any Channel) {
    let byteCount = try? channel.syncOptions?.getOption(.bufferedWritableBytes)
    budget.update(ObjectIdentifier(channel), channel: byteCount ?? 0)
  }

  private func watch(_ context: ChannelHandlerContext) {
    guard !isWatching else { return }
    isWatching = true
    let deadline = min(progressAt + patience, .now() + Self.lookInterval)
    context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.isWatching = false
      guard self.waitingCount > 0, context.channel.isActive else { return }
      self.tell(context.channel)
      if NIODeadline.now() - self.progressAt >= self.patience {
        context.close(promise: nil)
      } else {
        self.watch(context)
      }
    }
  }
}
