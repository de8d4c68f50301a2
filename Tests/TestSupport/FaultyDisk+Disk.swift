public import Platform
internal import Synchronization

extension FaultyDisk: Disk {
  public func createDirectory(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      let name = FaultyState.normal(path)
      if state.directories.contains(name), !state.isOff { return }
      if let failure = state.begin(.name, "mkdir", path) { throw failure }
      guard state.names.live[name] == nil else {
        throw SystemError(code: SystemError.Code.exists, operation: "mkdir", path: path)
      }
      state.insertDirectory(name)
    }
  }

  public func list(_ directory: String) throws(SystemError) -> [String] {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.read, "opendir", directory) { throw failure }
      return state.children(of: FaultyState.normal(directory))
    }
  }

  public func byteCount(of path: String) throws(SystemError) -> Int? {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.read, "stat", path) { throw failure }
      return state.names.live[FaultyState.normal(path)].flatMap { state.nodes[$0]?.byteCount }
    }
  }

  public func fileNumber(of path: String) throws(SystemError) -> UInt64? {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.read, "stat", path) { throw failure }
      return state.names.live[FaultyState.normal(path)].map { UInt64($0) }
    }
  }

  public func append(to path: String) throws(SystemError) -> any AppendFile {
    FaultyAppendFile(try handle(path, creating: true))
  }

  public func open(_ path: String) throws(SystemError) -> any ReadableFile {
    let failure = state.withLock { state -> SystemError? in
      state.begin(.open, "open", path)
    }
    if let failure { throw failure }
    return FaultyReadableFile(try handle(path, creating: false))
  }

  public func map(_ path: String) throws(SystemError) -> any MappedFile {
    FaultyMappedFile(try handle(path, creating: true))
  }

  private func handle(_ path: String, creating: Bool) throws(SystemError) -> FaultyHandle {
    try state.withLock { (state) throws(SystemError) in
      let node = try state.open(path, creating: creating)
      return FaultyHandle(self, path, node, generation: state.generation)
    }
  }

  public func rename(_ from: String, to target: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.name, "rename", from) { throw failure }
      let (source, goal) = (FaultyState.normal(from), FaultyState.normal(target))
      if state.names.live[source] == nil, state.directories.contains(source) {
        return state.renameDirectory(source, to: goal)
      }
      guard let node = state.names.live[source],
        state.directories.contains(Path.directory(of: goal))
      else {
        throw SystemError(code: SystemError.Code.noSuchFile, operation: "rename", path: from)
      }
      state.names.rename(source, to: goal, node: node)
    }
  }

  public func link(_ path: String, to target: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.name, "link", path) { throw failure }
      let goal = FaultyState.normal(target)
      guard let node = state.names.live[FaultyState.normal(path)],
        state.directories.contains(Path.directory(of: goal))
      else {
        throw SystemError(code: SystemError.Code.noSuchFile, operation: "link", path: path)
      }
      guard state.names.live[goal] == nil else {
        throw SystemError(code: SystemError.Code.exists, operation: "link", path: target)
      }
      state.names.set(goal, node)
    }
  }

  public func remove(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.name, "remove", path) { throw failure }
      let name = FaultyState.normal(path)
      let isEmpty = state.children(of: name).isEmpty
      if state.names.live[name] != nil {
        state.names.set(name, nil)
      } else if isEmpty, state.directories.contains(name) {
        state.directories.remove(name)
      } else {
        let code = isEmpty ? SystemError.Code.noSuchFile : SystemError.Code.exists
        throw SystemError(code: code, operation: "remove", path: path)
      }
    }
  }

  public func syncDirectory(_ path: String) throws(SystemError) {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.sync, "fsync", path) { throw failure }
      let name = FaultyState.normal(path)
      guard state.directories.contains(name) else {
        throw SystemError(code: SystemError.Code.noSuchFile, operation: "open", path: path)
      }
      state.names.sync(name)
      state.collectAll()
    }
  }

  public func space(at path: String) throws(SystemError) -> (free: Int, total: Int) {
    try state.withLock { (state) throws(SystemError) in
      if let failure = state.begin(.read, "statvfs", path) { throw failure }
      let total = state.capacity ?? 1 << 40
      return (min(state.freeByteCount, total - state.usedByteCount), total)
    }
  }

  public func lock(_ path: String) throws(SystemError) -> any FileLock {
    let handle = try handle(path, creating: true)
    return try state.withLock { (state) throws(SystemError) in
      guard state.locks.insert(FaultyState.normal(path)).inserted else {
        throw SystemError(code: SystemError.Code.wouldBlock, operation: "flock", path: path)
      }
      return FaultyLock(handle)
    }
  }
}
