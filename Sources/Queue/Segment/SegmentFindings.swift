internal import Model

/// What a walk through one segment finds wrong, and which offsets must come next.
///
/// Whether a bad stretch is damage or the trace of a crash shows only later, when a mark or the
/// next segment's header tells what was durable; so the damages are asked for last.
struct SegmentFindings {
  /// Bad stretches of one segment that are listed one by one.
  static let regionsMax = 256

  private enum Kind { case bad, header, missing, repeated }

  private struct Region {
    var kind: Kind
    var start: Int
    var byteCount: Int
    var what: String
    /// Whether it looks as if a crash had kept sectors from the disk.
    var looksTorn: Bool
    /// Whether something of it is known to have been durable.
    var isProven = false
    var lost: [LostOffsets] = []
    var end: Int { start + byteCount }
  }

  /// Offsets of one partition that no record was found for.
  private struct LostOffsets {
    var partition: Int
    var range: Range<UInt64>
  }

  let path: String
  let sequence: UInt64
  /// The offset that must come next, by partition; `nil` while nobody knows.
  private(set) var expected: [UInt64?]
  /// Whether the header told where each partition begins.
  private let isHeaderSound: Bool
  private var regions: [Region] = []
  private var furtherRegions = 0
  private var durableByteCount = 0
  /// Where the last sound record of each partition begins, and how many bad bytes came before it.
  private var lastSound: [(position: Int, badByteCount: Int)]
  private var badByteCount = 0
  private(set) var epochMax = Epoch(0)
  private(set) var recordCount = 0

  /// - Parameter expected: what came before, as far as known; a sound header knows better.
  init(path: String, sequence: UInt64, header: SegmentHeader?, expected: [UInt64?]) {
    self.path = path
    self.sequence = sequence
    isHeaderSound = header != nil
    self.expected = header.map { $0.partitions.map(\.first.rawValue) } ?? expected
    lastSound = Array(repeating: (-1, 0), count: expected.count)
    epochMax = header?.epoch ?? Epoch(0)
    durableByteCount = header?.byteCount ?? 0
  }

  // MARK: What the walk tells

  /// Takes a sound record; `false` when its offset was there before, so that it must not be
  /// replayed.
  mutating func place(_ header: BatchHeader, at position: Int, byteCount: Int) -> Bool {
    let partition = Int(header.partition.rawValue)
    let offset = header.offset.rawValue
    epochMax = max(epochMax, header.epoch)
    if let next = expected[partition] {
      if offset < next {
        add(
          Region(
            kind: .repeated,
            start: position,
            byteCount: byteCount,
            what: "an offset goes back",
            looksTorn: false,
            lost: [LostOffsets(partition: partition, range: offset..<offset + 1)]
          )
        )
        return false
      }
      if offset > next { lose(partition, next..<offset, at: position, isProven: false) }
    }
    expected[partition] = offset + 1
    lastSound[partition] = (position, badByteCount)
    recordCount += 1
    return true
  }

  /// Whether a record found while searching can stand there: its offset goes on from the last one,
  /// and no more records are skipped than the bad bytes can have held.
  func isPlausible(_ header: BatchHeader, behindBadBytes count: Int) -> Bool {
    let partition = Int(header.partition.rawValue)
    guard let next = expected[partition] else { return true }
    guard header.offset.rawValue >= next else { return false }
    guard isHeaderSound else { return true }
    let bad = badByteCount + count - lastSound[partition].badByteCount
    return header.offset.rawValue - next <= UInt64(bad / BatchHeader.byteCount)
  }

  /// Takes a stretch that holds no sound record. `known` is the header of the record that lies
  /// there, when at least that is sound.
  mutating func addBad(
    _ range: Range<Int>,
    _ what: String,
    looksTorn: Bool,
    known: BatchHeader? = nil
  ) {
    badByteCount += range.count
    var region = Region(
      kind: range.lowerBound == 0 && !isHeaderSound ? .header : .bad,
      start: range.lowerBound,
      byteCount: range.count,
      what: what,
      looksTorn: looksTorn
    )
    if let known {
      let partition = Int(known.partition.rawValue)
      let offset = known.offset.rawValue
      if expected[partition].map({ offset >= $0 }) ?? true {
        let next = expected[partition] ?? offset
        region.lost = [LostOffsets(partition: partition, range: min(next, offset)..<offset + 1)]
        // Issued once is issued: the offset is not given to another batch.
        expected[partition] = offset + 1
      }
    }
    add(region)
  }

