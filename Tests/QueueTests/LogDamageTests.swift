import Model
import Platform
import Queue
import TestSupport
import Testing

/// Goal: a bad byte costs its record and no other, it is reported, and nothing traps.
/// Method: small segments, every cut and every bit.
@Suite struct LogDamageTests {
  /// A log of one segment: two rounds of records in three partitions.
  static func sample(seed: UInt64 = 3) throws -> (bench: LogBench, bodies: [[UInt8]]) {
    let bench = LogBench()
    let (log, _) = try bench.open()
    var random = SeededRandom(seed: seed)
    var bodies: [[UInt8]] = []
    for round in 0..<2 {
      let batches = (0..<4).map { place in
        bodies.append(random.bytes(Int.random(in: 1...20, using: &random)))
        return makeBatch(bodies[bodies.count - 1], partition: (round + place) % 3)
      }
      try log.append(batches)
      try log.sync()
    }
    return (bench, bodies)
  }

  @Test func everyCutCostsTheTailOnly() throws {
    let (source, bodies) = try Self.sample()
    let bytes = try #require(source.disk.files[source.path(1)])
    let whole = try source.replay().batches
    #expect(whole.map(\.body) == bodies)
    for count in 0...bytes.count {
      let bench = LogBench(FaultyDisk(files: [source.path(1): Array(bytes[..<count])]))
      let (log, recovery) = try bench.open()
      #expect(recovery.damages.serious.isEmpty, "cut at \(count): \(recovery.damages)")
      let (batches, damages) = try bench.replay()
      #expect(batches == Array(whole.prefix(batches.count)), "cut at \(count)")
      #expect(damages.serious.isEmpty, "cut at \(count): \(damages)")
      let isComplete = count == bytes.count
      #expect(isComplete == (batches.count == bodies.count))
      // The file stays as it is, and what comes now stands beside it.
      #expect(bench.disk.files[bench.path(1)]?.count == count)
      try log.append([makeBatch([42])])
      try log.sync()
      let after = try bench.replay()
      #expect(after.batches.dropLast() == batches[...])
      #expect(after.batches.last?.body == [42])
      #expect(after.damages.serious.isEmpty, "cut at \(count): \(after.damages)")
    }
  }

