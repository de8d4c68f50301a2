internal import Bytes
internal import Model
internal import Platform

/// Walks through the records of one segment, around whatever is damaged.
///
/// Behind a bad stretch it searches for the next magic with a sound header, a sound body and an
/// offset that can stand there, so that a bad byte costs its record and no other. One record and
/// one read buffer in memory.
struct SegmentScanner {
  /// A sound record; its bytes are there until the next call of ``next()``.
  struct Record {
    var header: BatchHeader
    var position: Int
    var byteCount: Int { BatchHeader.byteCount + Int(header.bodyByteCount) }
  }

  private let header: SegmentHeader?
  private let fault: SegmentHeader.Fault?
  private let sequence: UInt64
  private let partitionCount: Int
  private let markByteCount: Int
  private var window: SegmentWindow
  private(set) var findings: SegmentFindings
  /// Where the walk stands: bytes done.
  private(set) var position: Int
  /// Whether the start of a segment without a sound header was searched: a record may be there.
  private var hasSearchedStart = false

  /// - Parameters:
  ///   - expected: per partition the offset that must come next, as far as known.
  ///   - start: where a record begins, to go on from there; 0 is the first one.
  init(
    disk: any Disk,
    entry: SegmentIndex.Entry,
    expected: [UInt64?],
    from start: Int = 0
  ) throws(SystemError) {
    let file = try disk.open(entry.path)
    header = entry.header
    fault = entry.fault
    sequence = entry.sequence
    partitionCount = expected.count
    markByteCount = CommitMark.byteCount(partitionCount: partitionCount)
    window = SegmentWindow(file, byteCount: file.byteCount)
    findings = SegmentFindings(
      path: entry.path,
      sequence: entry.sequence,
      header: entry.header,
      expected: expected
    )
    position = max(start, entry.header?.byteCount ?? 0)
  }

  var byteCount: Int { window.byteCount }

  /// Whether the disk did not give a part of what was walked over.
  var hasUnreadable: Bool { !window.unreadable.isEmpty }

  /// The next sound record whose offset was not there before; `nil` at the end.
  mutating func next() -> Record? {
    while position < window.byteCount {
      if position == 0, header == nil, !hasSearchedStart {
        hasSearchedStart = true
        resync()
      } else if let mark = mark(at: position) {
        findings.place(mark, at: position)
        position += markByteCount
      } else if let header = batchHeader(at: position) {
        if let record = take(header) { return record }
      } else {
        resync()
      }
    }
    return nil
  }

  /// The record as a batch of its own.
  mutating func batch(_ record: Record) -> RowBatch {
    let start = record.position + BatchHeader.byteCount
    guard let body = window.bytes(at: start, count: Int(record.header.bodyByteCount)) else {
      preconditionFailure("a record stays in the buffer until the next one is read")
    }
    return RowBatch(header: record.header, body: body)
  }

  /// All that was wrong; after the walk.
  ///
  /// - Parameter next: the first sound header of a later segment.
  mutating func damages(next: SegmentHeader?) -> [Damage] {
    findings.damages(
      byteCount: window.byteCount,
      next: next,
      fault: fault,
      unreadable: window.unreadable
    )
  }

  // MARK: Records

  /// Steps over the record at the position; `nil` when there is none to replay.
  private mutating func take(_ header: BatchHeader) -> Record? {
    let record = Record(header: header, position: position)
    let end = position + record.byteCount
    guard end <= window.byteCount else {
      let tail = position..<window.byteCount
      findings.addBad(tail, "a record is cut short", looksTorn: false, known: header)
      position = window.byteCount
      return nil
    }
    guard isBodySound(record) else {
      // The header is sound and knows where the next record begins.
      let torn = looksTorn(position..<end)
      findings.addBad(position..<end, "a body fails its checksum", looksTorn: torn, known: header)
      position = end
      return nil
    }
    let start = position
    position = end
    return findings.place(header, at: start, byteCount: record.byteCount) ? record : nil
  }

  private mutating func isBodySound(_ record: Record) -> Bool {
    guard let bytes = window.bytes(at: record.position, count: record.byteCount) else {
      return false
    }
    let body = bytes.extracting(BatchHeader.byteCount..<record.byteCount)
    return CRC32C.checksum(body) == record.header.bodyChecksum
  }

  /// A sound batch header that can belong to this segment.
  private mutating func batchHeader(at position: Int) -> BatchHeader? {
    guard let header = window.batchHeader(at: position),
      Int(header.partition.rawValue) < partitionCount,
      header.offset.rawValue < SegmentHeader.offsetMax, isOurs(header.epoch)
    else { return nil }
    return header
  }

  private mutating func mark(at position: Int) -> CommitMark? {
    guard let mark = window.mark(at: position, partitionCount: partitionCount),
      mark.sequence == sequence, mark.durableByteCount <= UInt64(position), isOurs(mark.epoch)
    else { return nil }
    return mark
  }

