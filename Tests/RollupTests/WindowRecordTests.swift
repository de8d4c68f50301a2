import Bytes
import Model
import Rollup
import TestSupport
import Testing

/// Goal: a window record gives back every member bit for bit, any wanted columns, of any types;
/// damaged bytes never trap. Method: known sizes, seeded records, every cut and every flipped bit.
@Suite struct WindowRecordTests {
  @Test(arguments: UInt64(1)...200, [true, false])
  func givesBackTheWantedColumnsBitForBit(seed: UInt64, isUniform: Bool) throws {
    let sample = RecordSample(seed: seed, isUniform: isUniform)
    let bytes = sample.encoded()
    #expect(WindowRecord.fieldSet(of: bytes.span) == sample.fieldSet)
    var random = SeededRandom(seed: seed &+ 1000)
    let all = Array(sample.types.indices)
    let some = all.filter { _ in Bool.random(using: &random) }
    let wanted = [all, some, some.shuffled(using: &random), Array(all.suffix(1)), []]
    for wanted in wanted {
      let found = try sample.decode(bytes, wanted: wanted)
      #expect(found == wanted.map { sample.value(ofColumn: $0) }, "seed \(seed)")
    }
  }

  @Test(arguments: UInt64(1)...40)
  func columnsFoldedTogetherAreWrittenTheSame(seed: UInt64) throws {
    var sample = RecordSample(seed: seed, isUniform: true)
    var random = SeededRandom(seed: seed)
    let runCount = Int.random(in: 1...4, using: &random)
    let run = Int.random(in: 0..<runCount, using: &random)
    let other = RecordSample.window(1, count: 2, second: 3)
    let windows = sample.windows.compactMap { $0 }.flatMap { window in
      (0..<runCount).map { $0 == run ? window : other }
    }
    var buffer = OutputBuffer()
    WindowRecord.encode(
      fieldSet: sample.fieldSet,
      minute: sample.minute,
      types: sample.types,
      windows: windows,
      run: run,
      of: runCount,
      strings: sample.strings,
      into: &buffer
    )
    #expect(buffer.array() == sample.encoded())
    // One value missing makes it a mixed record.
    sample.windows[0] = nil
    #expect(buffer.array() != sample.encoded())
  }

  @Test func manyColumnsWithTimingsOfTheirOwn() throws {
    var sample = RecordSample(seed: 1, isUniform: true)
    sample.types = Array(repeating: .unsigned, count: 700)
    sample.windows = (0..<700).map { column in
      column % 5 == 3 ? nil : RecordSample.window(column, count: UInt64(column % 60 + 1))
    }
    let bytes = sample.encoded()
    let all = Array(sample.types.indices)
    #expect(try sample.decode(bytes, wanted: all) == all.map { sample.value(ofColumn: $0) })
    // More than 255 timings, two bytes each.
    #expect(bytes[1] & 0b1100 == 0b1100)
  }