  @Test func everyFlippedBitCostsItsRecordAtMostAndIsReported() throws {
    let (source, bodies) = try Self.sample()
    let path = source.path(1)
    let bytes = try #require(source.disk.files[path])
    let whole = try source.replay().batches
    for bit in 0..<bytes.count * 8 {
      let bench = LogBench(FaultyDisk(files: [path: bytes.flipping(bit: bit)]))
      let (log, recovery) = try bench.open()
      let (batches, damages) = try bench.replay()
      let missing = whole.filter { !batches.contains($0) }
      #expect(batches.count + missing.count == bodies.count, "bit \(bit)")
      #expect(batches.allSatisfy(whole.contains), "bit \(bit)")
      #expect(missing.count <= 1, "bit \(bit)")
      #expect(!damages.isEmpty, "bit \(bit)")
      #expect(!recovery.damages.isEmpty, "bit \(bit)")
      #expect(log.epoch > Epoch(1), "bit \(bit)")
      #expect(bench.disk.files[path]?.count == bytes.count)
      if let lost = missing.first, lost != whole.last {
        // Another record of the partition, or a mark, tells which offset it was.
        let text = "partition \(lost.partition) offsets \(lost.offset)..<\(lost.offset + 1)"
        let isNamed = damages.contains { $0.range == text && $0.severity == .damage }
        let isKnown = whole.last.map { $0.partition == lost.partition } ?? false
        if isKnown || lost.offset < 1 { #expect(isNamed, "bit \(bit): \(damages)") }
      }
      #expect(log.nextOffsets.allSatisfy { $0 >= .zero })
    }
  }

  /// It was searched for ever: no start came to its end.
  @Test func aSegmentThatBeginsWithARecordIsReadToItsEnd() throws {
    let (source, _) = try Self.sample()
    let bytes = try #require(source.disk.files[source.path(1)])
    let whole = try source.replay().batches
    let magic = Array("VRVB".utf8)
    let start = try #require((0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == magic })
    let bench = LogBench(FaultyDisk(files: [source.path(1): Array(bytes[start...])]))
    _ = try bench.open()
    let (batches, damages) = try bench.replay()
    #expect(!batches.isEmpty)
    #expect(batches.allSatisfy(whole.contains))
    #expect(!damages.isEmpty)
  }

  @Test func aDamagedStretchBetweenSegmentsIsNamedByTheNextHeader() throws {
    let bench = LogBench(segmentByteCountMax: 400)
    let (log, _) = try bench.open()
    for value in 0..<9 {
      try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 50), partition: 1)])
      try log.sync()
    }
    let second = try #require(bench.disk.files[bench.path(2)])
    // From the second segment's last record on, everything is gone.
    bench.disk.damage(bench.path(2)) { $0.removeLast(60) }
    let (batches, damages) = try bench.replay()
    #expect(batches.count == 8)
    let proven = damages.filter { $0.severity == .damage }
    #expect(proven.contains { $0.what.contains("cut short") && $0.byteCount == 60 })
    #expect(proven.contains { $0.range.contains("partition 1 offsets") })
    #expect(second.count > 60)
  }

  @Test func rotInTheLastRunStaysDamageAfterMoreStarts() throws {
    let (source, bodies) = try Self.sample()
    let path = source.path(1)
    // The body of the fourth of eight records, with sound ones behind it.
    let bytes = try #require(source.disk.files[path])
    let lost = bodies[3]
    let at = try #require((0..<bytes.count - lost.count).first { bytes[$0...].starts(with: lost) })
    source.disk.flip(bit: at * 8, of: path)
    for _ in 0..<3 {
      let (log, _) = try source.open()
      let (batches, damages) = try source.replay()
      #expect(batches.map(\.body).filter { bodies.contains($0) } == bodies.filter { $0 != lost })
      #expect(damages.count == 1)
      #expect(damages.first?.severity == .damage)
      #expect(damages.first?.range == "partition 0 offsets 1..<2")
      try log.append([makeBatch([9])])
      try log.sync()
      source.disk.crash(.powerLosingAll)
    }
  }

  @Test func aMissingSegmentIsReportedWithItsOffsets() throws {
    let bench = LogBench(segmentByteCountMax: 400)
    let (log, _) = try bench.open()
    for value in 0..<9 {
      try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 50), partition: 1)])
      try log.sync()
    }
    try bench.disk.remove(bench.path(2))
    let (batches, damages) = try bench.replay()
    #expect(batches.count < 9)
    #expect(damages.contains { $0.path == bench.path(2) && $0.what.contains("missing") })
    #expect(damages.contains { $0.range.hasPrefix("partition 1 offsets") })
    // Reported at a start too, which goes on all the same.
    let (again, recovery) = try bench.open()
    #expect(again.nextOffsets[1] == Offset(9))
    #expect(recovery.damages.contains { $0.path == bench.path(2) })
  }

  @Test func missingOldSegmentsThatAreStillWantedAreReported() throws {
    let bench = LogBench(segmentByteCountMax: 400)
    let (log, _) = try bench.open()
    for value in 0..<9 { try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 50))]) }
    try log.sync()
    try bench.disk.remove(bench.path(1))
    let (batches, damages) = try bench.replay()
    let first = try #require(batches.first).offset
    #expect(damages.map(\.range) == ["partition 0 offsets 0..<\(first)"])
    // Whoever does not want them is not told.
    #expect(try bench.replay(from: [Offset(first), .zero, .zero]).damages.isEmpty)
    #expect(bench.reader.check().isEmpty)
  }

  @Test func magicBytesInsideABodyDoNotMisleadTheSearch() throws {
    // A body that is itself a sound record of another log, and bodies full of magic bytes.
    let inner = makeBatch([UInt8](repeating: 9, count: 30), partition: 1)
    inner.stamp(epoch: Epoch(1), offset: Offset(7))
    let innerBytes = withExtendedLifetime(inner) { unsafe Array(inner.record) }
    let bodies: [[UInt8]] = [
      [1], Array(repeatElement([UInt8](text: "VRVB"), count: 20).joined()),
      innerBytes + [0, 0], [UInt8](text: "xxVRVA") + innerBytes, [5],
    ]
    let bench = LogBench()
    let (log, _) = try bench.open()
    for body in bodies { try log.append([makeBatch(body, partition: 0)]) }
    try log.sync()
    let bytes = try #require(bench.disk.files[bench.path(1)])
    var starts: [Int] = []
    var position = bytes.count
    for body in bodies.reversed() {
      position -= 64 + body.count
      starts.insert(position, at: 0)
    }
    for (index, start) in starts.enumerated() {
      let copy = LogBench(bench.disk.copy(seed: 1))
      // A header byte: the length is unknown, so the body is searched.
      copy.disk.flip(bit: (start + 20) * 8, of: copy.path(1))
      let (batches, damages) = try copy.replay()
      var expected = bodies
      expected.remove(at: index)
      #expect(batches.map(\.body) == expected, "record \(index)")
      if index < 4 {
        #expect(damages.map(\.range) == ["partition 0 offsets \(index)..<\(index + 1)"])
      }
    }
  }

  @Test func anOffsetThatGoesBackIsReportedAndNotReplayed() throws {
    let bench = LogBench()
    let (log, _) = try bench.open()
    try log.append([makeBatch([1]), makeBatch([2]), makeBatch([3])])
    try log.sync()
    // The first record once more, at the end.
    bench.disk.damage(bench.path(1)) { bytes in
      let start = bytes.count - 3 * 65
      bytes.append(contentsOf: bytes[start..<start + 65])
    }
    let (batches, damages) = try bench.replay()
    #expect(batches.map(\.body) == [[1], [2], [3]])
    #expect(damages.map(\.severity) == [.damage])
    #expect(damages.map(\.range) == ["partition 0 offsets 0..<1"])
    #expect(damages.first?.what == "an offset goes back")
  }

  @Test func aShortOrZeroSegmentIsAbsent() throws {
    for content in [[], [UInt8](repeating: 0, count: 50), [UInt8](repeating: 0, count: 9_000)] {
      let (source, bodies) = try Self.sample()
      var files = source.disk.files
      files[source.path(2)] = content
      let bench = LogBench(FaultyDisk(files: files))
      let (log, recovery) = try bench.open()
      #expect(recovery.damages.serious.isEmpty, "\(content.count) bytes")
      #expect(recovery.damages.isEmpty == content.isEmpty)
      #expect(log.nextOffsets == [Offset(3), Offset(3), Offset(2)])
      #expect(log.epoch == Epoch(3))
      #expect(bench.segments.last == bench.path(3))
      #expect(bench.disk.files[bench.path(2)] == content)
      let (batches, damages) = try bench.replay()
      #expect(batches.map(\.body) == bodies)
      #expect(damages.serious.isEmpty)
    }
  }

  @Test func aSegmentOfNoiseIsDamageAndStopsNothing() throws {
    let (source, bodies) = try Self.sample()
    var files = source.disk.files
    var random = SeededRandom(seed: 8)
    files[source.path(2)] = random.bytes(9_000)
    let bench = LogBench(FaultyDisk(files: files))
    let (_, recovery) = try bench.open()
    #expect(recovery.damages.map(\.path) == [bench.path(2)])
    #expect(recovery.damages.serious.count == 1)
    #expect(try bench.replay().batches.map(\.body) == bodies)
  }

  @Test func pagesThatCannotBeReadCostTheirRecords() throws {
    let bench = LogBench(segmentByteCountMax: 8 << 20)
    let (log, _) = try bench.open()
    for value in 0..<100 {
      try log.append([makeBatch([UInt8](repeating: UInt8(value), count: 1_000))])
    }
    try log.sync()
    for failing in 1...40 {
      // The first read is the header's; each failed window is read again page by page.
      bench.disk.fail(.read, after: 1 + failing % 3, times: failing)
      guard let (batches, damages) = try? bench.replay() else { continue }
      bench.disk.crash(.kill)
      #expect(batches.count >= 100 - 6 * failing - 6)
      if batches.count < 100 { #expect(damages.contains { $0.severity == .unreadable }) }
    }
  }

  @Test(arguments: UInt64(1)...60)
  func randomDamageNeverTraps(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let bench = LogBench(segmentByteCountMax: 2_000)
    let (log, _) = try bench.open()
    var bodies: [[UInt8]] = []
    for _ in 0..<40 {
      bodies.append(random.bytes(Int.random(in: 0...200, using: &random)))
      try log.append([makeBatch(bodies[bodies.count - 1], partition: Int(random.next() % 3))])
      if random.oneIn(3) { try log.sync() }
    }
    try log.sync()
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let path = bench.segments[Int.random(in: 0..<bench.segments.count, using: &random)]
      let kind = random.next() % 4
      bench.disk.damage(path) { bytes in
        guard !bytes.isEmpty else { return }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        let count = Int.random(in: 0...min(300, bytes.count - at), using: &random)
        switch kind {
        case 0: bytes.removeSubrange(at..<at + count)
        case 1: bytes.replaceSubrange(at..<at + count, with: random.bytes(count))
        case 2: bytes.insert(contentsOf: random.bytes(count), at: at)
        default: bytes.removeLast(bytes.count - at)
        }
      }
    }
    let (_, recovery) = try bench.open()
    let (batches, damages) = try bench.replay()
    #expect(batches.allSatisfy { bodies.contains($0.body) })
    if batches.count < bodies.count { #expect(!(damages + recovery.damages).isEmpty) }
    for partition in 0..<3 {
      let offsets = batches.filter { $0.partition == partition }.map(\.offset)
      #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 })
    }
  }
}