  private func isOurs(_ epoch: Epoch) -> Bool {
    header.map { $0.epoch == epoch } ?? (epoch.rawValue < .max)
  }

  // MARK: Damage

  /// Steps over the bad stretch that begins at the position.
  private mutating func resync() {
    let start = position
    var look = TornLook(start: start)
    // A segment without a sound header may have a record at its very start; any other stretch
    // begins with a record that was looked at already.
    var candidate = start
    if start > 0 || header != nil {
      look.see(first(start))
      candidate += 1
    }
    while candidate < window.byteCount {
      guard let found = nextMagic(from: candidate, &look) else { break }
      if isRecord(at: found, behindBadBytes: found - start) {
        position = found
        if found > start { add(start..<found, look) }
        return
      }
      look.see(first(found))
      candidate = found + 1
    }
    position = window.byteCount
    if position > start { add(start..<position, look) }
  }

  private mutating func add(_ range: Range<Int>, _ look: TornLook) {
    let what = look.isZero ? SegmentFindings.zeros : "no sound record"
    findings.addBad(range, what, looksTorn: look.isTorn)
  }

  private mutating func first(_ position: Int) -> UInt8 {
    guard let bytes = window.bytes(at: position, count: 1) else { return 0 }
    return bytes[0]
  }

  /// The next place that begins like a record or a mark; what lies before goes through `look`.
  private mutating func nextMagic(from start: Int, _ look: inout TornLook) -> Int? {
    var position = start
    while let bytes = window.rest(at: position) {
      for index in bytes.indices {
        if bytes[index] == UInt8(ascii: "V"), Self.isMagic(bytes, index) { return position + index }
        look.see(bytes[index])
      }
      position += bytes.count
    }
    return nil
  }

  /// Whether "VRVB" or "VRVA" may begin at `index`; the end of the buffer may cut it.
  private static func isMagic(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
    guard index + 4 <= bytes.count else { return true }
    let last = bytes[index + 3]
    return bytes[index + 1] == UInt8(ascii: "R") && bytes[index + 2] == UInt8(ascii: "V")
      && (last == UInt8(ascii: "B") || last == UInt8(ascii: "A"))
  }

  private mutating func isRecord(at position: Int, behindBadBytes count: Int) -> Bool {
    if mark(at: position) != nil { return true }
    guard let header = batchHeader(at: position) else { return false }
    let record = Record(header: header, position: position)
    return position + record.byteCount <= window.byteCount && isBodySound(record)
      && findings.isPlausible(header, behindBadBytes: count)
  }

  /// Whether a crash may have kept a part of the range from the disk: the sector in which it ends
  /// counts as well.
  private mutating func looksTorn(_ range: Range<Int>) -> Bool {
    let byteCount = window.byteCount
    let end = min(TornLook.endOfSector(at: range.upperBound), byteCount)
    guard let bytes = window.bytes(at: range.lowerBound, count: end - range.lowerBound) else {
      return false
    }
    var look = TornLook(start: range.lowerBound)
    for index in bytes.indices {
      if index >= range.count, bytes[index] != 0 { return look.isTorn }
      look.see(bytes[index])
    }
    return look.isTorn || end == byteCount && look.endsInZeros
  }
}

extension SegmentWindow {
  fileprivate mutating func batchHeader(at position: Int) -> BatchHeader? {
    guard let bytes = bytes(at: position, count: BatchHeader.byteCount) else { return nil }
    return try? BatchHeader(bytes)
  }

  fileprivate mutating func mark(at position: Int, partitionCount: Int) -> CommitMark? {
    let byteCount = CommitMark.byteCount(partitionCount: partitionCount)
    guard let bytes = bytes(at: position, count: byteCount) else { return nil }
    return CommitMark(bytes, partitionCount: partitionCount)
  }
}

/// Looks at bad bytes one by one and tells whether a crash may have left them so: what was never
/// written reads as zeros up to the end of a sector.
struct TornLook {
  private static let sectorByteCount = 512
  private static let runMin = 8

  private let start: Int
  private var position: Int
  private var run = 0
  private(set) var isTorn = false
  private(set) var isZero = true

  static func endOfSector(at position: Int) -> Int {
    (position + sectorByteCount - 1) / sectorByteCount * sectorByteCount
  }

  var endsInZeros: Bool { run >= Self.runMin }

  init(start: Int) {
    self.start = start
    position = start
  }

  mutating func see(_ byte: UInt8) {
    position += 1
    if byte == 0 { run += 1 } else { (run, isZero) = (0, false) }
    if position % Self.sectorByteCount == 0, run >= min(Self.runMin, position - start) {
      isTorn = true
    }
  }
}
