internal import Bytes
internal import Model
internal import Platform

/// Both copies of the log, read side by side and merged by sequence.
struct LogUnion {
  /// Records that may be missing between two that are there; a jump beyond is no jump but damage.
  static let sequenceJumpMax: UInt64 = 1 << 24

  /// What one copy turned out to be.
  struct Copy {
    var path: String
    var exists = false
    /// The end of the last sound record.
    var soundEnd = 0
    /// Bad spots; the torn tail is apart.
    var damages: [Damage] = []
    var tail: Damage?
    /// Why it could not be read to its end.
    var readError: SystemError?
    /// Records that only the other copy holds.
    var missingCount = 0
    /// Where in the other copy the records begin that this one lacks at its end.
    var suffixStart: Int?
    /// Records that this copy lacks before its last one.
    var hasHoles = false

    /// Whether the copy must be written anew: cutting its end off and completing it is not enough.
    var needsRewrite: Bool {
      guard exists else { return missingCount > 0 }
      // Bytes of which not one is a record were hardly torn off; they are kept.
      let isGarbage = soundEnd == 0 && tail != nil
      return !damages.isEmpty || hasHoles || isGarbage
    }
  }

  private var scanners: [LogScanner]
  private(set) var copies: [Copy]
  /// The last sequence seen.
  private(set) var version: UInt64 = 0
  /// A version that was durable in both copies once; what neither copy holds beyond it may just not
  /// have been synced before a crash.
  private(set) var durableVersion: UInt64 = 0
  /// Sequences that neither copy holds.
  private(set) var gaps: [Range<UInt64>] = []

  /// The error that kept the last copy from being read to its end, when there is no other: what the
  /// union holds is then no more than a part.
  var readError: SystemError? {
    let isRead = copies.contains { $0.exists && $0.readError == nil }
    return isRead ? nil : copies.lazy.compactMap(\.readError).first
  }

  /// - Parameter paths: of the two copies.
  init(disk: any Disk, paths: [String]) throws(SystemError) {
    scanners = []
    copies = []
    for path in paths {
      // A file without a byte is what a crash leaves of one that was being created.
      let isThere = try disk.byteCount(of: path) ?? 0 > 0
      scanners.append(LogScanner(path: path, file: isThere ? try disk.open(path) : nil))
      copies.append(Copy(path: path, exists: isThere))
    }
  }

  /// A record as `forEach` hands it out.
  struct Entry {
    var record: LogRecord
    /// The copy that it was read from, and where it stands there.
    var copy: Int
    var offset: Int
  }

  /// Hands out every record once, by ascending sequence, with the bytes of its frame and body.
  mutating func forEach<Failure: Error>(
    _ body: (Entry, Span<UInt8>) throws(Failure) -> Void
  ) throws(Failure) {
    for index in scanners.indices { scanners[index].advance() }
    while let copy = firstCopy, let record = scanners[copy].record {
      let other = 1 - copy
      if record.sequence > version + 1 {
        guard record.sequence - version - 1 <= Self.sequenceJumpMax else {
          reject(copy, "record \(record.sequence) is out of reach")
          continue
        }
        gaps.append(version + 1..<record.sequence)
      }
      version = record.sequence
      durableVersion = max(durableVersion, record.durableVersion)
      let entry = Entry(record: record, copy: copy, offset: scanners[copy].recordOffset)
      try body(entry, scanners[copy].recordBytes)

      noteHeld(copy)
      if let twin = scanners[other].record, twin.sequence == record.sequence {
        // Two sound records of one sequence must be the same one.
        if twin != record {
          damage(other, "record \(version) is another one than in \(copies[copy].path)")
        }
        noteHeld(other)
        scanners[other].advance()
      } else {
        noteMissing(other, entry)
      }
      scanners[copy].advance()
    }
    for index in copies.indices {
      copies[index].soundEnd = scanners[index].soundEnd
      copies[index].damages += scanners[index].damages
      copies[index].tail = scanners[index].tail
      copies[index].readError = scanners[index].readError
    }
    for index in copies.indices { judgeTail(index) }
  }

  /// The copy whose next record has the smaller sequence; the first one if both have it.
  private var firstCopy: Int? {
    guard let first = scanners[0].record else { return scanners[1].record == nil ? nil : 1 }
    guard let second = scanners[1].record else { return 0 }
    return second.sequence < first.sequence ? 1 : 0
  }

  private mutating func reject(_ index: Int, _ what: String) {
    damage(index, what)
    copies[index].hasHoles = true
    scanners[index].advance()
  }

  private mutating func damage(_ index: Int, _ what: String) {
    copies[index].damages.append(
      Damage(
        severity: .damage,
        path: copies[index].path,
        offset: scanners[index].recordOffset,
        byteCount: scanners[index].record?.byteCount ?? 0,
        what: what
      )
    )
  }

  private mutating func noteHeld(_ index: Int) {
    guard copies[index].suffixStart != nil else { return }
    copies[index].hasHoles = true
    copies[index].suffixStart = nil
  }

  private mutating func noteMissing(_ index: Int, _ entry: Entry) {
    copies[index].missingCount += 1
    if copies[index].suffixStart == nil { copies[index].suffixStart = entry.offset }
  }

  /// Bad bytes at the end of a copy are a torn tail, unless the other copy has sound records that
  /// fill the very same place and differ in more than sectors that were not written to their end:
  /// then they were written whole once.
  private mutating func judgeTail(_ index: Int) {
    guard let tail = copies[index].tail, let start = copies[index].suffixStart else { return }
    let other = copies[1 - index]
    guard other.soundEnd - start == tail.byteCount, other.tail == nil,
      !scanners[index].isUnwritten(tail.offset, of: scanners[1 - index], from: start)
    else { return }
    var damage = tail
    damage.severity = .damage
    damage.what = tail.what.replacingTornTail()
    copies[index].tail = damage
  }
}

extension String {
  /// The same fault without the excuse that the tail was being written.
  fileprivate func replacingTornTail() -> String {
    let excuse = "torn tail: "
    return hasPrefix(excuse) ? String(dropFirst(excuse.count)) : "damaged tail"
  }
}
