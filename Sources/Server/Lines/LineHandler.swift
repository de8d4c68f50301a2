internal import Engine
internal import Logging
internal import NIOCore

/// One connection of the line port, between its socket and its loop's receiver.
///
/// Reading stops while the receiver is congested or the client leaves its replies lying; the bytes
/// then wait in the kernel, and the client's own sending stops.
final class LineHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    /// Bytes are parsed as they come.
    case open
    /// No more input; answers that are owed still go out.
    case finishing
    /// All is said and our side is closed. What the peer still sends is thrown away for a moment,
    /// because closing on unread bytes would reset the connection and take the last reply with it.
    case lingering(until: NIODeadline)
    case closed
  }

  private static let lingerSeconds: Int64 = 2

  let connection: LineConnection
  private let loop: LineLoop
  private let peer: String
  private var context: ChannelHandlerContext?
  private var state = State.open
  /// Bytes read that wait for the client to take its replies, for the engine, or for their turn.
  private var unparsed: ByteBuffer? {
    didSet {
      let change = (unparsed?.storageCapacity ?? 0) - (oldValue?.storageCapacity ?? 0)
      if change != 0 { loop.readSize.hold(change) }
    }
  }
  /// A read that was asked for and held back.
  private var isReadHeld = false
  /// Whether the loop will call ``release()``.
  private var isWaiting = false
  /// The peer has sent all it wants to send; there may be unparsed bytes of it.
  private var isInputComplete = false
  private var isInputEnded = false
  /// Bytes of replies that the socket has not taken yet.
  private var unwrittenByteCount = 0
  private var lastReadAt = NIODeadline.now()
  private var lastWrittenAt = NIODeadline.now()

  init(loop: LineLoop, connection: LineConnection, peer: String) {
    self.loop = loop
    self.connection = connection
    self.peer = peer
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    unparsed = nil
    loop.closed(self)
  }

  // MARK: Input

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .open = state else { return }
    lastReadAt = .now()
    var buffer = unwrapInboundIn(data)
    if var earlier = unparsed {
      earlier.writeBuffer(&buffer)
      buffer = earlier
    }
    loop.countRead()
    if loop.isCongested || isWaiting {
      // The read that this round still brought; the next one is held back.
      keep(buffer)
      wait()
    } else {
      parse(buffer)
    }
  }

  private func parse(_ buffer: ByteBuffer) {
    var buffer = buffer
    unparsed = nil
    let taken = loop.receive(buffer, from: self)
    guard taken < buffer.readableBytes, connection.closeReason == nil else {
      if isInputComplete { finish() }
      return
    }
    buffer.moveReaderIndex(forwardBy: taken)
    keep(buffer)
    guard connection.isTurnOver, !isWaiting else { return }
    isWaiting = true
    loop.queueUp(self)
  }

  /// Keeps bytes for later, in memory of about their size.
  private func keep(_ buffer: ByteBuffer) {
    guard buffer.readableBytes <= buffer.storageCapacity / 2 else { return unparsed = buffer }
    var copy = ByteBufferAllocator().buffer(capacity: buffer.readableBytes)
    copy.writeImmutableBuffer(buffer)
    unparsed = copy
  }

  func read(context: ChannelHandlerContext) {
    if mayRead { return context.read() }
    guard !isReadHeld else { return }
    isReadHeld = true
    if loop.mayNotRead(connection) { wait() }
  }

  /// Asks the loop to call ``release()`` when it is less busy.
  private func wait() {
    guard !isWaiting else { return }
    isWaiting = true
    loop.hold(self)
  }

  /// By the loop, for those who wait.
  func release() {
    isWaiting = false
    resume()
  }

  private var mayRead: Bool {
    guard case .open = state else { return true }
    return unparsed == nil && unwrittenByteCount < loop.configuration.replyByteCountMax
      && !loop.mayNotRead(connection)
  }

  /// Goes on with what was held back, as far as it is possible again.
  func resume() {
    // The loop calls when it is this client's turn.
    guard !isWaiting else { return }
    if case .open = state, let buffer = unparsed, !loop.mayNotRead(connection),
      unwrittenByteCount < loop.configuration.replyByteCountMax
    {
      parse(buffer)
    }
    if isReadHeld, mayRead {
      isReadHeld = false
      context?.read()
    } else if isReadHeld || unparsed != nil, loop.mayNotRead(connection) {
      wait()
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else {
      return context.fireUserInboundEventTriggered(event)
    }
    if case .lingering = state { return hangUp() }
    isInputComplete = true
    if unparsed == nil { finish() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { hangUp() }

  func channelInactive(context: ChannelHandlerContext) {
    state = .closed
    endInput()
    context.fireChannelInactive()
  }

  /// Takes no more input and closes once the answers are out.
  func finish() {
    guard case .open = state else { return }
    state = .finishing
    endInput()
    closeIfDone()
  }

  /// The same when it is the server that ends: a line that has not come whole is not the client's
  /// fault, so it is forgotten instead of refused.
  func drain() {
    isInputEnded = true
    finish()
  }

  private func endInput() {
    guard !isInputEnded else { return }
    isInputEnded = true
    unparsed = nil
    loop.endInput(of: self)
  }

  // MARK: Output

  /// Writes what the receiver has answered and closes when that is what is left to do.
  func flush() {
    guard let context else { return }
    if connection.hasReplies {
      let bytes = connection.takeReplies()
      if unwrittenByteCount == 0 { lastWrittenAt = .now() }
      unwrittenByteCount += bytes.count
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes))).assumeIsolated()
        .whenComplete { _ in self.written(bytes.count) }
    }
    if case .open = state, let reason = connection.closeReason {
      log(reason)
      finish()
    }
    closeIfDone()
  }

  private func written(_ byteCount: Int) {
    unwrittenByteCount -= byteCount
    lastWrittenAt = .now()
    if case .open = state, unparsed != nil, !isWaiting {
      // What is left has another turn. Parsed here, it would make the next replies at once, and so
      // on until a client's socket is full: the loop would look at no other meanwhile.
      isWaiting = true
      loop.queueUp(self)
    } else {
      resume()
    }
    closeIfDone()
  }

  private func closeIfDone() {
    guard case .finishing = state, let context else { return }
    guard unwrittenByteCount == 0, !connection.awaitsAnswers else { return }
    state = .lingering(until: .now() + .seconds(Self.lingerSeconds))
    context.close(mode: .output, promise: nil)
    // A peer that has hung up already makes this the end; otherwise its bytes are thrown away.
    resume()
  }

  func hangUp() { context?.close(promise: nil) }

  private func log(_ reason: String) {
    let text = LogText.escape(reason)
    loop.log.write(.connectionClosed, level: .info, "closing \(peer): \(text)")
  }

  // MARK: Time

  /// Whether the peer has kept a line open for too long without a byte, while we were reading.
  func isSilentInsideLine(at now: NIODeadline) -> Bool {
    guard case .open = state, connection.isInsideLine, !isReadHeld, unparsed == nil else {
      return false
    }
    return now - lastReadAt >= .seconds(Int64(loop.configuration.lineSilenceSeconds))
  }

  /// Ends a connection that takes no replies or lingers for too long.
  func checkProgress(at now: NIODeadline) {
    if case .lingering(let until) = state, now >= until { return hangUp() }
    let patience = TimeAmount.seconds(Int64(loop.configuration.lineSilenceSeconds))
    if unwrittenByteCount > 0, now - lastWrittenAt >= patience {
      log("took no replies for \(loop.configuration.lineSilenceSeconds) s")
      hangUp()
    }
  }
}
