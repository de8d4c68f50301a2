internal import Synchronization

/// Pages of cold objects, up to so many bytes; safe from several threads.
///
/// What gives way is decided by a clock: a page that was read since the hand last passed is spared
/// once.
final class PageCache: Sendable {
  struct Key: Hashable {
    var object: String
    var page: Int
  }

  private struct Slot {
    var key: Key
    var bytes: [UInt8]
    var wasRead: Bool
  }

  private struct State {
    var slots: [Slot] = []
    var places: [Key: Int] = [:]
    var hand = 0
    var byteCount = 0
  }

  private let byteCountMax: Int
  private let state = Mutex(State())

  /// - Parameter byteCountMax: 0 keeps nothing.
  init(byteCountMax: Int) {
    precondition(byteCountMax >= 0)
    self.byteCountMax = byteCountMax
  }

  var byteCount: Int { state.withLock { $0.byteCount } }

  func page(_ key: Key) -> [UInt8]? {
    state.withLock { state in
      guard let place = state.places[key] else { return nil }
      state.slots[place].wasRead = true
      return state.slots[place].bytes
    }
  }

  func contains(_ key: Key) -> Bool { state.withLock { $0.places[key] != nil } }

  func insert(_ bytes: [UInt8], as key: Key) {
    guard bytes.count <= byteCountMax else { return }
    state.withLock { state in
      guard state.places[key] == nil else { return }
      while state.byteCount + bytes.count > byteCountMax, !state.slots.isEmpty {
        Self.evict(&state)
      }
      state.places[key] = state.slots.count
      state.slots.append(Slot(key: key, bytes: bytes, wasRead: false))
      state.byteCount += bytes.count
    }
  }

  private static func evict(_ state: inout State) {
    if state.hand >= state.slots.count { state.hand = 0 }
    while state.slots[state.hand].wasRead {
      state.slots[state.hand].wasRead = false
      state.hand = (state.hand + 1) % state.slots.count
    }
    let gone = state.slots[state.hand]
    state.places[gone.key] = nil
    state.byteCount -= gone.bytes.count
    // The last one moves into the gap.
    let last = state.slots.removeLast()
    guard state.hand < state.slots.count else { return }
    state.slots[state.hand] = last
    state.places[last.key] = state.hand
  }
}
