internal import Engine
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Platform
internal import Query
internal import Synchronization

/// The HTTP port: reads requests, lets the routes answer them, writes the answers.
///
/// It has an event loop of its own, so that a busy line listener never delays an operator's look at
/// `/metrics`. A connection's task runs on that loop: a request that waits for a query thread, and
/// one that is answered at once, change threads no more than they must. What takes longer is sent
/// to Swift's pool. Safe from any thread.
final class HTTPServer: Sendable {
  private typealias Listener = HummingbirdCore.Server<HTTP1Channel>

  private struct State {
    var listener: Listener?
    var run: Task<Void, Never>?
  }

  private let configuration: ServerConfiguration
  private let routes: Routes
  private let statistics: ServerStatistics
  private let log: SampledLog
  private let dates: HTTPDate
  private let share: HTTPReadHandler.Share
  private let budget: AnswerBudget
  private let clock: any Clock
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let state = Mutex(State())

  init(
    _ configuration: ServerConfiguration,
    routes: Routes,
    statistics: ServerStatistics,
    budget: AnswerBudget,
    log: SampledLog,
    clock: any Clock
  ) {
    self.configuration = configuration
    self.budget = budget
    self.routes = routes
    self.statistics = statistics
    share = HTTPReadHandler.Share(statistics)
    self.log = log
    dates = HTTPDate(clock: clock)
    self.clock = clock
  }

  /// Begins to listen and to answer.
  ///
  /// - Returns: where it listens, with the port that the system chose for 0.
  func start() async throws(ServerError) -> Address {
    let address = configuration.http
    let (outcomes, outcome) = AsyncStream.makeStream(of: Result<Int, any Error>.self)
    let listener = makeListener { channel in
      outcome.yield(.success(channel.localAddress?.port ?? address.port))
    }
    let loop = group.next()
    let executor = LoopExecutor { step in loop.execute(step) }
    let run = Task(executorPreference: executor) {
      do { try await listener.run() } catch { outcome.yield(.failure(error)) }
      outcome.finish()
    }
    state.withLock { $0 = State(listener: listener, run: run) }
    for await first in outcomes {
      switch first {
      case .success(let port): return Address(host: address.host, port: port)
      case .failure(let error): throw .binding(address, option: "--http", error)
      }
    }
    throw .cannotListen(address, option: "--http", reason: "the listener ended at once")
  }

