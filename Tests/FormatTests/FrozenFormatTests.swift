import Bytes
import Model
import Platform
import Ring
import Rollup
import TestSupport
import Testing

/// Version 1 of the frozen file and of the hour of windows (docs/format/frozen.md, hour.md) open
/// for ever, and are still what is written.
@Suite struct FrozenFormatTests {
  private static let hour: Int64 = 472_222
  private static let path = "/ring/13.0.frozen"

  /// Series 7 with two runs; series 9 is left to blocks.
  private func written() throws -> (bytes: [UInt8], progress: [RingProgress]) {
    let disk = FaultyDisk()
    try disk.createDirectory("/ring")
    let ring = try RingRegion.open(
      disk: disk,
      directory: "/ring",
      partition: PartitionID(3),
      committed: [],
      cut: 41
    ).region
    let freeze = ring.beginRebuild(Self.hour, cut: 41)
    let writer = try ring.makeWriter(for: freeze)
    let runs = [UInt8](text: "run 0run one")
    let head = [UInt8](text: "head")
    try writer.append(series: SeriesID(7), head: head.span, runs: runs.span, ends: [5, 12])
    try writer.appendUnknown(series: SeriesID(9))
    let frozen = try writer.finish()
    #expect(ring.install(frozen))
    return (try disk.read(Self.path, byteCountMax: 1 << 20), ring.progress)
  }

  @Test func aFrozenFileIsWrittenAsEver() throws {
    let (bytes, progress) = try written()
    let expected = RingProgress(
      hour: Self.hour,
      byteCount: UInt64(bytes.count),
      kind: .frozen,
      number: 0
    )
    #expect(progress == [expected])
    #expect(try Fixtures.matches("format-v1/ring.frozen", bytes))
    #expect(try FormatPage("frozen.md").shows(bytes))
  }

  @Test func aFrozenFileIsRead() throws {
    let bytes = try Fixtures.bytes("format-v1/ring.frozen")
    let disk = FaultyDisk(files: [Self.path: bytes])
    let progress = RingProgress(hour: Self.hour, byteCount: UInt64(bytes.count), kind: .frozen)
    let (ring, recovery) = try RingRegion.open(
      disk: disk,
      directory: "/ring",
      partition: PartitionID(3),
      committed: [progress],
      cut: 41
    )
    #expect(recovery.damages == [])
    #expect(ring.snapshot.coveredHours == [Self.hour])
    guard case .found(let section) = ring.snapshot.frozen(series: SeriesID(7), hour: Self.hour)
    else {
      Issue.record("series 7 is missing")
      return
    }
    var found: [[UInt8]] = []
    let isSound = section.withRuns([0, 1]) { _, bytes in
      found.append(bytes.indices.map { bytes[$0] })
      return true
    }
    #expect(isSound)
    #expect(found == [[UInt8](text: "run 0"), [UInt8](text: "run one")])
    guard case .damaged = ring.snapshot.frozen(series: SeriesID(9), hour: Self.hour) else {
      Issue.record("blocks answer for series 9")
      return
    }
    guard case .absent = ring.snapshot.frozen(series: SeriesID(8), hour: Self.hour) else {
      Issue.record("series 8 has nothing")
      return
    }
  }

  /// One column of one decimal in the minutes 0 and 2 of the hour.
  private static func windows() -> [Window] {
    var windows = [Window](
      repeating: Window(
        count: 0,
        sum: .zero,
        min: 0,
        max: 0,
        first: 0,
        last: 0,
        firstTimestamp: 0,
        lastTimestamp: 0
      ),
      count: 60
    )
    for (minute, sum) in [(0, (1404.3).nextUp), (2, 1500.0)] {
      let start = (hour * 60 + Int64(minute)) * Nanoseconds.perMinute
      windows[minute] = Window(
        count: 60,
        sum: WindowSum(float: sum),
        min: (20.1).bitPattern,
        max: (31.2).bitPattern,
        first: (23.4).bitPattern,
        last: (25.6).bitPattern,
        firstTimestamp: start,
        lastTimestamp: start + 59 * Nanoseconds.perSecond
      )
    }
    return windows
  }

  @Test func anHourIsWrittenAsEver() throws {
    var encoder = HourEncoder(hour: Self.hour, fieldSet: FieldSetID(300), columnCount: 1)
    let windows = Self.windows()
    var run = OutputBuffer()
    encoder.encode(windows.span, type: .float, strings: StringArena(), into: &run)
    var head = OutputBuffer()
    encoder.encodeHead(into: &head)
    #expect(try Fixtures.matches("format-v1/hour.head", head.array()))
    #expect(try Fixtures.matches("format-v1/hour.run", run.array()))
    let page = try FormatPage("hour.md")
    #expect(page.shows(head.array()))
    #expect(page.shows(run.array()))
  }

  @Test func anHourIsRead() throws {
    let head = try Fixtures.bytes("format-v1/hour.head")
    let run = try Fixtures.bytes("format-v1/hour.run")
    var decoder = try HourDecoder(head.span, hour: Self.hour)
    #expect(decoder.fieldSet == FieldSetID(300))
    #expect(decoder.columnCount == 1)
    var windows = Self.windows()
    for minute in windows.indices { windows[minute].min = 1 }
    var strings = StringArena()
    try decoder.decode(run.span, type: .float, into: &windows, strings: &strings)
    let expected = Self.windows()
    for minute in windows.indices where windows[minute].count > 0 || expected[minute].count > 0 {
      #expect(windows[minute] == expected[minute])
    }
  }
}