  @Test func theWidestRecord() throws {
    var sample = RecordSample(seed: 1, isUniform: true)
    sample.types = Array(repeating: .unsigned, count: 65_535)
    sample.windows = (0..<65_535).map { RecordSample.window($0, count: 60, second: 0) }
    let bytes = sample.encoded()
    for wanted in [0, 63, 64, 40_000, 65_534] {
      #expect(
        try sample.decode(bytes, wanted: [wanted]) == [sample.value(ofColumn: wanted)]
      )
    }
  }

  @Test func aMinuteWithoutAnyWindow() throws {
    var sample = RecordSample(seed: 1, isUniform: true)
    sample.types = [.float, .string]
    sample.windows = [nil, nil]
    #expect(try sample.decode(sample.encoded(), wanted: [0, 1]) == [nil, nil])
  }

  static let sizes: [(name: String, type: ColumnType, values: [Double], byteCount: Int)] = [
    ("nothing but zero", .float, Array(repeating: 0, count: 60), 2),
    ("a constant", .float, Array(repeating: 42.5, count: 60), 2 + 2),
    (
      "a gauge of one decimal", .float, (0..<60).map { Double(400 + $0 * 7 % 91) / 10 },
      2 + 2 + 3 + 2
    ),
    ("a counter of doubles", .float, (0..<60).map { Double(1_000_000 + $0 * 17) }, 2 + 3 + 2 + 3),
    ("an integer counter", .integer, (0..<60).map { Double(1_000_000 + $0 * 17) }, 2 + 3 + 2 + 3),
    ("a boolean that holds", .boolean, Array(repeating: 1, count: 60), 2 + 1),
    ("noise", .float, (0..<60).map { Double($0 + 1).squareRoot() }, 2 + 8 + 8 + 8),
  ]

  @Test(arguments: sizes)
  func typicalColumnsAreSmall(
    name: String,
    type: ColumnType,
    values: [Double],
    byteCount: Int
  ) throws {
    let times = values.indices.map { Int64($0) * Nanoseconds.perSecond }
    let cells = values.map { type == .float ? $0.bitPattern : UInt64($0) }
    var sample = RecordSample(seed: 1, isUniform: true)
    sample.types = [type]
    sample.minute = 0
    sample.windows = [NaiveFold.window(cells, times, type)]
    let bytes = sample.encoded()
    // Version, flags, field set, columns, count, first, span.
    #expect(bytes.count == 7 + byteCount, "\(name)")
    #expect(try sample.decode(bytes, wanted: [0]) == [sample.value(ofColumn: 0)])
  }

  @Test(arguments: UInt64(1)...12)
  func everyCutAndEveryFlippedBitIsSafe(seed: UInt64) {
    let sample = RecordSample(seed: seed, isUniform: seed % 2 == 0)
    let bytes = sample.encoded()
    let all = Array(sample.types.indices)
    for cut in 0..<bytes.count {
      let found = try? sample.decode(Array(bytes[..<cut]), wanted: all)
      #expect(found == nil, "cut at \(cut)")
    }
    for bit in 0..<bytes.count * 8 {
      let found = try? sample.decode(bytes.flipping(bit: bit), wanted: all)
      #expect(found == nil || found?.count == all.count)
    }
  }

  @Test(arguments: UInt64(1)...200)
  func randomBytesAreSafe(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let sample = RecordSample(seed: seed, isUniform: random.oneIn(2))
    var bytes = sample.encoded()
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      let place = Int.random(in: 2..<bytes.count, using: &random)
      bytes[place] = UInt8(truncatingIfNeeded: random.next())
    }
    _ = try? sample.decode(bytes, wanted: Array(sample.types.indices))
  }

  static let damages: [(name: String, bytes: [UInt8], error: WindowError)] = [
    ("empty", [], .truncated),
    ("another version", [2, 3, 9, 1], .version(2)),
    ("an unknown flag", [1, 0x10, 9, 1], .malformed(.flags)),
    ("a huge field set", [1, 3, 0xff, 0xff, 0xff, 0xff, 0x1f, 1], .malformed(.fieldSet)),
    ("two columns", [1, 3, 9, 2], .columnCount(found: 2, expected: 1)),
    ("no rows", [1, 3, 9, 1, 0, 0, 0, 0, 0], .malformed(.timing)),
    ("a minute of 61 seconds", [1, 3, 9, 1, 60, 1, 59, 0, 0], .malformed(.timing)),
    ("no control word", [1, 3, 9, 1, 60, 0, 59], .truncated),
    ("an unknown form", [1, 3, 9, 1, 60, 0, 59, 0, 0x14], .malformed(.control)),
    ("a bit beyond the form", [1, 3, 9, 1, 60, 0, 59, 0, 0x20], .malformed(.control)),
    ("text in a float column", [1, 3, 9, 1, 60, 0, 59, 4, 0x12, 0, 0, 0, 0], .malformed(.control)),
    ("no payload", [1, 3, 9, 1, 60, 0, 59, 1, 0], .truncated),
    ("an unknown timing", [1, 7, 9, 1, 1, 60, 0, 59, 2, 0, 0], .malformed(.timingIndex)),
  ]

  @Test(arguments: damages)
  func damageIsNamed(name: String, bytes: [UInt8], error: WindowError) {
    var strings = StringArena()
    var windows: [Window?] = []
    #expect(throws: error, "\(name)") {
      try WindowRecord.decode(
        bytes.span,
        types: [.float],
        wanted: [0],
        minute: 0,
        into: &windows,
        strings: &strings
      )
    }
  }
}
