import Benchmark
import Bytes
import ColumnData
import Model
import Platform
import Ring
import Rollup

/// Two days of one server's minutes in a ring, half of its use in open hours and half in frozen.
final class RingBench {
  static let columnCount = 2_000
  static let firstHour = Int64(Lines.start) / 3_600
  static let hourCount: Int64 = 48

  private let folder = Folder()
  let region: RingRegion
  let types = Array(repeating: ColumnType.float, count: columnCount)
  private var cut: UInt64 = 0
  /// A minute of all columns, one value a second.
  let columns: [[Cell]]
  let timestamps: [Timestamp]
  private let buffer = RecordBuffer()

  private final class RecordBuffer { var bytes = OutputBuffer(reserving: 1 << 20) }

  init() throws {
    region = try RingRegion.open(
      disk: RealDisk(),
      directory: folder.path,
      partition: PartitionID(0),
      committed: [],
      cut: 0
    ).region
    columns = (0..<Self.columnCount).map { column in
      let kind: ColumnClass = column % 3 == 0 ? .counterSmall : .gaugeTwoDecimals
      return kind.cells(60, seed: UInt64(column))
    }
    let start = Self.firstHour * Nanoseconds.perHour
    timestamps = (0..<60).map { start + Int64($0) * Nanoseconds.perSecond }
  }

  /// Folds a minute and appends its record to an hour that is open.
  func fold(minute: Int64) throws {
    let runs = [MinuteRun(minute: minute, rows: 0..<60)]
    var windows: [Window] = []
    windows.reserveCapacity(columns.count)
    let moved = (minute - Self.firstHour * 60) * Nanoseconds.perMinute
    let times = timestamps.map { $0 + moved }
    for column in columns {
      WindowFolder.fold(
        column.span,
        type: .float,
        timestamps: times.span,
        runs: runs,
        into: &windows
      )
    }
    buffer.bytes.removeAll()
    WindowRecord.encode(
      fieldSet: FieldSetID(1),
      minute: minute,
      types: types,
      windows: windows,
      run: 0,
      of: 1,
      strings: StringArena(),
      into: &buffer.bytes
    )
    if !region.hasHour(minute / 60) {
      cut += 1
      try region.beginHour(minute / 60, isComplete: true, cut: cut)
    }
    try buffer.bytes.withBytes { (bytes) throws(SystemError) in
      try region.append(series: SeriesID(0), minute: minute, cut: cut, record: bytes)
    }
  }

  func fill() throws {
    for minute in Self.firstHour * 60..<(Self.firstHour + Self.hourCount) * 60 {
      try fold(minute: minute)
    }
    region.publish()
  }

  /// Freezes every hour, as the engine does when an hour has ended.
  func freeze() throws {
    for hour in Self.firstHour..<Self.firstHour + Self.hourCount {
      guard let freeze = region.beginFreeze(hour, cut: cut) else {
        preconditionFailure("hour \(hour) cannot be frozen")
      }
      let writer = try region.makeWriter(for: freeze)
      var encoder = HourEncoder(hour: hour, fieldSet: FieldSetID(1), columnCount: types.count)
      var columns = Array(repeating: [Window](), count: types.count)
      var strings = StringArena()
      for minute in hour * 60..<hour * 60 + 60 {
        guard case .found(let record) = freeze.record(series: SeriesID(0), minute: minute) else {
          preconditionFailure("minute \(minute) is missing")
        }
        var found: [Window?] = []
        try WindowRecord.decode(
          record.bytes,
          types: types,
          wanted: Array(types.indices),
          minute: minute,
          into: &found,
          strings: &strings
        )
        for (column, window) in found.enumerated() {
          if let window { columns[column].append(window) }
        }
      }
      var body = OutputBuffer()
      var ends: [Int] = []
      for windows in columns {
        encoder.encode(windows.span, type: .float, strings: strings, into: &body)
        ends.append(body.count)
      }
      var head = OutputBuffer()
      encoder.encodeHead(into: &head)
      let (headBytes, bodyBytes) = (head.array(), body.array())
      try writer.append(
        series: SeriesID(0),
        head: headBytes.span,
        runs: bodyBytes.span,
        ends: ends
      )
      _ = region.install(try writer.finish())
    }
    region.publish()
  }

  /// One column's 2,880 windows from the records of open hours.
  func readOpen(_ column: Int) throws -> Int {
    let scan = RingScan(region.snapshot)
    var windows: [Window?] = []
    var strings = StringArena()
    for minute in Self.firstHour * 60..<(Self.firstHour + Self.hourCount) * 60 {
      guard case .found(let record) = scan.record(series: SeriesID(0), minute: minute) else {
        preconditionFailure("minute \(minute) is missing")
      }
      try WindowRecord.decode(
        record.bytes,
        types: types,
        wanted: [column],
        minute: minute,
        into: &windows,
        strings: &strings
      )
    }
    return windows.count
  }

  /// The same from frozen hours.
  func readFrozen(_ column: Int) throws -> Int {
    let scan = RingScan(region.snapshot)
    var decoder = HourDecoder()
    var strings = StringArena()
    var count = 0
    var windows = Array(
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
    for hour in Self.firstHour..<Self.firstHour + Self.hourCount {
      guard case .found(let section) = scan.frozen(series: SeriesID(0), hour: hour) else {
        preconditionFailure("hour \(hour) is missing")
      }
      try decoder.begin(section.head, hour: hour)
      let isRead = section.withRuns([column]) { _, bytes in
        (try? decoder.decode(bytes, type: .float, into: &windows, strings: &strings)) != nil
      }
      precondition(isRead, "hour \(hour) is damaged")
      count += windows.count
    }
    return count
  }
}

func ringBenchmarks() {
  let windowCount = Int(RingBench.hourCount) * 60
  Benchmark("ring: fold a minute of 2,000 columns, append its record") { benchmark, bench in
    try measure(benchmark, points: RingBench.columnCount * 60) {
      try bench.fold(minute: RingBench.firstHour * 60)
    }
  } setup: {
    try RingBench()
  }
  Benchmark("ring: read 2,880 windows of open hours") { benchmark, bench in
    try measure(benchmark, points: windowCount) {
      let count = try bench.readOpen(1_234)
      precondition(count == windowCount, "a window is missing")
    }
  } setup: { () throws -> RingBench in
    let bench = try RingBench()
    try bench.fill()
    return bench
  }
  Benchmark("ring: read 2,880 windows of frozen hours") { benchmark, bench in
    try measure(benchmark, points: windowCount) {
      let count = try bench.readFrozen(1_234)
      precondition(count == windowCount, "a window is missing")
    }
  } setup: { () throws -> RingBench in
    let bench = try RingBench()
    try bench.fill()
    try bench.freeze()
    return bench
  }
}
