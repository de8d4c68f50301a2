import Testing
import Tool

/// Goal: what a server answers is shown digit by digit.
struct RangeTextTests {
  private static let stepped = #"""
    {"status":"success","data":{"step":60000,"timestamps":["1795000020000000000",
    1795000080000000000],
    "series":[{"measurement":"node","tags":{"server":"a1","zone":"x"},"field":"cpu","type":"float",
    "min":[1.5,null],"max":[9,null]},{"measurement":"node","tags":{"server":"b,2","zone":"x"},
    "field":"cpu","type":"float","min":["+Inf",-0.0],"max":[1e300,2]}]},
    "stats":{"ring_windows":4,"microseconds":12}}
    """#

  private static func reply(_ text: String) throws -> RangeReply {
    try #require(RangeReply(parsing: Array(text.utf8)))
  }

  @Test func aTablePutsSeriesSideBySide() throws {
    let reply = try Self.reply(Self.stepped)
    #expect(
      RangeText.table(reply, columnCount: nil) == """
        time                 a1 cpu min  a1 cpu max  b,2 cpu min  b,2 cpu max
        2026-11-18 11:07:00         1.5           9         +Inf        1e300
        2026-11-18 11:08:00           -           -         -0.0            2

        """
    )
  }

  @Test func aNarrowTerminalGetsALineATimeAndSeries() throws {
    let reply = try Self.reply(Self.stepped)
    #expect(
      RangeText.table(reply, columnCount: 60) == """
        time                 series                        min    max
        2026-11-18 11:07:00  node{server=a1,zone=x}:cpu    1.5      9
        2026-11-18 11:07:00  node{server=b,2,zone=x}:cpu  +Inf  1e300
        2026-11-18 11:08:00  node{server=b,2,zone=x}:cpu  -0.0      2

        """
    )
  }

  @Test func csvHasAColumnATag() throws {
    let reply = try Self.reply(Self.stepped)
    #expect(
      RangeText.csv(reply) == """
        time,measurement,server,zone,field,min,max
        2026-11-18T11:07:00Z,node,a1,x,cpu,1.5,9
        2026-11-18T11:07:00Z,node,"b,2",x,cpu,+Inf,1e300
        2026-11-18T11:08:00Z,node,"b,2",x,cpu,-0.0,2

        """
    )
  }

  @Test func rawPointsHaveTheirOwnTimes() throws {
    let reply = try Self.reply(
      #"{"status":"success","data":{"series":[{"measurement":"m","tags":{},"field":"s","#
        + #""type":"string","timestamps":["1795000000000000001"],"values":["a\u001b\"b"]}],"#
        + #""next":"x"}}"#
    )
    #expect(reply.hasMore)
    #expect(
      RangeText.csv(reply) == """
        time,measurement,field,value
        2026-11-18T11:06:40.000000001Z,m,s,"a\u{1b}""b"

        """
    )
    #expect(RangeText.table(reply, columnCount: nil).contains("a\\x1b\"b"))
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"status":"error"}"#, #"{"status":"success","data":{"series":[1]}}"#,
  ])
  func whatIsNoAnswerIsNone(text: String) {
    #expect(RangeReply(parsing: Array(text.utf8)) == nil)
  }

  @Test func refusalsAreToldInTheServersWords() {
    func refusal(_ body: String) -> String {
      RangeReply.refusal(.init(status: 400, headers: [], body: Array(body.utf8)))
    }
    #expect(
      refusal(#"{"status":"error","errorType":"bad_data","error":"step: found \"x\""}"#)
        == "the server refuses: step: found \"x\" (bad_data)"
    )
    #expect(refusal("<html>\u{1b}") == "the server answers with status 400: <html>\\x1b")
  }

  // MARK: Charts

  private static func wave(_ count: Int, series: Int, value: (Int) -> String) throws -> RangeReply {
    let times = (0..<count).map { "\(1_795_000_020_000_000_000 + $0 * 60_000_000_000)" }
      .map { "\"\($0)\"" }.joined(separator: ",")
    let list = (0..<series).map { index in
      let values = (0..<count).map { value($0 + index * 10) }.joined(separator: ",")
      return #"{"measurement":"node","tags":{"server":"s\#(index)"},"field":"cpu","type":"float","#
        + #""avg":[\#(values)]}"#
    }
    return try reply(
      #"{"status":"success","data":{"step":60000,"timestamps":[\#(times)],"series":"#
        + "[\(list.joined(separator: ","))]}}"
    )
  }

  @Test func aChartHasAxesAndFitsItsWidth() throws {
    let reply = try Self.wave(120, series: 1) { "\($0 % 40)" }
    let chart = Chart(reply, width: 60, height: 8, isColoured: false)
    let lines = chart.text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 12)
    #expect(lines.allSatisfy { $0.count <= 64 })
    #expect(lines[8].hasPrefix("   └──") || lines[8].hasPrefix("  └──"))
    #expect(lines[9].contains("11:07") && lines[9].hasSuffix(" UTC"))
    #expect(lines[10] == "  node{server=s0}:cpu avg")
    #expect(chart.text.unicodeScalars.contains { (0x2801...0x28ff).contains($0.value) })
    #expect(!chart.text.contains("\u{1b}"))
  }

  @Test func withoutColoursSeriesHaveLetters() throws {
    let reply = try Self.wave(50, series: 3) { "\($0)" }
    let plain = Chart(reply, width: 50, height: 6, isColoured: false).text
    #expect(plain.contains("a") && plain.contains("  c node{server=s2}:cpu avg\n"))
    #expect(!plain.unicodeScalars.contains { (0x2801...0x28ff).contains($0.value) })
    let coloured = Chart(reply, width: 50, height: 6, isColoured: true).text
    #expect(coloured.contains("\u{1b}[36m") && coloured.contains("\u{1b}[0m"))
  }

  @Test(arguments: [
    "0", "-5", "1e300", "1e-300", "123456789", "\"NaN\"", "null", "1.7976931348623157e308",
    "-1.7976931348623157e308", "5e-324",
  ])
  func anyNumberCanBeDrawn(value: String) throws {
    let flat = try Self.wave(3, series: 1) { _ in value }
    _ = Chart(flat, width: 40, height: 4, isColoured: false).text
    let mixed = try Self.wave(3, series: 1) { $0 == 1 ? value : "-1.7976931348623157e308" }
    _ = Chart(mixed, width: 40, height: 4, isColoured: false).text
  }

  @Test func aChartsStepFitsItsDots() {
    #expect(ChartStep.text(spanning: 3_600_000_000_000, buckets: 200) == "30s")
    #expect(ChartStep.text(spanning: 172_800_000_000_000, buckets: 200) == "900s")
    #expect(ChartStep.text(spanning: 1, buckets: 200) == "1s")
    #expect(ChartStep.text(spanning: .max, buckets: 10) == "922924800s")
  }
}
