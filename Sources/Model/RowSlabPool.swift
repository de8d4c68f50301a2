internal import CBytes
internal import Synchronization

/// Memory of slabs between the cut that has freed it and the open rows that take it next.
///
/// A page that the kernel has just handed out costs more than the row that is copied into it. What
/// rests here was open rows a moment ago, so the pool never makes the peak of memory higher; and
/// ``settle()`` gives back what a whole period had no use for.
///
/// Whoever still reads rows of what rests here is reported by AddressSanitizer; in debug builds
/// those rows are gone at once.
///
/// Thread-safe: a slab ends with its last reader, on whichever thread that is.
public final class RowSlabPool: Sendable {
  /// A full slab's memory, ``RowArena/slabByteCount`` and its padding.
  @safe struct Piece: @unchecked Sendable {
    let base: UnsafeMutableRawPointer

    func rest() {
      #if DEBUG
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0xa5, count: RowArena.slabByteCount)
      #endif
      unsafe cbytes_rest(base, RowArena.slabByteCount)
    }

    func wake() { unsafe cbytes_wake(base, RowArena.slabByteCount) }

    func free() {
      wake()
      unsafe base.deallocate()
    }
  }

  private struct State {
    var free: [Piece] = []
    /// The fewest that were free since the last ``settle()``.
    var least = 0
  }

  private let state = Mutex(State())

  public init() {}

  deinit {
    state.withLock { state in
      for piece in state.free { piece.free() }
    }
  }

  /// Bytes that rest here.
  public var byteCount: Int { state.withLock { $0.free.count } * RowArena.slabByteCount }

  /// Gives back what was not needed since the last call.
  public func settle() {
    let idle = state.withLock { state -> [Piece] in
      let idle = Array(state.free.suffix(state.least))
      state.free.removeLast(idle.count)
      state.least = state.free.count
      return idle
    }
    for piece in idle { piece.free() }
  }

  func take() -> Piece? {
    let piece = state.withLock { state in
      let piece = state.free.popLast()
      state.least = min(state.least, state.free.count)
      return piece
    }
    piece?.wake()
    return piece
  }

  func keep(_ piece: Piece) {
    piece.rest()
    state.withLock { $0.free.append(piece) }
  }
}
