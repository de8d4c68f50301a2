import Model
import Query
import Testing
import Tool

struct TerminalTextTests {
  @Test func controlBytesNeverComeThrough() {
    #expect(TerminalText.escape("a\u{1b}[31mb\nc\td\u{7f}") == "a\\x1b[31mb\\nc\\td\\x7f")
    #expect(TerminalText.escape("\u{9b}31m") == "\\u{9b}31m")
    #expect(TerminalText.escape("a\u{202e}b\u{2028}") == "a\\u{202e}b\\u{2028}")
    #expect(TerminalText.escape([0x61, 0xff, 0xc3, 0x62] as [UInt8]) == "a\\xff\\xc3b")
    #expect(TerminalText.escape("Größe 温度 é") == "Größe 温度 é")
  }

  @Test func everyByteIsHarmless() {
    for first in UInt8.min ... .max {
      for second in [UInt8(0x1b), 0x80, 0x9b, 0xbf, 0x41] {
        let text = TerminalText.escape([first, second])
        #expect(
          text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) }
        )
      }
    }
  }

  @Test func longTextsAreCut() {
    #expect(TerminalText.escape("abcdef", characterCountMax: 3) == "abc…")
    #expect(TerminalText.escape("abc", characterCountMax: 3) == "abc")
  }

  @Test func wideCharactersTakeTwoColumns() {
    #expect(TerminalText.width("温度a") == 5)
    #expect(TerminalText.width("e\u{301}") == 1)
    #expect(TerminalText.padded("温", to: 4) == "温  ")
  }
}

struct TextTableTests {
  private static func table() -> TextTable {
    var table = TextTable(["name", "row_count>", "size>", "at"])
    table.add([.name([0x61, 0x1b]), .integer(1_234_567), .byteCount(1_536), .time(0)])
    table.add([.text("b"), .none, .decimal(2.5, 2), .time(1_500_000_000)])
    return table
  }

  @Test func columnsAreAligned() {
    #expect(
      Self.table().text() == """
        name   row count     size  at
        a\\x1b  1,234,567  1.5 KiB  1970-01-01 00:00:00
        b              -     2.50  1970-01-01 00:00:01.500

        """
    )
  }

  @Test func programsGetPlainNumbers() {
    #expect(
      Self.table().json.text == #"[{"name":"a\u001b","row_count":1234567,"size":1536,"#
        + #""at":"1970-01-01T00:00:00Z"},{"name":"b","row_count":null,"size":2.5,"#
        + #""at":"1970-01-01T00:00:01.5Z"}]"#
    )
  }

  @Test func aReportIsFactsAndTables() {
    var report = TextReport()
    report.fact("block_bytes", .byteCount(10))
    report.fact("rows", .integer(1))
    report.table("names", key: "name_list", Self.table())
    report.table("nothing", key: "none", TextTable(["a"]))
    #expect(report.text.hasPrefix("block bytes  10 B\nrows         1\n\nnames\n  name "))
    #expect(report.json.text.hasPrefix(#"{"block_bytes":10,"rows":1,"name_list":[{"#))
    #expect(report.json.text.hasSuffix(#""none":[]}"#))
  }
}

struct JSONTests {
  @Test func textsReadBackAsTheyWereWritten() throws {
    let text = #"{"a":[1,-2.50e+3,true,null],"b":{"c":"x\"\\\né\ud83d\ude00"},"d":[],"e":{}}"#
    let value = try JSONParser.parse(Array(text.utf8))
    #expect(value["b"]?["c"]?.string == "x\"\\\né😀")
    #expect(value["a"]?.elements?[1].double == -2_500)
    #expect(
      value.text == #"{"a":[1,-2.50e+3,true,null],"b":{"c":"x\"\\\né😀"},"d":[],"e":{}}"#
    )
  }

  @Test func largeIntegersKeepTheirDigits() throws {
    let value = try JSONParser.parse(Array("[9007199254740993,\"-9223372036854775808\"]".utf8))
    #expect(value.elements?.map(\.int64) == [9_007_199_254_740_993, .min])
  }

  @Test func loneHalvesStandForBytes() throws {
    let value = try JSONParser.parse(Array(#"["a\udcff","\udc80"]"#.utf8))
    #expect(value.elements?.map(\.utf8) == [[0x61, 0xff], [0x80]])
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "01", "1.", "+1", "nul", "\"a", "\"\\x\"", "\"\\u12\"", "[1] 2",
    "\"\\ud800\"", "\"a\nb\"", "-", "1e", "{\"a\":1,}",
  ])
  func whatIsNoJSONIsRefused(text: String) {
    #expect(throws: JSONParser.Fault.self) { try JSONParser.parse(Array(text.utf8)) }
  }

  @Test func nestingIsBounded() {
    let text = String(repeating: "[", count: 100_000)
    #expect(throws: JSONParser.Fault.self) { try JSONParser.parse(Array(text.utf8)) }
  }
}

