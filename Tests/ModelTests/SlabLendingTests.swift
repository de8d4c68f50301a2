import Model
import Platform
import Synchronization
import TestSupport
import Testing

/// Goal: memory of open rows goes to the next ones only when nobody reads it any more.
///
/// Method: one thread fills arenas of one pool and forgets each, as cuts do; others read what they
/// were handed again and again, long after, and let go of it at any moment. A slab that came back
/// too early holds other rows, or, in a debug build, none; under AddressSanitizer the read itself
/// is reported.
@Suite struct SlabLendingTests {
  /// An arena as a query has it: rows, and which they were.
  private struct Snapshot {
    var reader: RowArena.Reader
    var run: RowRun
    var generation: Int
  }

  /// Every payload that a row may have, in memory of its own.
  private final class Payloads: Sendable {
    static let count = 251
    let bytes: [[UInt8]]
    private let arena: RowArena.Reader
    let rows: [RowReference]

    init() {
      let own = RowArena()
      var run = RowRun()
      bytes = (0..<Self.count).map { index in
        (0..<index + 150).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
      }
      for bytes in bytes { SlabLendingTests.append(bytes, 0, to: &run, in: own) }
      arena = own.reader()
      var rows: [RowReference] = []
      arena.collect(run, index: 0, into: &rows)
      self.rows = rows
    }

    static func index(_ row: Int, of generation: Int) -> Int {
      (row &* 7 &+ generation &* 13) % count
    }
  }

  private static func append(
    _ payload: [UInt8],
    _ timestamp: Timestamp,
    to run: inout RowRun,
    in arena: RowArena
  ) {
    let head = RowHead(layout: LayoutID(1), timestamp: timestamp, scaleTable: .zero)
    unsafe payload.withUnsafeBytes { unsafe arena.append(head, payload: $0, to: &run) }
  }

  /// How many rows of a snapshot are not what was put in.
  private func faults(_ snapshot: Snapshot, _ payloads: Payloads) -> Int {
    var rows: [RowReference] = []
    snapshot.reader.collect(snapshot.run, index: 0, into: &rows)
    let faults = rows.indices.count(where: { row in
      rows[row].timestamp != Timestamp(snapshot.generation << 32 + row)
        || !rows[row].hasSamePayload(
          as: payloads.rows[Payloads.index(row, of: snapshot.generation)]
        )
    })
    withExtendedLifetime(snapshot) {}
    return faults + (rows.count == Int(snapshot.run.rowCount) ? 0 : 1)
  }

  @Test func nothingIsLentWhileItIsRead() throws {
    let payloads = Payloads()
    let pool = RowSlabPool()
    let handed = Mutex<[Snapshot]>([])
    let isOver = Atomic(false)
    let faultCount = Atomic(0)
    let readCount = Atomic(0)
    let readers = try (0..<3).map { index in
      try WorkerThread(name: "reader") {
        var random = SeededRandom(seed: UInt64(index) + 1)
        var held: [Snapshot] = []
        while !isOver.load(ordering: .acquiring) || !held.isEmpty {
          let next = handed.withLock { $0.isEmpty ? nil : $0.removeFirst() }
          if let next { held.append(next) }
          guard !held.isEmpty else {
            Signal().wait(timeoutNanoseconds: 100_000)
            continue
          }
          let place = Int.random(in: 0..<held.count, using: &random)
          faultCount.add(faults(held[place], payloads), ordering: .relaxed)
          readCount.add(1, ordering: .relaxed)
          if isOver.load(ordering: .acquiring) || held.count > 3 || random.oneIn(3) {
            held.remove(at: place)
          }
        }
      }
    }
    let rowCount = 4_000
    for generation in 0..<40 {
      let arena = RowArena(pool: pool)
      var run = RowRun()
      for row in 0..<rowCount {
        Self.append(
          payloads.bytes[Payloads.index(row, of: generation)],
          Timestamp(generation << 32 + row),
          to: &run,
          in: arena
        )
        // Some are handed out while rows still come.
        if row % 1_500 == 1_499 || row == rowCount - 1 {
          handed.withLock {
            $0.append(Snapshot(reader: arena.reader(), run: run, generation: generation))
          }
        }
      }
      #expect(arena.byteCount == 2 << 20)
      while handed.withLock({ $0.count }) > 6 { Signal().wait(timeoutNanoseconds: 100_000) }
      if generation % 8 == 7 { pool.settle() }
    }
    isOver.store(true, ordering: .releasing)
    for reader in readers { reader.join() }
    handed.withLock { $0 = [] }
    #expect(faultCount.load(ordering: .relaxed) == 0)
    #expect(readCount.load(ordering: .relaxed) >= 40)
    #expect(pool.byteCount > 0)
  }
}
