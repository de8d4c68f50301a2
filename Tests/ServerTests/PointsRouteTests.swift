import Server
import TestSupport
import Testing

/// `POST /api/v1/points`.
struct PointsRouteTests {
  private static let query = "start=0&end=2000000000&precision=ns&"

  @Test func objectsAndArraysOfThemBecomeRows() async throws {
    try await TestServer.run { server in
      let answer = try await server.post(
        "/api/v1/points",
        """
        {"serverId":"a1","metricId":"cpu","value":0,"ts":1000000000}
        [{"serverId":"a1","metricId":"cpu","value":1.25,"ts":1000000001},
         {"ts":"2001-09-09T01:46:42Z","value":-3e2,"metricId":"cpu","serverId":"a1"}]
        {"serverId":7,"metricId":"up","value":true,"ts":1000000000.5,"measurement":"hosts",
         "tags":{"rack":"b 2","zone":"eu=1"}}
        """
      )
      #expect(answer.status == 200, "\(answer.body)")
      #expect(answer.body == #"{"status":"success","accepted":4,"rejected":0}"#)
      #expect(answer.headers["x-points-written"] == "4")
      let cpu = try await server.range("measurement=metrics&tag.server=a1&field=cpu&" + Self.query)
      #expect(cpu.contains(#""type":"float""#))
      #expect(cpu.contains(#""values":[0,1.25,-300]"#), "\(cpu)")
      let up = try await server.range("measurement=hosts&tag.server=7&field=up&" + Self.query)
      #expect(up.contains(#""tags":{"rack":"b 2","server":"7","zone":"eu=1"}"#), "\(up)")
      #expect(up.contains(#""timestamps":["1000000000500000000"]"#), "\(up)")
    }
  }