struct TimeTextTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
    (1_795_000_000_000_000_001, "2026-11-18T11:06:40.000000001Z"),
    (4_107_542_399_500_000_000, "2100-02-28T23:59:59.5Z"),
    (Int64.max, "2262-04-11T23:47:16.854775807Z"),
  ])
  func timesAreExact(time: Int64, text: String) throws {
    #expect(TimeFormat.rfc3339(time) == text)
    #expect(try TimeArgument.parse(text, option: "--from", now: 0) == time)
  }

  @Test(arguments: [
    "2026-01-31", "2026-01-31 12:00", "2026-01-31T12:00:00", "2026-01-31T12:00:00.5",
  ])
  func aTimeWithoutZoneIsRefusedWithTheRemedy(text: String) {
    let fault = #expect(throws: TimeArgument.Fault.self) {
      try TimeArgument.parse(text, option: "--from", now: 0)
    }
    #expect(
      fault?.message.contains("--from is \"\(text)\", a time without a zone; write 2026-01-31T")
        == true
    )
    #expect(fault?.message.contains("Z for UTC") == true)
  }

  @Test func relativeTimesAndSecondsAreTaken() throws {
    let now: Int64 = 1_795_000_000_000_000_000
    #expect(try TimeArgument.parse("-1h", option: "x", now: now) == now - 3_600_000_000_000)
    #expect(try TimeArgument.parse("now", option: "x", now: now) == now)
    #expect(try TimeArgument.parse("1.5", option: "x", now: now) == 1_500_000_000)
    #expect(throws: TimeArgument.Fault.self) {
      try TimeArgument.parse("-100y", option: "x", now: now)
    }
    #expect(throws: TimeArgument.Fault.self) { try TimeArgument.parse("-90w", option: "x", now: 5) }
  }
}

struct SelectorTests {
  @Test func allPartsAreRead() throws {
    let text = #"node{server=a1, region!="north\"x",host=~"web\d+",k!~y}:cpu_user , "a,b""#
    let selector = try Selector(parsing: text)
    #expect(selector.measurement == "node")
    #expect(selector.fields == ["cpu_user", "a,b"])
    #expect(
      selector.matchers == [
        .init(key: "server", operator: .equal, value: "a1"),
        .init(key: "region", operator: .notEqual, value: "north\"x"),
        .init(key: "host", operator: .matches, value: "web\\d+"),
        .init(key: "k", operator: .matchesNot, value: "y"),
      ]
    )
  }

  @Test(arguments: ["", "*", "{}", "*{}:*"])
  func nothingIsEverything(text: String) throws {
    #expect(try Selector(parsing: text) == Selector())
  }

  @Test(arguments: [
    "node{", "node{a}", "node{a=}", "a b", "node:", "node}", "\"x", "node{a=b c=d}",
  ])
  func whatIsNoSelectorIsRefused(text: String) {
    #expect(throws: Selector.Fault.self) { try Selector(parsing: text) }
  }

  @Test func matchersCompareWholeValues() throws {
    let tags = [Tag(key: Array("host".utf8), value: Array("web12".utf8))]
    func takes(_ text: String) throws -> Bool {
      try SelectorMatch(Selector(parsing: text)).takes(tags: tags)
    }
    #expect(try takes("{host=web12}"))
    #expect(try !takes("{host=web}"))
    #expect(try takes("{host!=web}"))
    #expect(try takes(#"{host=~"web\d+"}"#))
    #expect(try !takes(#"{host=~"web"}"#))
    #expect(try takes(#"{host!~"web"}"#))
    #expect(try takes(#"{other!=x}"#))
    #expect(try !takes(#"{other=x}"#))
    #expect(throws: Selector.Fault.self) { try SelectorMatch(Selector(parsing: #"{a=~"("}"#)) }
  }

  @Test func aQueryTakesOneMeasurementAndEqualTags() throws {
    var question = try RangeQuestion(
      Selector(parsing: #"node{server="a 1"}:cpu,"x,y""#),
      tags: ["region=eu=1"],
      fields: ["mem"]
    )
    question.step = "60s"
    question.aggregates = "min,max"
    let items = question.items.map { "\($0.name)=\($0.value)" }
    #expect(
      items == [
        "measurement=node", "tag.server=a 1", "tag.region=eu=1", "field=cpu", #"field=x\,y"#,
        "field=mem", "start=-1h", "end=now", "precision=ns", "step=60s", "agg=min,max",
      ]
    )
    #expect(throws: Selector.Fault.self) { try RangeQuestion(Selector(parsing: "{a=b}")) }
    #expect(throws: Selector.Fault.self) { try RangeQuestion(Selector(parsing: "n{a!=b}")) }
    #expect(throws: Selector.Fault.self) { try RangeQuestion.selector("rate(node_cpu[5m])") }
  }
}

struct ProgressTextTests {
  @Test func aLineTellsPercentRateAndTimeLeft() {
    let text = ProgressLine.text(
      "import",
      .bytes,
      done: 3 << 20,
      total: 12 << 20,
      seconds: 2,
      note: "9 rows"
    )
    #expect(text == "import  25%  3 MiB  1.5 MiB/s  ETA 6 s  9 rows")
    let open = ProgressLine.text("read", .items("series"), done: 5_000, total: nil, seconds: 2)
    #expect(open == "read  5,000 series  2.50 k/s")
  }
}

struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func bytesGoIntoJSONAsBase64(text: String, encoded: String) {
    #expect(Base64.text(Array(text.utf8)) == encoded)
  }
}
