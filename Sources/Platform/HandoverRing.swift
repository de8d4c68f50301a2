public import Synchronization

/// A bounded queue from one thread to one other, without locks.
///
/// The producer alone calls ``push(_:)``, the consumer alone ``pop()``; ``count`` and ``isEmpty``
/// are for anybody. What the producer wrote before a push is visible behind the pop that took the
/// element. Each side keeps a copy of the other's index, so that the shared cache lines travel only
/// when the ring looks full or empty: a push and a pop cost a few nanoseconds each.
///
/// `@unchecked Sendable`: a slot belongs to the producer while it lies outside `head ..< tail` and
/// to the consumer while inside; the releasing store of an index hands it over.
@safe public final class HandoverRing<Element: Sendable>: @unchecked Sendable {
  @usableFromInline let slots: UnsafeMutablePointer<Element>
  @usableFromInline let mask: Int

  // Two lines of 64 bytes each: the processor fetches lines in pairs.
  private let paddingBefore = [16 of UInt64](repeating: 0)
  /// Elements ever pushed; written by the producer.
  @usableFromInline let tail = Atomic<Int>(0)
  /// The producer's copy of `head`: the ring is at most as full as it tells.
  @exclusivity(unchecked) @usableFromInline var headSeen = 0
  private let paddingBetween = [16 of UInt64](repeating: 0)
  /// Elements ever popped; written by the consumer.
  @usableFromInline let head = Atomic<Int>(0)
  /// The consumer's copy of `tail`.
  @exclusivity(unchecked) @usableFromInline var tailSeen = 0
  private let paddingAfter = [16 of UInt64](repeating: 0)

  /// - Parameter capacity: elements that fit, 1 or more; rounded up to a power of two.
  public init(capacity: Int) {
    precondition(capacity >= 1)
    precondition(capacity <= 1 << 30)
    var slotCount = 1
    while slotCount < capacity { slotCount *= 2 }
    unsafe slots = .allocate(capacity: slotCount)
    mask = slotCount - 1
  }

  deinit {
    while pop() != nil {}
    unsafe slots.deallocate()
  }

  /// Elements that fit.
  public var capacity: Int { mask + 1 }

  /// Appends an element; `false`, and nothing done, when the ring is full. By the producer.
  @inlinable
  public func push(_ element: Element) -> Bool {
    let place = tail.load(ordering: .relaxed)
    if unsafe place &- headSeen > mask {
      unsafe headSeen = head.load(ordering: .acquiring)
      if unsafe place &- headSeen > mask { return false }
    }
    unsafe (slots + (place & mask)).initialize(to: element)
    tail.store(place &+ 1, ordering: .releasing)
    return true
  }

  /// Takes the oldest element, or `nil` when there is none. By the consumer.
  @inlinable
  public func pop() -> Element? {
    let place = head.load(ordering: .relaxed)
    if unsafe place == tailSeen {
      unsafe tailSeen = tail.load(ordering: .acquiring)
      if unsafe place == tailSeen { return nil }
    }
    let element = unsafe (slots + (place & mask)).move()
    head.store(place &+ 1, ordering: .releasing)
    return element
  }

  /// Elements in the ring; a moment later it may be another number.
  @inlinable
  public var count: Int {
    // The head first: a tail read later is never behind it.
    let first = head.load(ordering: .acquiring)
    return Swift.min(tail.load(ordering: .acquiring) &- first, mask + 1)
  }

  @inlinable public var isEmpty: Bool { count == 0 }
}
