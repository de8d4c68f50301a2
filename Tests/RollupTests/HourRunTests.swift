import Bytes
import Model
import Rollup
import TestSupport
import Testing

/// Goal: an hour of windows gives back every member bit for bit, whatever minutes and columns it
/// has; damaged bytes never trap. Method: seeded hours, every cut, flipped bits.
@Suite struct HourRunTests {
  @Test(arguments: UInt64(1)...300)
  func givesBackEveryWindowBitForBit(seed: UInt64) throws {
    let sample = HourSample(seed: seed)
    let (head, runs) = sample.encoded()
    let faults = try sample.faults(head, runs)
    #expect(faults == [], "seed \(seed)")
  }

  @Test func aDecoderReadsHourAfterHour() throws {
    var decoder = HourDecoder()
    for seed in UInt64(1)...60 {
      let sample = HourSample(seed: seed)
      let (head, runs) = sample.encoded()
      // The same head again is not read again; one that is damaged is not taken for it.
      for _ in 0..<2 { #expect(try sample.faults(head, runs, &decoder) == [], "seed \(seed)") }
      let cut = Array(head.dropLast())
      let found: Void? = try? decoder.begin(cut.span, hour: sample.hour)
      let again: Void? = try? decoder.begin(cut.span, hour: sample.hour)
      #expect(found == nil && again == nil)
      #expect(try sample.faults(head, runs, &decoder) == [], "seed \(seed)")
    }
  }

  @Test func sizesAreSmallForWhatFleetsSend() throws {
    // A constant, a counter at a steady rate, a gauge of one decimal.
    var random = SeededRandom(seed: 7)
    var gauge = 500
    let columns: [[Cell]] = [
      Array(repeating: 42.5.bitPattern, count: 3600),
      (0..<3600).map { Double(1_000_000 + 250 * $0).bitPattern },
      (0..<3600).map { _ in
        gauge += Int.random(in: -5...5, using: &random)
        return (Double(gauge) / 10).bitPattern
      },
    ]
    let sample = HourSample(everySecond: columns)
    let (head, runs) = sample.encoded()
    #expect(try sample.faults(head, runs) == [])
    #expect(head.count <= 24)
    #expect(runs[0].count <= 16)
    #expect(runs[1].count <= 40)
    #expect(runs[2].count <= 400)
  }

  @Test(arguments: UInt64(1)...8)
  func everyCutAndEveryFlippedBitIsSafe(seed: UInt64) {
    let sample = HourSample(seed: seed, columnCountMax: 6)
    let (head, runs) = sample.encoded()
    for cut in 0..<head.count {
      let part = Array(head[..<cut])
      let found = try? HourDecoder(part.span, hour: sample.hour)
      #expect(found == nil)
    }
    for bit in 0..<head.count * 8 {
      _ = try? sample.faults(head.flipping(bit: bit), runs)
    }
    for column in runs.indices where !runs[column].isEmpty {
      for cut in 1..<runs[column].count {
        var damaged = runs
        damaged[column] = Array(runs[column][..<cut])
        let faults = try? sample.faults(head, damaged)
        #expect(faults == nil, "cut at \(cut)")
      }
      for bit in stride(from: 0, to: runs[column].count * 8, by: 3) {
        var damaged = runs
        damaged[column] = runs[column].flipping(bit: bit)
        _ = try? sample.faults(head, damaged)
      }
    }
  }

  @Test(arguments: UInt64(1)...200)
  func randomBytesAreSafe(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let sample = HourSample(seed: seed, columnCountMax: 4)
    var (head, runs) = sample.encoded()
    let place = Int.random(in: 1..<head.count, using: &random)
    if random.oneIn(2) { head[place] = UInt8(truncatingIfNeeded: random.next()) }
    for column in runs.indices where !runs[column].isEmpty {
      for _ in 0..<5 {
        let place = Int.random(in: 0..<runs[column].count, using: &random)
        runs[column][place] = UInt8(truncatingIfNeeded: random.next())
      }
    }
    _ = try? sample.faults(head, runs)
  }
}

/// The windows of some columns in one hour.
struct HourSample {
  let hour: Int64 = 472_222
  var types: [ColumnType] = []
  /// Sixty a column; those that are missing with a count of 0.
  var columns: [[Window]] = []
  var strings = StringArena()

