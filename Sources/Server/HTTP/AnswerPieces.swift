internal import NIOCore
internal import Query

/// The text of a range answer, made while it is sent: a large one never lies in memory whole.
///
/// While a piece is written, the next ones are made on Swift's pool, on several of its threads.
struct AnswerPieces: Sendable {
  /// Parts that are made ahead of the one that is being written.
  private static let partsAhead = 2

  /// A part's text as far as it was made, and what makes the rest.
  private struct Part: Sendable {
    var piece: ByteBuffer?
    var writer: AnswerWriter
  }

  let first: ByteBuffer
  private let parts: AnswerParts
  /// Of the first part.
  private let rest: AnswerWriter

  /// Makes the first piece, which is all of most answers, on the thread of the query.
  init(_ answer: RangeAnswer) {
    parts = AnswerParts(answer)
    var writer = parts.writer(of: 0)
    first = Self.piece(of: &writer) ?? ByteBuffer()
    rest = writer
  }

  var contentType: String { parts.contentType }

  /// Whether the first piece is all.
  var isWhole: Bool { parts.count == 1 && rest.isDone }

  /// Writes all pieces in order.
  func write(_ write: (ByteBuffer) async throws -> Void) async throws {
    var ahead: [Task<Part, Never>] = []
    var next = 1
    var part = Part(piece: first, writer: rest)
    while true {
      while ahead.count < Self.partsAhead, next < parts.count {
        ahead.append(make(next))
        next += 1
      }
      while let piece = part.piece {
        try await write(piece)
        part = part.writer.isDone ? Part(piece: nil, writer: part.writer) : await Self.more(part)
      }
      guard !ahead.isEmpty else { return }
      part = await ahead.removeFirst().value
    }
  }

  private func make(_ part: Int) -> Task<Part, Never> {
    let parts = parts
    return Task {
      var writer = parts.writer(of: part)
      return Part(piece: Self.piece(of: &writer), writer: writer)
    }
  }

  /// The next piece of a part that is longer than one.
  private static func more(_ part: Part) async -> Part {
    await withTaskExecutorPreference(globalConcurrentExecutor) {
      var writer = part.writer
      return Part(piece: piece(of: &writer), writer: writer)
    }
  }

  private static func piece(of writer: inout AnswerWriter) -> ByteBuffer? {
    writer.next { text in
      var buffer = ByteBufferAllocator().buffer(capacity: text.count)
      unsafe buffer.writeBytes(text.bytes)
      return buffer
    }
  }
}