  /// A string that a parser would take for one that nobody closed, and the rest of it for rows.
  @Test func aStringIsNoRowWhateverItHolds() async throws {
    try await TestServer.run { server in
      let long = String(repeating: "x", count: 600_000)
      for text in [
        #"n\n#ack b\nevil f=1 1000000000\nmore"#, #"n\r\n#ack \nevil f=1 1000000000\n"#,
        #"n\nevil f=1 1000000000\n\#(long)"#,
      ] {
        let answer = try await server.post(
          "/api/v1/points",
          #"""
          [{"serverId":"s","metricId":"text","value":"before","ts":1000000000},
           {"serverId":"s","metricId":"text","value":"\#(text)","ts":1000000001},
           {"serverId":"s","metricId":"text","value":"after","ts":1000000002}]
          """#
        )
        #expect(answer.status == 422)
        #expect(answer.body.contains(#""accepted":2,"rejected":1"#), "\(answer.body.prefix(300))")
        #expect(answer.body.contains(#"{"item":1,"reason":"unparsable""#))
      }
      let evil = try await server.range("measurement=evil&field=f&" + Self.query)
      #expect(evil.contains(#""series":[]"#))
    }
  }

  @Test func numbersAreExactAndStringsKeepEveryByte() async throws {
    try await TestServer.run { server in
      let answer = try await server.post(
        "/api/v1/points",
        #"""
        [{"serverId":"s","metricId":"big","value":9007199254740993,"ts":1000000000},
         {"serverId":"s","metricId":"big","value":5,"ts":1000000001},
         {"serverId":"s","metricId":"huge","value":18446744073709551615,"ts":1000000000},
         {"serverId":"s","metricId":"f","value":0.1,"ts":1000000000},
         {"serverId":"s","metricId":"f","value":-0.0,"ts":1000000001},
         {"serverId":"s","metricId":"f","value":4503599627370497,"ts":1000000002},
         {"serverId":"s","metricId":"text","value":"a\n\"b\" \\ \u00e9\ud83d\ude00",
          "ts":1000000000},
         {"serverId":"s","metricId":"f","value":"no","ts":1000000003},
         {"serverId":"s","metricId":"f","value":9007199254740993,"ts":1000000004}]
        """#
      )
      #expect(answer.status == 422)
      #expect(answer.body.contains(#""accepted":7,"rejected":2"#), "\(answer.body)")
      #expect(answer.body.contains(#"{"item":7,"reason":"type_conflict""#), "\(answer.body)")
      #expect(answer.body.contains(#"{"item":8,"reason":"type_conflict""#), "\(answer.body)")
      for (field, values) in [
        ("big", #"["9007199254740993",5]"#), ("huge", #"["18446744073709551615"]"#),
        ("f", "[0.1,-0.0,4503599627370497]"), ("text", #"["a\n\"b\" \\ é😀"]"#),
      ] {
        let range = try await server.range("measurement=metrics&field=\(field)&" + Self.query)
        #expect(range.contains(#""values":"# + values), "\(range)")
      }
    }
  }

  @Test func everyItemHasItsOwnVerdict() async throws {
    try await TestServer.run { server in
      let answer = try await server.post(
        "/api/v1/points",
        """
        [{"serverId":"s","metricId":"m","value":1,"ts":1000000000},
         {"serverId":"s","metricId":"m","ts":1000000000},
         17, "text, with a comma", null,
         {"serverId":"s","metricId":"m","value":01},
         {"serverId":"s","metricId":"m","value":1,"unit":"s"},
         {"serverId":"","metricId":"m","value":1},
         {"serverId":"s","metricId":"m","value":2,"ts":4000000000},
         {"serverId":"s","metricId":"m","value":3,"ts":1000000001},
         {"serverId":"s","metricId":"m","value":
        """
      )
      #expect(answer.status == 422)
      #expect(answer.body.contains(#""accepted":2"#), "\(answer.body)")
      for (item, error) in [
        (1, "value is missing"), (2, "expected an object, found a number"),
        (3, "expected an object, found a string"), (4, "expected an object, found null"),
        (5, "leading zero"), (6, "there is no member 'unit'"), (7, "serverId is empty"),
        (10, "the body ends inside of this"),
      ] {
        let entry = #"{"item":\#(item),"reason":"unparsable","error":""#
        let start = answer.body.firstRange(of: entry)?.upperBound ?? answer.body.endIndex
        #expect(answer.body[start...].prefix(40).contains(error), "\(item): \(answer.body)")
      }
      #expect(answer.body.contains(#"{"item":8,"reason":"future""#), "\(answer.body)")
      #expect(answer.body.contains(#""error":"9 of 11 items were refused"#), "\(answer.body)")
      let bad = try await server.post("/api/v1/points", "{}")
      #expect(bad.status == 400)
      #expect(bad.body.contains("1 of 1 items were refused, the first is item 0: serverId is"))
      let dry = try await server.post(
        "/api/v1/points?dry_run=1",
        #"{"serverId":"s","metricId":"fresh","value":1}"#
      )
      #expect(dry.status == 200)
      #expect(try await server.range("measurement=metrics&field=fresh").contains(#""series":[]"#))
    }
  }

  /// Each with the rest of a sound item, so that nothing else is wrong with it.
  private static let badMembers = [
    (#""serverID":"s""#, "there is no member 'serverID'; did you mean serverId?"),
    (#""host":"s""#, "there is no member 'host'; expected one of serverId, metricId, value, ts, "),
    (#""metricId":"m""#, "metricId stands twice"),
    (#""serverId":null"#, "serverId is null; expected a string or a number"),
    (#""serverId":["s"]"#, "serverId is an array; expected a string or a number"),
    (#""serverId":"s\\""#, "serverId ends with a backslash"),
    (#""serverId":"a\tb""#, "serverId has a control character"),
    (#""serverId":"s","measurement":"""#, "measurement is empty"),
    (#""serverId":"s","tags":["a"]"#, "expected an object of tags, found an array"),
    (#""serverId":"s","tags":{"a":"b","a":"c"}"#, "tag 'a' stands twice"),
    (#""serverId":"s","tags":{"server":"b"}"#, "tag 'server' is what serverId gives"),
    (#""serverId":"s","tags":{"a":true}"#, "tag 'a' is true; expected a string or a number"),
    (#""serverId":"s","tags":{"":"b"}"#, "the key of a tag is empty"),
    (#""serverId":"s","ts":true"#, "ts: expected a time before the year 2262"),
    (#""serverId":"s","ts":1e30"#, "ts: expected a time before the year 2262"),
    (#""serverId" "s""#, "expected ':', found a string"),
    (#""serverId":"s";"ts":1"#, "expected ',' or '}', found ';'"),
    (#"serverId:"s""#, "expected the name of a member in double quotes, found serverId"),
    (#""serverId":"s","#, "expected the name of a member in double quotes, found '}'"),
  ]

  private static let badValues = [
    ("null", "value is null; expected a number, true, false or a string"),
    ("[1]", "value is an array; expected a number, true, false or a string"),
    ("{}", "value is an object; expected a number, true, false or a string"),
    ("NaN", "value is NaN; expected a number, true, false or a string"),
    ("1e999", "value is beyond what a float holds, 1.8e308"),
    ("-1.5e+309", "value is beyond what a float holds, 1.8e308"),
    (String(repeating: "9", count: 400), "value is beyond what a float holds, 1.8e308"),
    (String(repeating: "9", count: 400) + ".5", "value is beyond what a float holds"),
  ]

  @Test func aMessageNamesTheMember() async throws {
    let items =
      Self.badMembers.map { (#"{"metricId":"m","value":1,\#($0)}"#, $1) }
      + Self.badValues.map { (#"{"serverId":"s","metricId":"m","value":\#($0)}"#, $1) }
    try await TestServer.run { server in
      for (item, message) in items {
        let answer = try await server.post("/api/v1/points?dry_run=1", item)
        #expect(answer.status == 400)
        #expect(answer.body.contains(#""error":"\#(message)"#), "\(item): \(answer.body)")
      }
    }
  }

  @Test func largeAndSmallValuesAreTaken() async throws {
    try await TestServer.run { server in
      for value in ["1e99", "-1e-99", "1.5E300", "1e-400", "123456789012345678901234.5"] {
        let item = #"{"serverId":"s","metricId":"m","value":\#(value),"ts":1000000000}"#
        let answer = try await server.post("/api/v1/points", item)
        #expect(answer.status == 200, "\(answer.body)")
      }
    }
  }

  @Test func aBodyThatEndsTooEarlyIsOneFault() async throws {
    try await TestServer.run { server in
      let item = #"{"serverId":"s","metricId":"m","value":1}"#
      let inside = try await server.post("/api/v1/points?dry_run=1", "[\(item),{\"serverId\":\"s\"")
      #expect(inside.body.contains("1 of 2 items were refused, the first is item 1: the body ends"))
      let between = try await server.post("/api/v1/points?dry_run=1", "[\(item)")
      #expect(between.body.contains("the first is item 1: expected ']' at the end of the body"))
    }
  }

  @Test func aLongBodyIsTranslatedInPiecesWhateverTheCut() async throws {
    try await TestServer.run { server in
      var body = ""
      for index in 0..<20_000 {
        body += #"{"serverId":"s\#(index % 10)","metricId":"m","value":\#(index),"#
        body += #""ts":\#(1_000_000_000 + index / 10)}"# + "\n"
      }
      let answer = try await server.post("/api/v1/points", body)
      #expect(answer.body == #"{"status":"success","accepted":20000,"rejected":0}"#)
      let range = try await server.range(
        "measurement=metrics&tag.server=s3&field=m&step=100000s&agg=count,sum"
          + "&start=1000000000&end=1000002000"
      )
      #expect(range.contains(#""count":[2000],"sum":[19996000]"#), "\(range)")
    }
  }
}
