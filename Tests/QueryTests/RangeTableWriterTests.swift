import Model
import Query
import TestSupport
import Testing

/// Goal: a table says what the JSON of the same answer says, a row a time of a series.
@Suite struct RangeTableWriterTests {
  private func series(
    _ tags: [(String, String)],
    _ field: String,
    _ timestamps: [Timestamp],
    _ values: AnswerValues,
    _ type: ColumnType = .float
  ) -> RangeAnswer.Series {
    RangeAnswer.Series(
      measurement: Array("node".utf8),
      tags: tags.map { Model.Tag(key: Array($0.utf8), value: Array($1.utf8)) },
      field: Array(field.utf8),
      type: type,
      content: .points(timestamps: SharedColumn(timestamps), values: values)
    )
  }

  private func strings(_ texts: [String]) -> AnswerValues {
    var arena = StringArena()
    let cells = texts.map { arena.append(Array($0.utf8)) ?? 0 }
    return .string(SharedColumn(cells), arena)
  }

  private func floats(_ values: [Double]) -> AnswerValues { RangeAnswerWriterTests.cells(values) }

  private func csv(_ answer: RangeAnswer) -> String {
    var writer = RangeTableWriter(answer)
    var bytes: [UInt8] = []
    while let piece = writer.next() { bytes += piece }
    #expect(writer.isDone)
    #expect(writer.next() == nil)
    return text(bytes)
  }

  @Test func fieldsOfOneTimeStandInOneRow() {
    var answer = RangeAnswer(grid: nil, precision: .nanoseconds)
    answer.series = [
      series(
        [("server", "a1")],
        "cpu",
        [1_750_000_020_000_000_000, 1_750_000_030_000_000_000],
        floats([12.5, -0.0])
      ),
      series([("server", "a1")], "os", [1_750_000_030_000_000_000], strings([""]), .string),
      series([("region", "x,\"y\""), ("server", "b\n2")], "os", [3], strings(["a,b"]), .string),
      series(
        [("region", "x,\"y\""), ("server", "b\n2")],
        "seen",
        [2],
        .integer([UInt64(bitPattern: -9_007_199_254_740_993)]),
        .integer
      ),
    ]
    #expect(
      csv(answer) == """
        time,region,server,cpu,os,seen
        1750000020000000000,,a1,12.5,,
        1750000030000000000,,a1,-0.0,"",
        2,"x,""y\""","b\n2",,,-9007199254740993
        3,"x,""y\""","b\n2",,"a,b",

        """
    )
  }

  @Test func numbersThatAreNoneAreSpelt() {
    var answer = RangeAnswer(grid: nil, precision: .seconds)
    answer.series = [
      series([], "f", [0, 1_000_000_000, 2_000_000_000], floats([.nan, .infinity, -.infinity])),
      series([], "on", [0], .boolean([1]), .boolean),
      series([], "u", [2_000_000_000], .unsigned([.max]), .unsigned),
    ]
    #expect(csv(answer) == "time,f,on,u\n0,NaN,true,\n1,+Inf,,\n2,-Inf,,18446744073709551615\n")
  }

  @Test func aTagThatIsCalledLikeAColumnIsToldFromIt() {
    var answer = RangeAnswer(grid: nil, precision: .seconds)
    answer.series = [series([("f", "x"), ("time", "y")], "f", [0], floats([1]))]
    #expect(csv(answer) == "time,tag.f,tag.time,f\n0,x,y,1\n")
  }

  @Test func anEmptyAnswerIsItsHead() {
    #expect(csv(RangeAnswer(grid: nil, precision: .seconds)) == "time\n")
  }

  @Test func bucketsWithoutAnyPointAreLeftOut() throws {
    let range = TimeRange(start: 0, end: 180_000_000_000)
    var answer = RangeAnswer(
      grid: StepGrid(range: range, step: 60_000_000_000),
      precision: .milliseconds
    )
    let floats = RangeAnswerWriterTests.buckets(
      .float,
      [0, 2],
      [(.count, .unsigned([2, 0, 1])), (.max, self.floats([9, 0, 7.25]))],
      count: 3
    )
    var texts = RangeAnswerWriterTests.buckets(
      .string,
      [2],
      [(.count, .unsigned([0, 0, 4]))],
      count: 3
    )
    texts.field = Array("os".utf8)
    var sums = RangeAnswerWriterTests.buckets(
      .integer,
      [2],
      [(.sum, .sum([0, 0, Int128(Int64.max) + 1], isSigned: true))],
      count: 3
    )
    sums.field = Array("n".utf8)
    answer.series = [floats, texts, sums]
    #expect(
      csv(answer) == """
        time,server,count(cpu_user),max(cpu_user),count(os),sum(n)
        0,a1b2,2,9,0,
        120000,a1b2,1,7.25,4,9.223372036854776e18

        """
    )
  }

  /// Pieces end between rows of a series and between series; nothing is lost there.
  @Test(arguments: 1...8) func tablesInPiecesHoldEveryPoint(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var answer = RangeAnswer(grid: nil, precision: .nanoseconds)
    var expected: [String] = []
    for host in 0..<20 {
      var rows: [Timestamp: [Int: Double]] = [:]
      for field in 0..<3 where Int.random(in: 0..<5, using: &random) > 0 {
        var times: [Timestamp] = []
        var values: [Double] = []
        for time in 0..<1_500 where Int.random(in: 0..<4, using: &random) > 0 {
          let value = Double(Int.random(in: -9_999...9_999, using: &random)) / 8
          times.append(Timestamp(time))
          values.append(value)
          rows[Timestamp(time), default: [:]][field] = value
        }
        answer.series.append(series([("h", "\(host)")], "f\(field)", times, floats(values)))
      }
      for (time, cells) in rows.sorted(by: { $0.key < $1.key }) {
        let texts = (0..<3).map { field in
          cells[field].map { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" } ?? ""
        }
        expected.append("\(time),\(host),\(texts.joined(separator: ","))")
      }
    }
    // The first host may lack a field, so that columns come in another order.
    let lines = csv(answer).split(separator: "\n").map(String.init)
    let columns = lines[0].split(separator: ",").dropFirst(2).map { Int($0.dropFirst()) ?? 0 }
    #expect(columns.sorted() == [0, 1, 2])
    let sorted = lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      var fields = ["", "", ""]
      for (column, field) in columns.enumerated() { fields[field] = cells[2 + column] }
      return (cells[0...1] + fields).joined(separator: ",")
    }
    #expect(sorted == expected)
  }
}
