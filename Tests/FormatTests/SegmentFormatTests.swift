import Model
import Platform
import Queue
import Synchronization
import TestSupport
import Testing

/// Fixtures/format-v1/segment.bin opens for ever, and the same rounds still make the same bytes.
@Suite struct SegmentFormatTests {
  static let fixture = "format-v1/segment.bin"
  static let directory = "/data/queue"
  static let path = "/data/queue/0000000000000001.segment"

  private static func batch(partition: UInt16, lines: UInt64) -> RowBatch {
    RefusalCodec.batch(
      of: [RefusalCount(measurement: nil, reason: .unparsable, lines: lines, points: 0)],
      tenant: .default,
      partition: PartitionID(partition),
      registryVersion: 0,
      arrival: 1_795_373_341_000_000_000
    )
  }

  /// Stands at 1970 when an epoch is chosen, so that starts are counted, and then no more.
  private final class LateClock: Clock {
    private let isAsked = Mutex(false)

    func now() -> Timestamp {
      isAsked.withLock { asked in
        defer { asked = true }
        return asked ? 1_795_373_340_000_000_000 : 0
      }
    }

    func monotonic() -> UInt64 { 0 }
  }

  /// Two partitions, the first of which was cut at 5 before; two rounds, the second behind a mark.
  private static func written() throws -> [UInt8] {
    let disk = FaultyDisk()
    let (log, _) = try Log.open(
      disk: disk,
      directory: directory,
      partitionCount: 2,
      floors: [Offset(5), .zero],
      clock: LateClock()
    )
    try log.append([batch(partition: 0, lines: 1), batch(partition: 1, lines: 2)])
    try log.sync()
    try log.append([batch(partition: 0, lines: 3)])
    try log.sync()
    return disk.durableFiles[path] ?? []
  }

  @Test func writerStillWritesTheFixture() throws {
    #expect(try Fixtures.matches(Self.fixture, Self.written()))
  }

  @Test func fixtureStillHoldsTheBatches() throws {
    let disk = FaultyDisk(files: [Self.path: try Fixtures.bytes(Self.fixture)])
    let (log, recovery) = try Log.open(
      disk: disk,
      directory: Self.directory,
      partitionCount: 2,
      floors: [.zero, .zero],
      clock: ManualClock(now: 0)
    )
    #expect(recovery.damages.isEmpty)
    #expect(recovery.segments.first?.created == 1_795_373_340_000_000_000)
    #expect(log.epoch == Epoch(2))
    #expect(log.nextOffsets == [Offset(7), Offset(1)])
    var found: [(offset: Offset, lines: UInt64?)] = []
    let reader = LogReader(disk: disk, directory: Self.directory, partitionCount: 2)
    let summary = try reader.replay(from: [.zero, .zero]) { batch in
      found.append((batch.header.offset, RefusalCodec.decode(batch)?.first?.lines))
    }
    #expect(summary.damages.isEmpty)
    #expect(found.map(\.offset) == [Offset(5), Offset(0), Offset(6)])
    #expect(found.map(\.lines) == [1, 2, 3])
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("segment.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }
}
