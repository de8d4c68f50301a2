internal import Platform
internal import Synchronization

/// What every open file of a ``FaultyDisk`` holds: the file, and the generation that it belongs to.
final class FaultyHandle: Sendable {
  let disk: FaultyDisk
  let path: String
  let node: Int
  private let generation: Int
  private let isClosed = Mutex(false)

  /// The file counts this handle already.
  init(_ disk: FaultyDisk, _ path: String, _ node: Int, generation: Int) {
    self.disk = disk
    self.path = path
    self.node = node
    self.generation = generation
  }

  deinit { close() }

  func close() {
    let wasClosed = isClosed.withLock { closed in
      defer { closed = true }
      return closed
    }
    guard !wasClosed else { return }
    disk.state.withLock { if $0.generation == generation { $0.close(node) } }
  }

  /// Runs `body` with the disk's state, unless the machine has crashed since.
  func withState<Result: Sendable>(
    _ operation: String,
    _ body: (inout FaultyState) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    precondition(!isClosed.withLock { $0 }, "\(path) is closed")
    return try disk.state.withLock { (state) throws(SystemError) in
      guard state.generation == generation else {
        throw SystemError(
          code: SystemError.Code.inputOutput,
          operation: operation,
          path: path
        )
      }
      return try body(&state)
    }
  }

  /// Bytes of the file; 0 after a crash.
  var byteCount: Int { (try? withState("fstat") { $0.nodes[node]?.byteCount }) ?? 0 }

  func truncate(to byteCount: Int) throws(SystemError) {
    try withState("truncate") { (state) throws(SystemError) in
      if let failure = state.begin(.write, "truncate", path) { throw failure }
      state.nodes[node]?.truncate(to: byteCount)
    }
  }
}

final class FaultyAppendFile: AppendFile {
  private let handle: FaultyHandle

  init(_ handle: FaultyHandle) { self.handle = handle }

  var byteCount: Int { handle.byteCount }

  func append(_ parts: [UnsafeRawBufferPointer]) throws(SystemError) {
    let bytes = unsafe parts.flatMap { unsafe Array($0) }
    try handle.withState("write") { (state) throws(SystemError) in
      let wasOff = state.isOff
      if let failure = state.begin(.write, "write", handle.path) {
        if !wasOff {
          // What a write that failed has done by then is anybody's guess.
          let room = min(bytes.count, state.freeByteCount)
          let count = Int.random(in: 0...room, using: &state.random)
          state.nodes[handle.node]?.append(bytes.prefix(count))
        }
        throw failure
      }
      let fitting = min(bytes.count, state.freeByteCount)
      state.nodes[handle.node]?.append(bytes.prefix(fitting))
      guard fitting == bytes.count else {
        throw SystemError(code: SystemError.Code.noSpace, operation: "write", path: handle.path)
      }
    }
  }

  func truncate(to byteCount: Int) throws(SystemError) { try handle.truncate(to: byteCount) }

  func sync() throws(SystemError) {
    try handle.withState("fdatasync") { (state) throws(SystemError) in
      let wasOn = !state.isOff
      let range = state.nodes[handle.node]?.dirtyRange ?? 0..<0
      if let failure = state.begin(.sync, "fdatasync", handle.path) {
        if wasOn, !state.isOff { state.nodes[handle.node]?.failSync(range) }
        throw failure
      }
      state.nodes[handle.node]?.sync(range)
    }
  }

  func close() { handle.close() }
}

final class FaultyReadableFile: ReadableFile {
  private let handle: FaultyHandle

  init(_ handle: FaultyHandle) { self.handle = handle }

  var byteCount: Int { handle.byteCount }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    precondition(offset >= 0)
    precondition(count >= 0)
    return try handle.withState("read") { (state) throws(SystemError) in
      if let failure = state.begin(.read, "read", handle.path) { throw failure }
      guard let node = state.nodes[handle.node], offset < node.byteCount else { return [] }
      return node.bytes(offset..<offset + min(count, node.byteCount - offset))
    }
  }
}

final class FaultyMappedFile: MappedFile {
  private let handle: FaultyHandle

  init(_ handle: FaultyHandle) { self.handle = handle }

  var byteCount: Int { handle.byteCount }

  func truncate(to byteCount: Int) throws(SystemError) { try handle.truncate(to: byteCount) }

  func extent(at offset: Int, byteCount: Int) throws(SystemError) -> any MappedRegion {
    precondition(offset >= 0 && offset % FaultyNode.pageByteCount == 0)
    precondition(byteCount > 0 && byteCount % FaultyNode.pageByteCount == 0)
    let end = offset + byteCount
    let memory = try handle.withState("fallocate") { (state) throws(SystemError) in
      if let failure = state.begin(.write, "fallocate", handle.path) { throw failure }
      let growth = end - (state.nodes[handle.node]?.byteCount ?? 0)
      guard growth <= state.freeByteCount, end <= FaultyMemory.byteCountMax else {
        throw SystemError(
          code: SystemError.Code.noSpace,
          operation: "fallocate",
          path: handle.path
        )
      }
      state.nodes[handle.node]?.grow(to: end)
      return state.nodes[handle.node]?.map()
    }
    guard let memory else { preconditionFailure("a file with a handle is kept") }
    return FaultyMappedRegion(handle, memory, offset..<end)
  }
}

/// `@unchecked Sendable`: the pointer is fixed; ``MappedRegion`` says who may store.
@safe final class FaultyMappedRegion: MappedRegion, @unchecked Sendable {
  private let handle: FaultyHandle
  private let memory: FaultyMemory
  private let range: Range<Int>

  init(_ handle: FaultyHandle, _ memory: FaultyMemory, _ range: Range<Int>) {
    self.handle = handle
    self.memory = memory
    self.range = range
  }

  @unsafe var bytes: UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(rebasing: memory.bytes[range])
  }

  func sync(_ part: Range<Int>) throws(SystemError) {
    precondition(part.lowerBound >= 0)
    precondition(part.upperBound <= range.count)
    let touched = range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
    guard !touched.isEmpty else { return }
    try handle.withState("msync") { (state) throws(SystemError) in
      let wasOn = !state.isOff
      if let failure = state.begin(.sync, "msync", handle.path) {
        if wasOn, !state.isOff { state.nodes[handle.node]?.failSync(touched) }
        throw failure
      }
      state.nodes[handle.node]?.sync(touched)
    }
  }
}

final class FaultyLock: FileLock {
  private let handle: FaultyHandle
  private let isHeld = Mutex(true)

  init(_ handle: FaultyHandle) { self.handle = handle }

  deinit { release() }

  func release() {
    let wasHeld = isHeld.withLock { held in
      defer { held = false }
      return held
    }
    guard wasHeld else { return }
    // After a crash the lock is gone and may be somebody else's.
    _ = try? handle.withState("flock") { $0.locks.remove(FaultyState.normal(handle.path)) }
    handle.close()
  }
}
