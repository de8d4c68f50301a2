internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// Where the pieces of a body go: into the engine, or only past its judgement.
enum BodySink {
  case stored(BodyWriter)
  case dry(DryRun)

  var tenant: TenantID {
    switch self {
    case .stored(let writer): writer.tenant
    case .dry(let run): run.body.tenant
    }
  }

  /// Gives the next pieces.
  mutating func offer(_ pieces: [BodyPiece], ending: BodyOffer.Ending) async -> BodyOffer.Reply {
    switch self {
    case .stored(var writer):
      let reply = await writer.offer(pieces, ending: ending)
      self = .stored(writer)
      return reply
    case .dry(let run):
      for piece in pieces {
        switch piece {
        case .lines(let buffer):
          unsafe buffer.withUnsafeReadableBytes { unsafe run.receive($0) }
        case .refused(let item): run.refuse(item)
        }
      }
      guard ending != .none else { return .taken(fault: run.body.fault) }
      run.end(endsLine: ending == .whole)
      return .settled(BodyResult(run.body))
    }
  }

  /// The client has gone.
  func abandon() {
    if case .stored(let writer) = self { writer.abandon() }
  }
}

/// What became of a body that was read to its end, or as far as it can be.
enum BodyOutcome {
  /// Judged, and durable unless it was a dry run. A fault of its bytes comes with what was before.
  case judged(BodyResult, fault: BodyFault?)
  case unavailable(BodyRefusal)
}

extension BodySink {
  /// Takes a body from its source to the end.
  ///
  /// - Parameter translate: turns bytes into pieces; called with `nil` once at the end.
  mutating func run(
    _ source: BodySource,
    translate: (ByteBuffer?) throws(BodyFault) -> [BodyPiece]
  ) async -> BodyOutcome {
    do throws(BodyFault) {
      while let bytes = try await source.next() {
        let isEnd = source.isComplete
        var pieces = try translate(bytes)
        if isEnd { pieces += try translate(nil) }
        if pieces.isEmpty, !isEnd { continue }
        switch await offer(pieces, ending: isEnd ? .whole : .none) {
        case .taken(let fault):
          if fault != nil { return await end(.cut, nil) }
        case .settled(let result): return .judged(result, fault: nil)
        case .unavailable(let refusal): return .unavailable(refusal)
        }
      }
      let rest = try translate(nil)
      return await end(.whole, nil, rest)
    } catch {
      if case .interrupted = error {
        abandon()
        return .unavailable(.stopping)
      }
      return await end(.cut, error)
    }
  }

  private mutating func end(
    _ ending: BodyOffer.Ending,
    _ fault: BodyFault?,
    _ pieces: [BodyPiece] = []
  ) async -> BodyOutcome {
    switch await offer(pieces, ending: ending) {
    case .settled(let result): .judged(result, fault: fault)
    case .unavailable(let refusal): .unavailable(refusal)
    case .taken: preconditionFailure("an end is settled or refused")
    }
  }
}
