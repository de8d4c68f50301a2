import Model
import Query
import TestSupport
import Testing

/// Goal: answers have exactly the shapes that clients rely on, and every value survives. Method:
/// snapshots, then seeded values read back.
@Suite struct RangeAnswerWriterTests {
  static func buckets(
    _ type: ColumnType,
    _ present: [Int],
    _ columns: [(aggregate: Aggregate, values: AnswerValues)],
    count: Int = 2
  ) -> RangeAnswer.Series {
    var set = BucketSet(count: count)
    for index in present { set.insert(index) }
    return RangeAnswer.Series(
      measurement: Array("node".utf8),
      tags: [Model.Tag(key: Array("server".utf8), value: Array("a1b2".utf8))],
      field: Array("cpu_user".utf8),
      type: type,
      content: .buckets(present: set, columns: columns)
    )
  }

  static func cells(_ values: [Double]) -> AnswerValues {
    .float(SharedColumn(values.map(\.bitPattern)))
  }

  @Test func bucketsStandBesideSharedTimestamps() throws {
    let range = TimeRange(start: 1_795_373_340_000_000_000, end: 1_795_373_460_000_000_000)
    var answer = RangeAnswer(
      grid: StepGrid(range: range, step: 60_000_000_000),
      precision: .milliseconds
    )
    answer.series = [
      Self.buckets(
        .float,
        [0],
        [
          (.count, .unsigned([12, 0])), (.min, Self.cells([1.5, 0])), (.max, Self.cells([9, 0])),
          (.avg, Self.cells([4.25, 0])),
        ]
      )
    ]
    answer.statistics.ringWindows = 2_880
    answer.statistics.rowsOpen = 12
    answer.statistics.microseconds = 180
    #expect(
      text(answer.json())
        == #"{"status":"success","data":{"step":60000,"timestamps":[1795373340000,1795373400000],"#
        + #""series":[{"measurement":"node","tags":{"server":"a1b2"},"field":"cpu_user","#
        + #""type":"float","count":[12,0],"min":[1.5,null],"max":[9,null],"avg":[4.25,null]}]},"#
        + #""stats":{"ring_windows":2880,"rollup_windows":0,"#
        + #""chunks_from_statistics":0,"chunks_decoded":0,"#
        + #""chunks_cold":0,"rows_open":12,"microseconds":180}}"#
    )
  }

  @Test func pointsStandInTheirSeries() throws {
    var answer = RangeAnswer(grid: nil, precision: .nanoseconds)
    answer.series = [
      RangeAnswer.Series(
        measurement: Array("node".utf8),
        tags: [],
        field: Array("up".utf8),
        type: .boolean,
        content: .points(
          timestamps: [1, 1_795_373_340_000_000_001],
          values: .boolean([1, 0])
        )
      )
    ]
    answer.warnings = ["a \"block\" is damaged"]
    #expect(
      text(answer.json())
        == #"{"status":"success","data":{"series":[{"measurement":"node","tags":{},"field":"up","#
        + #""type":"boolean","timestamps":[1,"1795373340000000001"],"values":[true,false]}]},"#
        + #""warnings":["a \"block\" is damaged"],"#
        + #""stats":{"ring_windows":0,"rollup_windows":0,"#
        + #""chunks_from_statistics":0,"chunks_decoded":0,"#
        + #""chunks_cold":0,"rows_open":0,"microseconds":0}}"#
    )
  }

  @Test func anEmptyAnswerIsASuccess() {
    let answer = RangeAnswer(grid: nil, precision: .nanoseconds)
    #expect(text(answer.json()).hasPrefix(#"{"status":"success","data":{"series":[]},"stats":{"#))
  }

  static let precisions: [(precision: TimePrecision, timestamp: String)] = [
    (.seconds, "1769860800"), (.milliseconds, "1769860800123"),
    (.microseconds, "1769860800123456"), (.nanoseconds, #""1769860800123456789""#),
  ]

  @Test(arguments: precisions)
  func precisionIsTheUnitOfTimestamps(precision: TimePrecision, timestamp: String) {
    var answer = RangeAnswer(grid: nil, precision: precision)
    answer.series = [
      RangeAnswer.Series(
        measurement: [],
        tags: [],
        field: [],
        type: .float,
        content: .points(timestamps: [noon + 123_456_789], values: Self.cells([1]))
      )
    ]
    #expect(text(answer.json()).contains(#""timestamps":[\#(timestamp)],"values":[1]"#))
  }

  @Test func aStepFinerThanAMillisecondIsAFraction() throws {
    let grid = StepGrid(range: TimeRange(start: 0, end: 1_000), step: 250_000)
    let answer = RangeAnswer(grid: grid, precision: .microseconds)
    #expect(text(answer.json()).contains(#"{"step":0.25,"timestamps":[0],"series":[]}"#))
  }

  static let doubles: [(value: Double, text: String)] = [
    (0, "0"), (-0.0, "-0.0"), (1, "1"), (-1, "-1"), (100, "100"), (0.1, "0.1"), (-2.5, "-2.5"),
    (1.0 / 3, "0.3333333333333333"), (4.25, "4.25"), (0.000001, "1e-6"), (0.0001, "0.0001"),
    (123_456.789, "123456.789"), (1_234_567_890.25, "1234567890.25"),
    (0.30000000000000004, "0.30000000000000004"),
    (9_007_199_254_740_991, "9007199254740991"), (9_007_199_254_740_992, "9007199254740992"),
    (1e15, "1000000000000000"), (1e16, "1e16"), (1.5e300, "1.5e300"), (-1e-7, "-1e-7"),
    (.leastNonzeroMagnitude, "5e-324"), (.greatestFiniteMagnitude, "1.7976931348623157e308"),
    (.infinity, #""+Inf""#), (-.infinity, #""-Inf""#), (.nan, #""NaN""#), (-.nan, #""NaN""#),
  ]

  @Test(arguments: doubles)
  func doublesAreShort(value: Double, expected: String) {
    #expect(Self.shown(Self.cells([value])) == "[\(expected)]")
  }

  @Test(arguments: UInt64(1)...40)
  func everyDoubleReadsBackBitEqual(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let values: [Double] = (0..<500).map { index in
      switch index % 5 {
      case 0: Double(bitPattern: random.next())
      case 1: Double(Int64.random(in: -1_000_000...1_000_000, using: &random)) / 1_000
      case 2: Double(Int64.random(in: -1_000_000_000_000...1_000_000_000_000, using: &random)) / 100
      case 3: Double.random(in: -1e6...1e6, using: &random)
      default: Double(Int64.random(in: .min ... .max, using: &random))
      }
    }.filter(\.isFinite)
    let shown = Self.shown(Self.cells(values)).dropFirst().dropLast().split(separator: ",")
    #expect(shown.count == values.count)
    for (text, value) in zip(shown, values) {
      #expect(Double(text)?.bitPattern == value.bitPattern, "\(text)")
      #expect(text.utf8.count <= value.description.utf8.count, "\(text) for \(value)")
      #expect(!text.contains("+"))
    }
  }

  /// Numbers of few decimals take shorter ways than others: they must not be told from them.
  @Test(arguments: UInt64(1)...20)
  func decimalsAreTheShortest(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var values: [Double] = []
    for _ in 0..<400 {
      let digits = Double(Int64.random(in: 1...99_999_999_999, using: &random))
      let power = [1, 10, 100, 1_000, 1e6, 1e7][Int.random(in: 0..<6, using: &random)]
      let value = digits / power
      let magnitude = Double.random(in: 1e-4...1e7, using: &random)
      let hundredths = (magnitude * 100).rounded() / 100
      for near in [value, magnitude, hundredths] {
        values += [near, near.nextUp, near.nextDown, -near]
      }
    }
    values += [999_999.99, 999_999.995, 1e6, 1e6.nextDown, 0.01, 0.01.nextDown, 0.005, 0.1, 0.07]
    values.removeAll { $0.magnitude < 1e-4 || $0.magnitude >= 1e15 }
    let expected = values.map { value in
      let plain = "\(value)"
      return plain.hasSuffix(".0") ? String(plain.dropLast(2)) : plain
    }
    #expect(Self.shown(Self.cells(values)) == "[\(expected.joined(separator: ","))]")
  }

  @Test func timestampsOfAGridAreWrittenOneByOne() throws {
    for (start, step, count) in [
      (0, 1, 300), (99_999_990, 7, 20), (1_699_999_999_000, 1_000, 400), (100_000_000, 1, 9),
      (9_007_199_254_740_000, 3, 600), (1_799_999_999, 60, 500), (999_999_999_999_990, 5, 10),
    ] {
      let range = TimeRange(start: Int64(start), end: Int64(start + step * count))
      let grid = try #require(StepGrid(range: range, step: Int64(step)))
      let answer = RangeAnswer(grid: grid, precision: .nanoseconds)
      let times = (0..<grid.count).map { index -> String in
        let time = grid.start(of: index)
        return time > 1 << 53 ? "\"\(time)\"" : "\(time)"
      }
      let expected = "\"timestamps\":[" + times.joined(separator: ",") + "],"
      #expect(text(answer.json()).contains(expected), "\(start) \(step)")
    }
  }

  @Test func integersBeyondTwoToThe53AreStrings() {
    let signed: [Int64] = [0, -5, 1 << 53, -1 << 53, 1 << 53 + 1, .min, .max]
    #expect(
      Self.shown(.integer(SharedColumn(signed.map(UInt64.init(bitPattern:)))))
        == #"[0,-5,9007199254740992,-9007199254740992,"9007199254740993","#
        + #""-9223372036854775808","9223372036854775807"]"#
    )
    #expect(Self.shown(.unsigned([7, .max])) == #"[7,"18446744073709551615"]"#)
  }

  @Test func sumsAreIntegersWhileTheyFit() {
    let sums: [Int128] = [-3, 1 << 63, 1 << 64, -(1 << 63)]
    #expect(
      Self.shown(.sum(SharedColumn(sums), isSigned: true))
        == #"[-3,9223372036854775808,1.8446744073709552e19,"-9223372036854775808"]"#
        .replacing("9223372036854775808,1", with: "9.223372036854776e18,1")
    )
    #expect(
      Self.shown(.sum([5, 1 << 63, 1 << 64], isSigned: false))
        == #"[5,"9223372036854775808",1.8446744073709552e19]"#
    )
  }

  static let strings: [(bytes: [UInt8], text: String)] = [
    (Array("plain".utf8), #""plain""#),
    (Array("a\"b\\c/d".utf8), #""a\"b\\c/d""#),
    ([0, 1, 8, 9, 10, 11, 12, 13, 31, 127], #""\u0000\u0001\b\t\n\u000b\f\r\u001f"# + "\u{7f}\""),
    (Array("é€😀".utf8), #""é€😀""#),
    ([0xff, 0x41], "\"\u{fffd}A\""),
    ([0xc0, 0xaf], "\"\u{fffd}\u{fffd}\""),
    ([0xe2, 0x82, 0x41], "\"\u{fffd}A\""),
    ([0xed, 0xa0, 0x80], "\"\u{fffd}\u{fffd}\u{fffd}\""),
    ([0xf0, 0x9f, 0x98], "\"\u{fffd}\""),
    ([0xf4, 0x90, 0x80, 0x80], "\"\u{fffd}\u{fffd}\u{fffd}\u{fffd}\""),
    ([0xf5], "\"\u{fffd}\""),
    ([], "\"\""),
  ]

  @Test(arguments: strings)
  func stringsAreValidJSONWhateverTheirBytes(bytes: [UInt8], expected: String) {
    var arena = StringArena()
    let cell = arena.append(bytes) ?? 0
    #expect(Self.shown(.string([cell], arena)) == "[\(expected)]")
  }

  @Test(arguments: UInt64(1)...50)
  func badUTF8IsReplacedAsTheStandardLibraryDoes(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let pool: [UInt8] = [
      0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xff,
    ]
    let bytes = (0..<40).map { _ in pool.randomElement(using: &random) ?? 0 }
    var arena = StringArena()
    let cell = arena.append(bytes) ?? 0
    #expect(
      Self.shown(.string([cell], arena)) == "[\"" + String(decoding: bytes, as: UTF8.self) + "\"]"
    )
  }

  @Test func aLargeAnswerComesInPieces() throws {
    let count = 200_000
    var answer = RangeAnswer(
      grid: StepGrid(range: TimeRange(start: 0, end: Int64(count) * 1_000_000), step: 1_000_000),
      precision: .milliseconds
    )
    let values = (0..<count).map { Double($0) / 4 }
    answer.series = (0..<3).map { _ in
      Self.buckets(.float, Array(0..<count), [(.avg, Self.cells(values))], count: count)
    }
    var writer = RangeAnswerWriter(answer)
    var pieces: [[UInt8]] = []
    while let piece = writer.next() { pieces.append(piece) }
    #expect(pieces.count > 10)
    #expect(pieces.allSatisfy { $0.count <= RangeAnswerWriter.pieceByteCount + 4_096 })
    let list = values.map { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" }.joined(separator: ",")
    let whole = text(pieces.flatMap { $0 })
    #expect(whole.components(of: list) == 3)
    #expect(whole.hasSuffix(#""microseconds":0}}"#))
    #expect(writer.next() == nil)
  }

  /// The `avg` array of an answer with these values.
  static func shown(_ values: AnswerValues) -> String {
    var answer = RangeAnswer(grid: nil, precision: .nanoseconds)
    answer.series = [
      RangeAnswer.Series(
        measurement: [],
        tags: [],
        field: [],
        type: .float,
        content: .points(
          timestamps: SharedColumn(Array(repeating: 0, count: values.count)),
          values: values
        )
      )
    ]
    let whole = text(answer.json())
    guard let start = whole.range(of: #""values":"#), let end = whole.range(of: #"}]},"stats""#)
    else { return whole }
    return String(whole[start.upperBound..<end.lowerBound])
  }
}

extension String {
  /// The first place of `needle`, without Foundation.
  func range(of needle: String) -> Range<String.Index>? { ranges(of: needle).first }

  /// How often `needle` stands here.
  func components(of needle: String) -> Int { ranges(of: needle).count }
}
