internal import Platform

/// All that a ``FaultyDisk`` guards with its mutex.
struct FaultyState: Sendable {
  struct Fault: Sendable {
    var skipped: Int
    var times: Int
    var code: Int32
  }

  var random: SeededRandom
  var names = FaultyNames()
  var directories: Set<String> = ["/", "."]
  var nodes: [Int: FaultyNode] = [:]
  private var nextNode = 0
  /// Paths of held locks.
  var locks: Set<String> = []
  /// Counts crashes; a handle belongs to one generation.
  private(set) var generation = 0
  private(set) var isOff = false
  private(set) var operationCount = 0
  var operationsLeft: Int?
  var faults: [FaultyDisk.Operation: Fault] = [:]
  /// Bytes that fit on the disk in all; `nil` is without end.
  var capacity: Int?

  init(random: SeededRandom) { self.random = random }

  // MARK: Paths

  /// `path` without doubled slashes and without one at the end.
  static func normal(_ path: String) -> String {
    let parts = path.split(separator: "/")
    if parts.isEmpty { return path.isEmpty ? "." : "/" }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  /// A folder and all above it.
  mutating func insertDirectory(_ path: String) {
    var path = path
    while directories.insert(path).inserted { path = Path.directory(of: path) }
  }

  /// The names in a folder, sorted.
  func children(of directory: String) -> [String] {
    (Array(names.live.keys) + directories.filter { $0 != "/" && $0 != "." })
      .filter { Path.directory(of: $0) == directory }.map { Path.name(of: $0) }.sorted()
  }

  /// Puts files on the disk, durably; at the start only.
  mutating func install(_ files: [String: [UInt8]]) {
    var durable: [String: Int] = [:]
    for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let name = Self.normal(path)
      insertDirectory(Path.directory(of: name))
      durable[name] = nextNode
      nodes[nextNode] = FaultyNode(bytes)
      nextNode += 1
    }
    names = FaultyNames(durable: durable)
  }

  // MARK: Operations

  /// Starts an operation: counts it and returns the error that was ordered for it.
  mutating func begin(
    _ operation: FaultyDisk.Operation,
    _ name: String,
    _ path: String
  ) -> SystemError? {
    let dead = SystemError(code: SystemError.Code.inputOutput, operation: name, path: path)
    if isOff { return dead }
    if operation != .read, operation != .open {
      if let left = operationsLeft {
        guard left > 0 else {
          isOff = true
          return dead
        }
        operationsLeft = left - 1
      }
      operationCount += 1
    }
    guard var fault = faults[operation] else { return nil }
    defer { faults[operation] = fault.times > 0 ? fault : nil }
    if fault.skipped > 0 {
      fault.skipped -= 1
      return nil
    }
    guard fault.times > 0 else { return nil }
    fault.times -= 1
    return SystemError(code: fault.code, operation: name, path: path)
  }

  /// Finds `name`, or creates it in a folder that must be there, and counts a handle.
  mutating func open(_ path: String, creating: Bool) throws(SystemError) -> Int {
    let name = Self.normal(path)
    let missing = SystemError(code: SystemError.Code.noSuchFile, operation: "open", path: path)
    if isOff {
      throw SystemError(code: SystemError.Code.inputOutput, operation: "open", path: path)
    }
    if let id = names.live[name] {
      nodes[id]?.handleCount += 1
      return id
    }
    guard creating, directories.contains(Path.directory(of: name)) else { throw missing }
    if let failure = begin(.name, "open", path) { throw failure }
    let id = nextNode
    nextNode += 1
    nodes[id] = FaultyNode()
    nodes[id]?.handleCount = 1
    names.set(name, id)
    return id
  }

  /// Counts a handle less.
  mutating func close(_ id: Int) {
    nodes[id]?.handleCount -= 1
    collect(id)
  }

  /// Forgets a file that nobody can reach any more.
  mutating func collect(_ id: Int) {
    if nodes[id]?.handleCount == 0, !names.mentions(id) { nodes[id] = nil }
  }

  /// The same for all files, after names went.
  mutating func collectAll() {
    let mentioned = names.nodes
    nodes = nodes.filter { $0.value.handleCount > 0 || mentioned.contains($0.key) }
  }

  // MARK: Space

  var usedByteCount: Int { names.live.values.reduce(0) { $0 + (nodes[$1]?.byteCount ?? 0) } }

  /// Bytes that still fit.
  var freeByteCount: Int { capacity.map { max(0, $0 - usedByteCount) } ?? .max }

  // MARK: Crashes

  mutating func crash(_ kind: FaultyDisk.Crash) {
    let survivors: [String: Int]
    switch kind {
    case .power: survivors = names.crashed(&random)
    case .powerLosingAll: survivors = names.durable
    case .kill: survivors = names.live
    }
    var images: [Int: FaultyNode] = [:]
    for id in Set(survivors.values).sorted() {
      guard let node = nodes[id] else { continue }
      switch kind {
      case .power: images[id] = FaultyNode(node.crashed(&random))
      case .powerLosingAll: images[id] = FaultyNode(node.durable)
      case .kill: images[id] = FaultyNode(node.content)
      }
    }
    nodes = images
    names = FaultyNames(durable: survivors)
    locks = []
    generation += 1
    isOff = false
    operationsLeft = nil
    faults = [:]
  }
}

extension FaultyState {
  /// Gives a folder and all that is in it another name; a crash may find a part of it under either.
  mutating func renameDirectory(_ source: String, to goal: String) {
    for (name, node) in names.live.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(source + "/") {
      names.set(goal + name.dropFirst(source.count), node)
      names.set(name, nil)
    }
    for folder in directories where folder == source || folder.hasPrefix(source + "/") {
      directories.remove(folder)
      directories.insert(goal + folder.dropFirst(source.count))
    }
  }
}