  mutating func place(_ mark: CommitMark, at position: Int) {
    epochMax = max(epochMax, mark.epoch)
    durableByteCount = max(durableByteCount, Int(clamping: mark.durableByteCount))
    reach(mark.ends, at: position)
  }

  /// Everything below `ends` was durable: what was not found is lost.
  private mutating func reach(_ ends: [Offset], at position: Int) {
    for (partition, end) in ends.enumerated() {
      guard let next = expected[partition] else {
        expected[partition] = end.rawValue
        continue
      }
      guard next < end.rawValue else { continue }
      lose(partition, next..<end.rawValue, at: position, isProven: true)
      expected[partition] = end.rawValue
    }
  }

  /// Notes lost offsets, at the bad stretch that must have held them or at `position`.
  private mutating func lose(
    _ partition: Int,
    _ range: Range<UInt64>,
    at position: Int,
    isProven: Bool
  ) {
    let after = lastSound[partition].position
    let lost = LostOffsets(partition: partition, range: range)
    let index = regions.firstIndex { region in
      (region.kind == .bad || region.kind == .header || region.kind == .missing)
        && region.start > after
    }
    if let index {
      regions[index].lost.append(lost)
      regions[index].isProven = regions[index].isProven || isProven
    } else {
      add(
        Region(
          kind: .missing,
          start: position,
          byteCount: 0,
          what: "offsets are missing",
          looksTorn: false,
          isProven: isProven,
          lost: [lost]
        )
      )
    }
  }

  private mutating func add(_ region: Region) {
    if regions.count < Self.regionsMax { regions.append(region) } else { furtherRegions += 1 }
  }

  // MARK: The end

  /// All that is wrong with the segment.
  ///
  /// - Parameters:
  ///   - byteCount: bytes of the file.
  ///   - next: the next sound segment header, which knows what was durable here.
  ///   - unreadable: stretches that the disk did not give.
  mutating func damages(
    byteCount: Int,
    next: SegmentHeader?,
    fault: SegmentHeader.Fault?,
    unreadable: [Range<Int>]
  ) -> [Damage] {
    if let next {
      if next.previousSequence == sequence {
        durableByteCount = max(durableByteCount, Int(clamping: next.previousByteCount))
      }
      if byteCount < durableByteCount {
        add(
          Region(
            kind: .bad,
            start: byteCount,
            byteCount: durableByteCount - byteCount,
            what: "the file is cut short",
            looksTorn: false,
            isProven: true
          )
        )
      }
      reach(next.partitions.map(\.previousEnd), at: byteCount)
    }
    var result = regions.map { damage($0, byteCount: byteCount, fault: fault) }
    if furtherRegions > 0 {
      result.append(damage(0, byteCount, "\(furtherRegions) further bad stretches"))
    }
    for range in unreadable {
      result.append(
        Damage(
          severity: .unreadable,
          path: path,
          offset: range.lowerBound,
          byteCount: range.count,
          what: "the disk could not read it"
        )
      )
    }
    return result
  }

  private func damage(
    _ region: Region,
    byteCount: Int,
    fault: SegmentHeader.Fault?
  ) -> Damage {
    let isTail = region.end == byteCount
    let isCrash =
      !region.isProven && region.start >= durableByteCount
      && (region.kind == .bad && (isTail || region.looksTorn)
        || region.kind == .header && isTail && isAbsent(region) && fault != .unreadable)
    var what = region.what
    if region.kind == .header, let fault {
      what = isCrash ? "\(fault.text): taken as absent" : fault.text
    } else if isCrash {
      what = (isTail ? "torn tail: " : "torn by a crash: ") + what
    }
    return Damage(
      severity: isCrash ? .note : .damage,
      path: path,
      offset: region.start,
      byteCount: region.byteCount,
      what: what,
      range: Self.text(region.lost)
    )
  }

  /// Whether a segment without header and records is what a crash leaves of one just made.
  private func isAbsent(_ region: Region) -> Bool {
    region.byteCount <= SegmentHeader.byteCount(partitionCount: expected.count)
      || region.what == Self.zeros
  }

  private func damage(_ offset: Int, _ byteCount: Int, _ what: String) -> Damage {
    Damage(severity: .damage, path: path, offset: offset, byteCount: byteCount, what: what)
  }

  /// What is wrong with a stretch of nothing but zeros.
  static let zeros = "zero bytes"

  private static func text(_ lost: [LostOffsets]) -> String {
    lost.map { lost in
      "partition \(lost.partition) offsets \(lost.range.lowerBound)..<\(lost.range.upperBound)"
    }.joined(separator: ", ")
  }
}
