internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// A piece of a request's body on its way to the receiver.
enum BodyPiece: Sendable {
  /// Bytes of line protocol, cut anywhere.
  case lines(ByteBuffer)
  /// Something that never became a line, in its place among them.
  case refused(RefusedItem)
  /// So many line feeds of the lines so far are inside of strings and count as no lines.
  case uncounted(UInt64)
}

/// What a body is, told with its first offer.
struct BodyOpening: Sendable {
  var sender: String
  var tenant: TenantID
  var precision: LinePrecision
}

/// What a request's task hands to a ``BodyLoop``, and where it waits for the answer.
struct BodyOffer: Sendable {
  enum Reply: Sendable {
    /// Parsed; with a fault when nothing more of this body will be.
    case taken(fault: String?)
    /// Parsed to its end and durable.
    case settled(BodyResult)
    case unavailable(BodyRefusal)
  }

  enum Ending: Sendable {
    /// More comes.
    case none
    /// The body ends here, and its last line with it.
    case whole
    /// Nothing more can be read: a line that is not whole is refused as cut.
    case cut
  }

  var body: UInt64
  /// With the first offer of a body only.
  var opening: BodyOpening?
  /// What is not parsed yet.
  var pieces: ArraySlice<BodyPiece>
  /// The answer to an end waits for the disk.
  var ending: Ending
  let offeredAt = NIODeadline.now()
  /// Whether it has had a turn.
  var hasBegun = false
  /// When its client should rather be told to come again.
  var deadline: NIODeadline
  var reply: CheckedContinuation<Reply, Never>
}

/// Why a body is not taken. Its rows so far may be stored; sending it again is always safe.
enum BodyRefusal: Sendable, Hashable {
  /// The engine was behind for this many seconds.
  case congested(seconds: Int)
  /// Nothing can be made durable now.
  case cannotStore(String)
  case stopping

  /// The same for metrics.
  var reason: WriteRefusal.Reason {
    switch self {
    case .congested: .congested
    case .cannotStore: .cannotStore
    case .stopping: .stopping
    }
  }

  var text: String {
    switch self {
    case .congested(let seconds):
      "the engine has been behind for \(seconds) s; what was not acknowledged must be sent again"
    case .cannotStore(let reason): reason
    case .stopping: "the server is stopping"
    }
  }
}

/// What became of a body.
struct BodyResult: Sendable {
  var counts: LineCounts
  /// The first refused lines.
  var verdicts: [LineVerdict]
  /// Why the rest of the body was not parsed.
  var fault: String?

  init(_ body: LineBody) {
    counts = body.counts
    verdicts = body.verdicts
    fault = body.fault
  }
}

/// Offers that wait for a receiver: first ones of a body and later ones, each in order, served in
/// turn. A small request has one offer only, so it passes between two offers of large ones instead
/// of waiting for all of them. What a turn leaves of an offer waits with the later ones.
struct OfferQueue {
  private var first = CircularBuffer<BodyOffer>()
  private var later = CircularBuffer<BodyOffer>()
  private var isLaterNext = false

  var isEmpty: Bool { first.isEmpty && later.isEmpty }
  var count: Int { first.count + later.count }

  mutating func append(_ offer: BodyOffer) {
    if offer.opening != nil, !offer.hasBegun { first.append(offer) } else { later.append(offer) }
  }

  mutating func popNext() -> BodyOffer? {
    isLaterNext.toggle()
    if isLaterNext { return first.popFirst() ?? later.popFirst() }
    return later.popFirst() ?? first.popFirst()
  }

  /// Takes the offers whose time is up. All wait equally long from when they came or had their last
  /// turn, so these are the oldest.
  mutating func takeExpired(at now: NIODeadline) -> [BodyOffer] {
    var expired: [BodyOffer] = []
    while let offer = first.first, offer.deadline <= now {
      expired.append(offer)
      _ = first.popFirst()
    }
    while let offer = later.first, offer.deadline <= now {
      expired.append(offer)
      _ = later.popFirst()
    }
    return expired
  }

  mutating func takeAll() -> [BodyOffer] {
    defer { self = OfferQueue() }
    return Array(first) + Array(later)
  }
}
