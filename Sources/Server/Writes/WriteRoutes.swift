internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// The routes that write: line protocol as InfluxDB's clients send it, and points as JSON.
///
/// A body is parsed as it comes and never held whole; the answer is sent when all of it is durable.
/// So a refusal that comes in the middle (too large, damaged, the disk is full) has rows before it
/// that are stored: sending a body again is always safe, for stamped points replace themselves.
struct WriteRoutes: Sendable {
  let engine: Engine
  let bodies: BodyLoops
  let configuration: ServerConfiguration
  let statistics: WriteStatistics

  private var limits: BodyLimits {
    BodyLimits(
      byteCountMax: configuration.writeByteCountMax,
      inflatedByteCountMax: configuration.writeInflatedByteCountMax
    )
  }

  // MARK: Line protocol

  /// `POST /write` and `POST /api/v2/write`.
  func lines(_ call: Call, _ dialect: WriteDialect) async -> Answer {
    do throws(WriteRefusal) {
      let parameters = try WriteParameters(call, dialect)
      let (source, upload) = try makeSource(call)
      var sink = try makeSink(call, upload, parameters)
      let outcome = await sink.run(source) {
        (bytes: ByteBuffer?) throws(BodyFault) -> [BodyPiece] in
        if let bytes { [.lines(bytes)] } else { [] }
      }
      return dialect.answer(try judged(outcome))
    } catch {
      statistics.count(error.reason)
      return dialect.answer(error)
    }
  }

  // MARK: JSON

  /// `POST /api/v1/points`.
  func points(_ call: Call) async -> Answer {
    do throws(WriteRefusal) {
      var parameters = try WriteParameters(call, .points)
      let (source, upload) = try makeSource(call)
      let precision = parameters.precision
      // Timestamps are nanoseconds once they are lines.
      parameters.precision = .nanoseconds
      var sink = try makeSink(call, upload, parameters)
      let tenant = sink.tenant
      let translator = PointTranslator(
        precision: precision,
        itemByteCountMax: engine.configuration.lineByteCountMax,
        typeOf: { engine.fieldType(tenant: tenant, measurement: $0, field: $1) }
      )
      let outcome = await sink.run(source, sliceByteCount: BodySink.lookByteCount) {
        (bytes: ByteBuffer?) throws(BodyFault) -> [BodyPiece] in
        guard let bytes else { return translator.finish() }
        return try translator.read(bytes)
      }
      return PointsAnswer.answer(try judged(outcome))
    } catch {
      statistics.count(error.reason)
      return PointsAnswer.answer(error)
    }
  }

  // MARK: Parts

  private func makeSource(_ call: Call) throws(WriteRefusal) -> (BodySource, Upload) {
    guard let upload = call.upload else { throw .badRequest("there is no body") }
    guard let encoding = BodySource.Encoding(upload.encoding) else {
      throw .unsupportedEncoding(upload.encoding)
    }
    if let reason = BodySource.refusal(upload, limits) { throw .tooLarge(reason) }
    let source = BodySource(upload, encoding: encoding, limits: limits, statistics: statistics)
    return (source, upload)
  }

  /// Where the body goes, once it is known that its sender may write.
  private func makeSink(
    _ call: Call,
    _ upload: Upload,
    _ parameters: WriteParameters
  ) throws(WriteRefusal) -> BodySink {
    switch engine.readiness {
    case .ready: break
    case .replaying: throw .unavailable(.notReady, "the server is replaying its log")
    case .stopping: throw .unavailable(.stopping, "the server is stopping")
    case .failed(let reason):
      throw .unavailable(.notReady, "the server could not open its data: \(reason)")
    }
    let token = Credentials.token(call.authorization, password: parameters.password)
    let tenant = Array(call.tenant.utf8)
    do throws(Engine.WriteRefusal) {
      if parameters.isDryRun {
        return .dry(
          try engine.dryRun(
            sender: upload.sender,
            token: token,
            tenant: tenant,
            precision: parameters.precision
          )
        )
      }
      let opening = BodyOpening(
        sender: upload.sender,
        tenant: try engine.writableTenant(token: token, tenant: tenant),
        precision: parameters.precision
      )
      guard let writer = bodies.writer(client: upload.client, opening: opening) else {
        throw .notReady
      }
      return .stored(writer)
    } catch {
      switch error {
      case .notReady: throw .unavailable(.notReady, "the server is not ready")
      case .unauthorized: throw .unauthorized
      case .tenant(let reason): throw .badRequest(reason)
      }
    }
  }

  private func judged(_ outcome: BodyOutcome) throws(WriteRefusal) -> BodyResult {
    switch outcome {
    case .judged(let result, let fault):
      switch fault {
      case nil: return result
      case .tooLarge(let reason): throw .tooLarge(reason)
      case .damaged(let reason):
        var result = result
        result.fault = reason
        return result
      case .interrupted: throw .badRequest("the connection ended inside the body")
      }
    case .unavailable(let refusal):
      throw .unavailable(refusal.reason, refusal.text)
    }
  }
}
