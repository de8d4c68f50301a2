import Model
import Platform
import Ring
import Synchronization
import TestSupport
import Testing

/// Goal: readers on other threads never see anything but whole records of their own snapshot, while
/// the writer appends, restates and lets hours go.
@Suite struct RingThreadTests {
  /// What the readers look at: a snapshot and the cut that published it.
  private final class Board: Sendable {
    let current = Mutex<(snapshot: RingSnapshot, cut: UInt64)?>(nil)
    let isDone = Atomic(false)
    let failures = Atomic(0)
    let reads = Atomic(0)
  }

  private static let hour: Int64 = 480_000

  /// Says which cut wrote it.
  private static func body(_ series: UInt32, _ minute: Int64, cut: UInt64) -> [UInt8] {
    var random = SeededRandom(seed: UInt64(series) &* 977 &+ UInt64(minute) &+ cut << 32)
    return [UInt8(truncatingIfNeeded: cut), UInt8(truncatingIfNeeded: cut >> 8)]
      + random.bytes(Int.random(in: 0...700, using: &random))
  }

  private static func read(_ board: Board, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    while !board.isDone.load(ordering: .acquiring) {
      guard let (snapshot, cut) = board.current.withLock({ $0 }) else { continue }
      for hour in snapshot.coveredHours {
        let minute = hour * 60 + Int64.random(in: 0...9, using: &random)
        let series = UInt32.random(in: 0...29, using: &random)
        switch snapshot.record(series: SeriesID(series), minute: minute) {
        case .absent: break
        case .damaged: board.failures.add(1, ordering: .relaxed)
        case .found(let record):
          let bytes = record.array
          let written = UInt64(bytes[0]) | UInt64(bytes[1]) << 8
          let isRight = bytes == body(series, minute, cut: written) && written <= cut
          if !isRight { board.failures.add(1, ordering: .relaxed) }
        }
        board.reads.add(1, ordering: .relaxed)
      }
    }
  }

  @Test func readersBesideTheWriterSeeWholeRecords() throws {
    let folder = try TemporaryDirectory()
    let ring = try RingRegion.open(
      disk: RealDisk(),
      directory: folder.path,
      partition: PartitionID(0),
      slotCount: 3,
      extentByteCount: 4096,
      committed: [],
      cut: 0
    ).region
    let board = Board()
    let readers = try (0..<2).map { index in
      try WorkerThread(name: "reader \(index)") { Self.read(board, seed: UInt64(index) + 1) }
    }
    var random = SeededRandom(seed: 1)
    for cut in UInt64(1)...400 {
      let hour = Self.hour + Int64(cut / 40)
      ring.dropHours(before: hour - 1)
      try ring.beginHour(hour, isComplete: true, cut: cut)
      for _ in 0..<40 {
        let minute = hour * 60 + Int64.random(in: 0...9, using: &random)
        let series = UInt32.random(in: 0...29, using: &random)
        try ring.append(
          series: SeriesID(series),
          minute: minute,
          cut: cut,
          record: Self.body(series, minute, cut: cut).span
        )
      }
      if cut % 9 == 0 {
        ring.rollBack()
        continue
      }
      let snapshot = ring.publish()
      board.current.withLock { $0 = (snapshot, cut) }
    }
    board.isDone.store(true, ordering: .releasing)
    for reader in readers { reader.join() }
    #expect(board.failures.load(ordering: .relaxed) == 0)
    #expect(board.reads.load(ordering: .relaxed) > 0)
  }
}