  static let missing = Window(
    count: 0,
    sum: .zero,
    min: 0,
    max: 0,
    first: 0,
    last: 0,
    firstTimestamp: 0,
    lastTimestamp: 0
  )

  init(seed: UInt64, columnCountMax: Int = 24) {
    var random = SeededRandom(seed: seed)
    let present = random.oneIn(3) ? UInt64.max : random.next() | random.next()
    let isShared = random.oneIn(2)
    var shared: [[Timestamp]] = []
    for minute in 0..<60 {
      let count = Int.random(in: 1...70, using: &random)
      shared.append(
        ColumnSamples.times(minute: hour * 60 + Int64(minute), count: count, &random)
      )
    }
    for _ in 0..<Int.random(in: 1...columnCountMax, using: &random) {
      let type: ColumnType =
        random.oneIn(2) ? .float : ColumnType.allCases.randomElement(using: &random) ?? .float
      types.append(type)
      var windows = [Window](repeating: Self.missing, count: 60)
      // Most columns go on as they began; some are of another kind each minute.
      let isSteady = random.oneIn(2)
      let columnSeed = random.next()
      for minute in 0..<60 where present & 1 << UInt64(minute) != 0 {
        if !isShared, random.oneIn(9) { continue }
        var times = shared[minute]
        if !isShared, random.oneIn(9) { times = [times[0]] }
        var cellRandom = isSteady ? SeededRandom(seed: columnSeed) : random
        let cells = ColumnSamples.cells(type, count: times.count, strings: &strings, &cellRandom)
        if !isSteady { random = cellRandom }
        windows[minute] = NaiveFold.window(cells, times, type)
      }
      columns.append(windows)
    }
  }

  /// Float columns with a value a second.
  init(everySecond cells: [[Cell]]) {
    for column in cells {
      types.append(.float)
      columns.append(
        (0..<60).map { minute in
          let times = (0..<60).map {
            (hour * 3600 + Int64(minute * 60 + $0)) * Nanoseconds.perSecond
          }
          return NaiveFold.window(Array(column[minute * 60..<minute * 60 + 60]), times, .float)
        }
      )
    }
  }

  func encoded() -> (head: [UInt8], runs: [[UInt8]]) {
    var encoder = HourEncoder(hour: hour, fieldSet: FieldSetID(9), columnCount: types.count)
    var runs: [[UInt8]] = []
    for (type, windows) in zip(types, columns) {
      var run = OutputBuffer()
      encoder.encode(windows.span, type: type, strings: strings, into: &run)
      runs.append(run.array())
    }
    var head = OutputBuffer()
    encoder.encodeHead(into: &head)
    return (head.array(), runs)
  }

  /// What reads back differently.
  func faults(_ head: [UInt8], _ runs: [[UInt8]]) throws -> [String] {
    var decoder = HourDecoder()
    return try faults(head, runs, &decoder)
  }

  /// The same with a decoder that may have read other hours.
  func faults(
    _ head: [UInt8],
    _ runs: [[UInt8]],
    _ decoder: inout HourDecoder
  ) throws -> [String] {
    try decoder.begin(head.span, hour: hour)
    var faults: [String] = []
    if decoder.fieldSet != FieldSetID(9) || decoder.columnCount != types.count {
      faults.append("head")
    }
    for (column, run) in runs.enumerated() {
      var found = [Window](repeating: RecordSample.window(1, count: 2), count: 60)
      var texts = StringArena()
      _ = texts.append([1, 2, 3])
      try decoder.decode(run.span, type: types[column], into: &found, strings: &texts)
      for minute in 0..<60 {
        var (left, right) = (columns[column][minute], found[minute])
        if left.count == 0, right.count == 0 { continue }
        if types[column] == .string {
          let isSame =
            strings.slice(left.first) == texts.slice(right.first)
            && strings.slice(left.last) == texts.slice(right.last)
          if !isSame { faults.append("text of column \(column), minute \(minute)") }
          (left.first, left.last, right.first, right.last) = (0, 0, 0, 0)
        }
        if left != right { faults.append("column \(column), minute \(minute): \(left) \(right)") }
      }
    }
    return faults
  }
}
