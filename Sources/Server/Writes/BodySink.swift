internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// Where the pieces of a body go: into the engine, or only past its judgement.
enum BodySink {
  /// How long a request's task works at a body before others have their turn: what it shares with
  /// them is a thread for each processor.
  private static let turn = TimeAmount.milliseconds(5)
  /// Bytes after which it looks at the clock: some milliseconds' worth if all of it is refused.
  static let lookByteCount = 8 << 10

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
        case .lines(var buffer):
          while run.body.fault == nil, let slice = buffer.readUpTo(Self.lookByteCount) {
            unsafe slice.withUnsafeReadableBytes { unsafe run.receive($0) }
            await Task.yield()
          }
        case .refused(let item): run.refuse(item)
        case .uncounted(let lineFeedCount): run.body.uncount(lineFeedCount)
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
  /// - Parameters:
  ///   - sliceByteCount: bytes that are translated at once; all that came where it costs nothing.
  ///   - translate: turns bytes into pieces; called with `nil` once at the end.
  mutating func run(
    _ source: BodySource,
    sliceByteCount: Int = .max,
    translate: (ByteBuffer?) throws(BodyFault) -> [BodyPiece]
  ) async -> BodyOutcome {
    do throws(BodyFault) {
      while var bytes = try await source.next() {
        repeat {
          var pieces = try translateTurn(&bytes, sliceByteCount, translate)
          let isEnd = source.isComplete && bytes.readableBytes == 0
          if isEnd { pieces += try translate(nil) }
          if pieces.isEmpty, !isEnd { continue }
          switch await offer(pieces, ending: isEnd ? .whole : .none) {
          case .taken(let fault):
            if fault != nil { return await end(.cut, nil) }
          case .settled(let result): return .judged(result, fault: nil)
          case .unavailable(let refusal): return .unavailable(refusal)
          }
        } while bytes.readableBytes > 0
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

  /// Translates bytes for one turn; the offer after it lets others have theirs.
  private func translateTurn(
    _ bytes: inout ByteBuffer,
    _ sliceByteCount: Int,
    _ translate: (ByteBuffer?) throws(BodyFault) -> [BodyPiece]
  ) throws(BodyFault) -> [BodyPiece] {
    let end = NIODeadline.now() + Self.turn
    var pieces: [BodyPiece] = []
    repeat {
      guard let slice = bytes.readUpTo(sliceByteCount) else { break }
      pieces += try translate(slice)
    } while NIODeadline.now() < end
    return pieces
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

extension ByteBuffer {
  /// The next bytes, at most so many; `nil` when none is left.
  fileprivate mutating func readUpTo(_ byteCountMax: Int) -> ByteBuffer? {
    readableBytes == 0 ? nil : readSlice(length: min(readableBytes, byteCountMax))
  }
}
