/// One file of a ``FaultyDisk``, apart from its names: what a reader sees now, and what the disk
/// itself holds.
///
/// A sync copies pages of 4,096 bytes from the one to the other. A failed sync marks them as lost:
/// the kernel believes them clean, so only a page that is written again is stored by a later sync.
struct FaultyNode: Sendable {
  static let pageByteCount = 4_096
  static let sectorByteCount = 512

  private(set) var byteCount: Int
  private(set) var durable: [UInt8]
  /// The content while the file is not mapped.
  private var live: [UInt8]
  /// The content once it is.
  private(set) var memory: FaultyMemory?
  /// Pages whose sync failed, with what they held then.
  private var lost: [Int: [UInt8]] = [:]
  /// The first byte that an append or a truncation changed since the last sync.
  private var dirtyFrom: Int
  /// Open handles; a file without any, and without a name, is forgotten.
  var handleCount = 0

  /// A file that is on the disk as it is.
  init(_ content: [UInt8] = []) {
    byteCount = content.count
    durable = content
    live = content
    dirtyFrom = content.count
  }

  func bytes(_ range: Range<Int>) -> [UInt8] {
    let clipped = range.clamped(to: 0..<byteCount)
    return memory.map { $0.copy(clipped) } ?? Array(live[clipped])
  }

  var content: [UInt8] { bytes(0..<byteCount) }

  // MARK: Changing what readers see

  mutating func append(_ bytes: some Collection<UInt8>) {
    precondition(memory == nil, "a mapped file is not appended to")
    forget(from: byteCount)
    live.append(contentsOf: bytes)
    byteCount = live.count
  }

  mutating func truncate(to count: Int) {
    precondition(count <= byteCount, "truncation shortens")
    forget(from: count)
    if let memory { memory.clear(count..<byteCount) } else { live.removeLast(byteCount - count) }
    byteCount = count
  }

  /// Makes the file at least `count` bytes long, with zeros.
  mutating func grow(to count: Int) { byteCount = max(byteCount, count) }

  /// Notes that everything from `offset` on is written anew.
  private mutating func forget(from offset: Int) {
    dirtyFrom = min(dirtyFrom, offset)
    if !lost.isEmpty { lost = lost.filter { $0.key < offset / Self.pageByteCount } }
  }

  mutating func map() -> FaultyMemory {
    if let memory { return memory }
    let fresh = FaultyMemory(live)
    memory = fresh
    live = []
    return fresh
  }

  /// Overwrites the file, on the disk too: what a test does to damage it.
  mutating func overwrite(_ content: [UInt8]) {
    let count = handleCount
    self = FaultyNode(content)
    handleCount = count
  }

  // MARK: Syncs

  /// What a sync of the whole file has to store, in bytes.
  var dirtyRange: Range<Int> { min(dirtyFrom, byteCount)..<byteCount }

  mutating func sync(_ range: Range<Int>) {
    if durable.count > byteCount { durable.removeLast(durable.count - byteCount) }
    durable.append(contentsOf: repeatElement(0, count: byteCount - durable.count))
    for page in pages(range) {
      let bytes = self.bytes(page)
      let number = page.lowerBound / Self.pageByteCount
      if lost[number] == bytes { continue }
      lost[number] = nil
      durable.replaceSubrange(page, with: bytes)
    }
    if range.lowerBound <= dirtyFrom { dirtyFrom = max(dirtyFrom, range.upperBound) }
  }

  mutating func failSync(_ range: Range<Int>) {
    for page in pages(range) {
      let bytes = self.bytes(page)
      let isStored = page.upperBound <= durable.count && bytes[...] == durable[page]
      if !isStored { lost[page.lowerBound / Self.pageByteCount] = bytes }
    }
    if range.lowerBound <= dirtyFrom { dirtyFrom = max(dirtyFrom, range.upperBound) }
  }

  /// The pages that `range` touches, clipped to the file.
  private func pages(_ range: Range<Int>) -> [Range<Int>] {
    guard !range.isEmpty else { return [] }
    let first = range.lowerBound / Self.pageByteCount * Self.pageByteCount
    return stride(from: first, to: min(range.upperBound, byteCount), by: Self.pageByteCount).map {
      $0..<min($0 + Self.pageByteCount, byteCount)
    }
  }

  // MARK: Crashes

  /// What the disk holds after a power failure.
  func crashed(_ random: inout SeededRandom) -> [UInt8] {
    var target = content
    // A lost page is in no queue any more; it stays what it was.
    for (number, bytes) in lost {
      let start = number * Self.pageByteCount
      guard self.bytes(start..<start + Self.pageByteCount) == bytes else { continue }
      for index in start..<start + bytes.count {
        target[index] = index < durable.count ? durable[index] : 0
      }
    }
    guard target != durable else { return durable }
    switch random.next() % 6 {
    case 0: return durable
    case 1: return target
    case 2 where target.count > durable.count && target.starts(with: durable):
      return Array(target[..<Int.random(in: durable.count...target.count, using: &random)])
    default: return mixed(target, &random)
    }
  }

  /// Old and new sectors side by side: the pages of a file are written back in any order.
  private func mixed(_ target: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    let shorter = min(durable.count, target.count)
    let longer = max(durable.count, target.count)
    let count =
      random.oneIn(2)
      ? (random.oneIn(2) ? durable.count : target.count)
      : Int.random(in: shorter...longer, using: &random)
    var image = Array(durable.prefix(count))
    image.append(contentsOf: repeatElement(0, count: count - image.count))
    for start in stride(from: 0, to: min(count, target.count), by: Self.sectorByteCount) {
      let sector = start..<min(start + Self.sectorByteCount, count, target.count)
      if image[sector] == target[sector] || random.oneIn(2) { continue }
      // Seldom a sector was written while stores into it were under way.
      let torn = random.oneIn(8) ? Int.random(in: 0...sector.count / 8, using: &random) * 8 : nil
      let end = torn.map { start + $0 } ?? sector.upperBound
      image.replaceSubrange(start..<end, with: target[start..<end])
    }
    return image
  }
}
