import Model
import Platform
import Ring
import TestSupport
import Testing

/// Version 1 of the ring slot (docs/format/ring.md) opens for ever, and is still what is written.
@Suite struct RingFormatTests {
  private static let hour: Int64 = 472_222
  private static let minute: Int64 = 28_333_333
  private static let partition = PartitionID(3)
  /// 472,222 modulo 51.
  private static let path = "/ring/13.slot"

  private static func body(_ text: String) -> [UInt8] { [UInt8](text: text) }

  /// Two series in one cut; the first is restated in the next.
  private func written() throws -> (bytes: [UInt8], progress: [RingProgress]) {
    let disk = FaultyDisk()
    try disk.createDirectory("/ring")
    let ring = try RingRegion.open(
      disk: disk,
      directory: "/ring",
      partition: Self.partition,
      committed: [],
      cut: 40
    ).region
    try ring.beginHour(Self.hour, isComplete: true, cut: 41)
    let first = Self.body("a window record")
    let second = Self.body("eight888")
    let third = Self.body("restated")
    try ring.append(series: SeriesID(7), minute: Self.minute, cut: 41, record: first.span)
    try ring.append(series: SeriesID(9), minute: Self.minute, cut: 41, record: second.span)
    try ring.sync()
    ring.publish()
    try ring.append(series: SeriesID(7), minute: Self.minute, cut: 42, record: third.span)
    try ring.sync()
    let progress = ring.progress
    let bytes = try disk.read(Self.path, byteCountMax: 2 << 20)
    return (Array(bytes.prefix(Int(progress[0].byteCount))), progress)
  }

  @Test func aSlotIsWrittenAsEver() throws {
    let (bytes, progress) = try written()
    #expect(progress == [RingProgress(hour: Self.hour, byteCount: 64 + 48 + 40 + 40)])
    #expect(try Fixtures.matches("format-v1/ring.slot", bytes))
  }

  @Test func aSlotIsRead() throws {
    let bytes = try Fixtures.bytes("format-v1/ring.slot")
    let disk = FaultyDisk(files: [Self.path: bytes])
    let committed = [RingProgress(hour: Self.hour, byteCount: UInt64(bytes.count))]
    let (ring, recovery) = try RingRegion.open(
      disk: disk,
      directory: "/ring",
      partition: Self.partition,
      committed: committed,
      cut: 42
    )
    #expect(recovery.damages == [])
    #expect(ring.snapshot.coveredHours == [Self.hour])
    #expect(ring.snapshot.recordCount == 2)
    expect(ring.snapshot, 7, "restated")
    expect(ring.snapshot, 9, "eight888")
    let damages = RingCheck.check(
      disk: disk,
      directory: "/ring",
      partition: Self.partition,
      committed: committed,
      cut: 42
    )
    #expect(damages == [])
  }

  private func expect(_ snapshot: RingSnapshot, _ series: UInt32, _ text: String) {
    guard
      case .found(let record) = snapshot.record(
        series: SeriesID(series),
        minute: Self.minute
      )
    else {
      Issue.record("series \(series) is missing")
      return
    }
    let span = record.bytes
    #expect(span.indices.map { span[$0] } == Self.body(text))
  }
}
