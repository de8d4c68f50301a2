public import Platform
internal import Synchronization

/// The files of blocks, of which a bounded number is open at a time: a directory may have more
/// blocks than the process may have descriptors.
///
/// A file that is read again after others took its place is opened anew. Which one gives way is
/// decided by a clock: one that was read since the hand last passed is spared once. Safe from
/// several threads; a file that is being read stays open until it is, whatever happens here.
public final class BlockFiles: Sendable {
  /// Descriptors, unless an option says otherwise.
  public static let openCountMaxDefault = 256

  let disk: any Disk
  private let openCountMax: Int
  private let state = Mutex(State())

  private struct State {
    var slots: [Slot] = []
    var hand = 0
    var nextOwner: UInt64 = 1
  }

  private struct Slot {
    /// 0 for nobody.
    var owner: UInt64 = 0
    var file: (any ReadableFile)?
    var wasRead = false
  }

  /// - Parameter openCountMax: 1 or more.
  public init(disk: any Disk, openCountMax: Int = openCountMaxDefault) {
    precondition(openCountMax >= 1)
    self.disk = disk
    self.openCountMax = openCountMax
  }

  /// Files that are open now.
  package var openCount: Int { state.withLock { $0.slots.count { $0.file != nil } } }

  /// Opens a file that opens itself again whenever it has to.
  func open(_ path: String) throws(SystemError) -> any ReadableFile {
    let file = try opened(path)
    let owner = state.withLock { state in
      defer { state.nextOwner += 1 }
      return state.nextOwner
    }
    let slot = place(file, of: owner)
    return ReopenedFile(path, files: self, owner: owner, slot: slot, byteCount: file.byteCount)
  }

  /// The file of `owner`, opened if it is not.
  fileprivate func file(of owner: ReopenedFile) throws(SystemError) -> any ReadableFile {
    let slot = owner.slot.load(ordering: .relaxed)
    let held = state.withLock { state -> (any ReadableFile)? in
      guard state.slots[slot].owner == owner.number else { return nil }
      state.slots[slot].wasRead = true
      return state.slots[slot].file
    }
    if let held { return held }
    let file = try opened(owner.path)
    guard file.byteCount == owner.byteCount else {
      throw SystemError(
        code: SystemError.Code.inputOutput,
        operation: "open a block of another size than before",
        path: owner.path
      )
    }
    owner.slot.store(place(file, of: owner.number), ordering: .relaxed)
    return file
  }

  /// Opens; when the process has no descriptor left, after giving up those that are here.
  private func opened(_ path: String) throws(SystemError) -> any ReadableFile {
    do throws(SystemError) {
      return try disk.open(path)
    } catch {
      guard error.isOutOfResources else { throw error }
      closeAll()
      return try disk.open(path)
    }
  }

  private func closeAll() {
    let closed = state.withLock { state in
      let files = state.slots.map(\.file)
      for index in state.slots.indices { state.slots[index] = Slot() }
      return files
    }
    // Descriptors close here, outside the lock.
    _ = consume closed
  }

  private func place(_ file: any ReadableFile, of owner: UInt64) -> Int {
    let (slot, evicted) = state.withLock { state -> (Int, (any ReadableFile)?) in
      if state.slots.count < openCountMax {
        state.slots.append(Slot(owner: owner, file: file, wasRead: true))
        return (state.slots.count - 1, nil)
      }
      while state.slots[state.hand].file != nil, state.slots[state.hand].wasRead {
        state.slots[state.hand].wasRead = false
        state.hand = (state.hand + 1) % state.slots.count
      }
      let slot = state.hand
      let evicted = state.slots[slot].file
      state.slots[slot] = Slot(owner: owner, file: file, wasRead: true)
      state.hand = (slot + 1) % state.slots.count
      return (slot, evicted)
    }
    _ = consume evicted
    return slot
  }

  /// Closes the file of an owner that is gone.
  fileprivate func forget(_ owner: UInt64, slot: Int) {
    let closed = state.withLock { state -> (any ReadableFile)? in
      guard state.slots[slot].owner == owner else { return nil }
      defer { state.slots[slot] = Slot() }
      return state.slots[slot].file
    }
    _ = consume closed
  }
}

/// A file of ``BlockFiles``: open or not, it reads.
private final class ReopenedFile: ReadableFile {
  let path: String
  let number: UInt64
  let byteCount: Int
  /// Where its open file is, unless it has had to give way.
  let slot: Atomic<Int>
  private let files: BlockFiles

  init(_ path: String, files: BlockFiles, owner: UInt64, slot: Int, byteCount: Int) {
    self.path = path
    self.files = files
    number = owner
    self.slot = Atomic(slot)
    self.byteCount = byteCount
  }

  deinit { files.forget(number, slot: slot.load(ordering: .relaxed)) }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    try files.file(of: self).read(at: offset, count: count)
  }
}
