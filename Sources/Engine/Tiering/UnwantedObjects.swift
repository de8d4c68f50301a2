internal import Cold
internal import Platform
internal import Synchronization

/// Objects of the cold store that are to be removed because nobody names them any more. The file
/// `cold-removals` remembers them until they are gone, so that no kill leaves one behind.
///
/// Whoever takes away the last name of an object has it remembered first. Where that fails, on a
/// full disk, only a kill before the removal costs anything: an object that stays in the store.
/// Safe from several threads.
final class UnwantedObjects: Sendable {
  /// Of more, the rest is forgotten by a kill.
  static let countMax = 100_000

  private struct State {
    /// Those that the compaction thread has not tried to remove yet.
    var waiting: [String] = []
    var remembered: Set<String> = []
    /// Whether the file says what `remembered` does.
    var isWritten = true
  }

  private let disk: any Disk
  private let path: String
  private let state = Mutex(State())

  /// - Parameter path: of the file; one that is damaged or cannot be read names nothing.
  /// - Returns: with `wasDamaged` whether that was the case.
  init(disk: any Disk, path: String, wasDamaged: inout Bool) {
    self.disk = disk
    self.path = path
    guard let keys = (try? ColdRemovals.read(disk, path)) ?? nil else {
      wasDamaged = true
      return
    }
    state.withLock { state in
      state.waiting = keys
      state.remembered = Set(keys)
    }
  }

  /// What may be removed now, the oldest first.
  func next(_ countMax: Int) -> [String] { state.withLock { Array($0.waiting.prefix(countMax)) } }

  /// The first so many were tried: they are gone, or wait elsewhere for another try.
  func tried(_ count: Int) { state.withLock { $0.waiting.removeFirst(count) } }

  /// Makes objects known to the next start. They are not removed before ``release(_:)``.
  func remember(_ keys: [String]) throws(SystemError) {
    let isNew = state.withLock { state in
      let count = state.remembered.count
      for key in keys where state.remembered.count < Self.countMax {
        state.remembered.insert(key)
      }
      if state.remembered.count > count { state.isWritten = false }
      return state.remembered.count > count
    }
    if isNew { try write() }
  }

  /// Has objects removed soon, unless somebody names them still.
  func release(_ keys: [String]) { state.withLock { $0.waiting += keys } }

  /// Those are gone, or named by somebody after all.
  func forget(_ keys: [String]) {
    state.withLock { state in
      for key in keys where state.remembered.remove(key) != nil { state.isWritten = false }
    }
  }

  /// Brings the file up to date, unless it is. A failure is made up for by the next write.
  func write() throws(SystemError) {
    // Under the lock: of two writes the later one has the later keys.
    try state.withLock { (state) throws(SystemError) in
      guard !state.isWritten else { return }
      if state.remembered.isEmpty {
        do throws(SystemError) { try disk.remove(path) } catch {
          guard error.isMissing else { throw error }
        }
      } else {
        try disk.replace(path, with: ColdRemovals.encoded(state.remembered.sorted()))
      }
      state.isWritten = true
    }
  }
}