  private func makeListener(
    _ onRunning: @escaping @Sendable (any Channel) -> Void
  ) -> Listener {
    let patience = TimeAmount.seconds(Int64(configuration.httpIdleSeconds))
    let share = share
    let budget = budget
    let channel = HTTP1Channel(
      responder: { request, writer, channel in
        try await self.respond(to: request, writer, on: channel)
      },
      configuration: .init(
        additionalChannelHandlers: [
          WriteProgressHandler(patience: patience, budget: budget),
          HTTPReadHandler(share: share) { self.respondAtOnce(to: $0, on: $1) },
        ],
        idleTimeout: patience,
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: configuration.httpHeaderByteCountMax,
          maxHeaderListSize: configuration.httpHeaderByteCountMax,
          maxHeaderFieldCount: 100
        )
      )
    )
    // The library reports what single clients do wrong; that is no news for an operator.
    var logger = Logger(label: "http")
    logger.logLevel = .critical
    return Listener(
      childChannelSetup: channel,
      configuration: .init(
        address: .hostname(configuration.http.host, port: configuration.http.port),
        backlog: 256,
        availableConnectionsDelegate: .maximum(
          configuration.httpConnectionCountMax,
          logger: logger
        )
      ),
      onServerRunning: onRunning,
      eventLoopGroup: group,
      logger: logger
    )
  }

  /// Lets requests in progress end, then hangs up on whoever is still there.
  func stop() async {
    let (listener, run) = state.withLock { ($0.listener, $0.run) }
    budget.close()
    guard let listener, let run else { return }
    let patience = configuration.drainSecondsOfStop
    let cutOff = Task {
      try await Task.sleep(for: .seconds(patience))
      run.cancel()
    }
    try? await listener.shutdownGracefully()
    cutOff.cancel()
    run.cancel()
    await run.value
    try? await group.shutdownGracefully()
  }

  // MARK: One request

  /// Bytes of a body that nobody wanted which are read before the connection is given up.
  private static let discardByteCountMax = 8 << 20

  /// Thrown to hang up on a client whose body is of no use.
  private struct HungUp: Error {}

  private func respond(
    to request: Request,
    _ writer: consuming ResponseWriter,
    on channel: any Channel
  ) async throws {
    let start = clock.monotonic()
    let upload =
      request.method == .post || request.method == .put
      ? Self.upload(request, channel) : nil
    var call = Self.call(request.head, upload)
    call.lastEventID = Self.lastEventID.flatMap { request.headers[$0] }
    if let upload, request.headers[.expect]?.lowercased() == "100-continue",
      upload.byteCountAnnounced ?? 0 <= configuration.writeByteCountMax
    {
      try await writer.writeInformationalHead(HTTPResponse(status: .continue))
    }
    let connection = ObjectIdentifier(channel)
    call.connection = connection
    let answer = await routes.answer(call)
    if let byteCount = answer.byteCount { budget.update(connection, answer: byteCount) }
    defer { budget.update(connection, answer: 0) }
    let isHead = request.method == .head
    let head = HTTPResponse(
      status: .init(code: answer.status),
      headerFields: fields(of: answer, isHead: isHead)
    )
    let isStream = if case .stream = answer.body { true } else { false }
    defer {
      if !isStream {
        statistics.record(route: routes.name(of: call), nanoseconds: clock.monotonic() &- start)
      }
    }
    if isHead { return try await writer.writeResponse(head) }
    if case .stream(let reader) = answer.body {
      return try await stream(to: reader, request, head, writer)
    }
    try await writer.write(response: head, body: body(of: answer))
    if let upload, !(await upload.discard(byteCountMax: Self.discardByteCountMax)) {
      throw HungUp()
    }
  }

  private static let tenantHeader = HTTPField.Name(Call.tenantHeader)
  private static let lastEventID = HTTPField.Name("Last-Event-ID")

  private static func call(_ head: HTTPRequest, _ upload: Upload?) -> Call {
    Call(
      method: head.method.rawValue,
      target: head.path ?? "/",
      tenant: tenantHeader.flatMap { head.headerFields[$0] },
      authorization: head.headerFields[.authorization],
      upload: upload
    )
  }

  /// The whole answer to a request that is answered within a moment; `nil` for any other one.
  private func respondAtOnce(
    to request: HTTPRequest,
    on channel: any Channel
  ) -> (head: HTTPResponse, body: ByteBuffer)? {
    let start = clock.monotonic()
    let call = Self.call(request, nil)
    guard let answer = routes.answerAtOnce(call), case .buffer(let body) = answer.body else {
      return nil
    }
    let head = HTTPResponse(
      status: .init(code: answer.status),
      headerFields: fields(of: answer, isHead: false)
    )
    statistics.record(route: routes.name(of: call), nanoseconds: clock.monotonic() &- start)
    return (head, body)
  }

  private static func upload(_ request: Request, _ channel: any Channel) -> Upload {
    let peer = channel.remoteAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
    let type = request.headers[.contentType]?.lowercased() ?? ""
    return Upload(
      request.body,
      sender: "http \(peer)",
      client: ObjectIdentifier(channel).hashValue,
      byteCountAnnounced: request.headers[.contentLength].flatMap { Int($0) },
      encoding: request.headers[.contentEncoding]?.lowercased() ?? "",
      contentType: String(type.prefix { $0 != ";" })
    )
  }

  private func fields(of answer: Answer, isHead: Bool) -> HTTPFields {
    var fields = HTTPFields()
    if let contentType = answer.contentType { fields[.contentType] = contentType }
    if let byteCount = answer.byteCount, answer.status != 204,
      answer.contentType != "text/event-stream"
    {
      fields[.contentLength] = "\(byteCount)"
    }
    fields[.server] = BuildInformation.name
    fields[.date] = dates.text()
    for (name, value) in answer.headers {
      if let name = HTTPField.Name(name) { fields[name] = value }
    }
    return fields
  }

  /// Writes what the feed has for a reader until either side ends it. Waits while the client does
  /// not take what was written; a client that hangs up is noticed at once.
  private func stream(
    to reader: FeedSubscription,
    _ request: Request,
    _ head: HTTPResponse,
    _ writer: consuming ResponseWriter
  ) async throws {
    defer { reader.cancel() }
    let body = try await writer.writeHead(head)
    let clock = clock
    try await request.body.consumeWithInboundCloseHandler { _ in
      try await withTaskExecutorPreference(globalConcurrentExecutor) {
        var body = body
        var text = StreamText(clock: clock)
        while let deliveries = await reader.next() {
          for piece in text.pieces(deliveries) where reader.ending == nil {
            try await body.write(ByteBuffer(bytes: piece))
          }
        }
        if let last = StreamText.ending(reader.ending) {
          try await body.write(ByteBuffer(bytes: last))
        }
        try await body.finish(nil)
      }
    } onInboundClosed: {
      reader.cancel()
    }
  }

  private func body(of answer: Answer) -> ResponseBody {
    switch answer.body {
    case .bytes(let bytes):
      return bytes.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
    case .stream: return ResponseBody()
    case .buffer(let buffer): return ResponseBody(byteBuffer: buffer)
    case .pieces(let pieces):
      return ResponseBody { writer in
        try await pieces.write { try await writer.write($0) }
        try await writer.finish(nil)
      }
    }
  }
}
