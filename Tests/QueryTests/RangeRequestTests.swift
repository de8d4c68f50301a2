import Model
import Query
import Testing

/// Goal: a request means exactly what the interface page says, and what is wrong with it is told in
/// words that are pinned here. Method: tables.
@Suite struct RangeRequestTests {
  static let second: Int64 = 1_000_000_000

  @Test func aBareMeasurementAsksForAllFieldsOfTheLastHourRaw() throws {
    let parsed = try request("measurement=node")
    #expect(parsed.measurement == Array("node".utf8))
    #expect(parsed.fields == .all)
    #expect(parsed.tags.isEmpty)
    #expect(parsed.range == TimeRange(start: noon - 3_600 * Self.second, end: noon))
    #expect(parsed.grid == nil)
    #expect(parsed.groupBy == nil)
    #expect(parsed.aggregates.isEmpty)
    #expect(parsed.precision == .nanoseconds)
    #expect(parsed.limit == 1_000_000)
    #expect(parsed.next == nil)
  }

  @Test func aFullRequestKeepsEveryPart() throws {
    let parsed = try request(
      "measurement=node&tag.server=a1&tag.az.b=c=d&field=cpu,mem&field=io&start=-2m&end=now"
        + "&step=60s&agg=min,max&agg=max,count&group_by=rack,az&precision=s&limit=5"
    )
    #expect(parsed.fields == .named(["cpu", "mem", "io"].map { Array($0.utf8) }))
    #expect(
      parsed.tags == [
        Tag(key: Array("az.b".utf8), value: Array("c=d".utf8)),
        Tag(key: Array("server".utf8), value: Array("a1".utf8)),
      ]
    )
    #expect(parsed.grid?.step == 60 * Self.second)
    #expect(parsed.grid?.count == 2)
    #expect(parsed.aggregates == [.min, .max, .count])
    #expect(parsed.groupBy == [Array("az".utf8), Array("rack".utf8)])
    #expect(parsed.precision == .seconds)
    #expect(parsed.limit == 5)
  }

  static let fieldLists: [(text: String, fields: RangeRequest.Fields)] = [
    ("*", .all),
    ("a,*", .all),
    (#"\*"#, .named([Array("*".utf8)])),
    (#"a\,b,c"#, .named([Array("a,b".utf8), Array("c".utf8)])),
    (#"a\b"#, .named([Array(#"a\b"#.utf8)])),
    (#"a\\,b"#, .named([Array(#"a\"#.utf8), Array("b".utf8)])),
    (#"a\"#, .named([Array(#"a\"#.utf8)])),
    ("a,b,a", .named([Array("a".utf8), Array("b".utf8)])),
    ("温度", .named([Array("温度".utf8)])),
  ]

  @Test(arguments: fieldLists)
  func fieldsSplitAtCommasThatNoBackslashEscapes(
    text: String,
    fields: RangeRequest.Fields
  ) throws {
    #expect(try request("measurement=m&field=\(text)").fields == fields)
  }

  static let times: [(text: String, nanoseconds: Int64)] = [
    ("2026-01-31T12:00:00Z", noon),
    ("2026-01-31t12:00:00z", noon),
    ("2026-01-31T12:00:00.000000001Z", noon + 1),
    ("2026-01-31T12:00:00.5Z", noon + second / 2),
    ("2026-01-31T13:30:00+01:30", noon),
    ("2026-01-31T13:30:00 01:30", noon),
    ("2026-01-31T07:00:00-05:00", noon),
    ("2024-02-29T00:00:00Z", 1_709_164_800 * second),
    ("2000-02-29T23:59:60Z", 951_868_800 * second),
    ("1969-12-31T23:59:59Z", 0),
    ("0000-01-01T00:00:00Z", 0),
    ("0", 0),
    ("1769860800", noon),
    ("1769860800.000000001", noon + 1),
    ("1769860800.1", noon + second / 10),
    ("9223372036.854775807", Int64.max),
    ("now", noon),
    ("now-1h30m", noon - 5_400 * second),
    ("-2d", noon - 172_800 * second),
    ("-1w", noon - 604_800 * second),
    ("-500ms", noon - second / 2),
    ("-1d2h3m4s5ms6us7ns", noon - 93_784_005_006_007),
    ("-9000w", 0),
  ]

  @Test(arguments: times)
  func timesAreExact(text: String, nanoseconds: Int64) throws {
    let parsed = try request("measurement=m&start=\(text)&end=9999-12-31T23:59:59Z")
    #expect(parsed.range.start == nanoseconds)
    #expect(parsed.range.end == Int64.max)
  }

  @Test func aTimeInTheFutureMayBeRelative() throws {
    #expect(try request("measurement=m&end=now+5m").range.end == noon + 300 * Self.second)
    #expect(try request("measurement=m&end=now 5m").range.end == noon + 300 * Self.second)
  }

  @Test func anEmptyRangeIsNoError() throws {
    let parsed = try request("measurement=m&start=now&end=now&step=1m")
    #expect(parsed.range.isEmpty)
    #expect(parsed.grid?.count == 0)
  }

  static let grids: [(step: String, start: Int64, end: Int64, first: Int64, count: Int)] = [
    ("60s", 60, 120, 60, 1),
    ("60s", 61, 121, 60, 2),
    ("60s", 119, 120, 60, 1),
    ("7s", 13, 15, 7, 2),
    ("1h30m", 5_400, 5_401, 5_400, 1),
    ("1w", 0, 1, 0, 1),
  ]

  @Test(arguments: grids)
  func bucketsAreMultiplesOfTheStep(
    step: String,
    start: Int64,
    end: Int64,
    first: Int64,
    count: Int
  ) throws {
    let grid = try request("measurement=m&start=\(start)&end=\(end)&step=\(step)").grid
    #expect(grid?.start(of: 0) == first * Self.second)
    #expect(grid?.count == count)
  }

  @Test func theLastBucketMayReachBeyondTime() throws {
    let parsed = try request("measurement=m&start=9223372036&end=9223372036.8&step=1w")
    #expect(parsed.range.end == Int64.max)
    #expect(parsed.grid?.count == 1)
  }

  @Test func aMillionBucketsAreAllowedAndOneMoreIsNot() throws {
    #expect(
      try request("measurement=m&start=0&end=1000000&step=1s").grid?.count == 1_000_000
    )
    #expect(throws: QueryError.self) {
      try request("measurement=m&start=0&end=1000001&step=1s")
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
  func theSmallestStepThatAnErrorNamesIsAllowed(seed: UInt64) throws {
    let start = seed &* 7_919 % 100_000
    let end = start + 1_000_001 * (seed * seed * seed)
    let query = "measurement=m&start=\(start)&end=\(end)&step="
    do {
      _ = try request(query + "1ms")
      Issue.record("1 ms was allowed")
    } catch let error as QueryError {
      let step = try #require(error.message.split(separator: " ").last)
      #expect(try request(query + step).grid != nil)
    }
  }

  static let refusals: [(query: String, message: String)] = [
    ("field=a", #"measurement: found nothing, expected the name of a measurement"#),
    ("measurement=", #"measurement: found nothing, expected the name of a measurement"#),
    ("measurement=m&measurement=n", "measurement: found twice, expected once"),
    ("measurement=m&start=-1h&start=-2h", "start: found twice, expected once"),
    ("measurement=m&tag.=1", "tag.: found no tag key, expected tag.KEY=VALUE"),
    (
      "measurement=m&field=a,,b",
      #"field: found "a,,b", expected names between commas, or *"#
    ),
    ("measurement=m&field=", #"field: found "", expected names between commas, or *"#),
    ("measurement=m&feild=a", #"unknown parameter "feild"; did you mean field?"#),
    ("measurement=m&groupby=a", #"unknown parameter "groupby"; did you mean group_by?"#),
    ("measurement=m&Step=1m", #"unknown parameter "Step"; did you mean step?"#),
    (
      "measurement=m&query=up",
      #"unknown parameter "query"; expected one of measurement, field, start, end, step, agg, "#
        + "group_by, precision, limit, next, where, newest, format, tag.KEY"
    ),
    (
      "measurement=m&start=yesterday",
      #"start: found "yesterday", expected RFC 3339 (2026-01-31T12:00:00Z), Unix seconds "#
        + "(1769860800.5) or relative to now (now, -2d, now-1h30m)"
    ),
    (
      "measurement=m&end=2026-02-30T00:00:00Z",
      #"end: found "2026-02-30T00:00:00Z", expected RFC 3339 (2026-01-31T12:00:00Z), "#
        + "Unix seconds (1769860800.5) or relative to now (now, -2d, now-1h30m)"
    ),
    (
      "measurement=m&start=-5",
      #"start: found "-5", expected a unit behind each number of a relative time, as in -90m"#
    ),
    (
      "measurement=m&start=-99999999w",
      #"start: found "-99999999w", expected a relative time of less than 292 years"#
    ),
    (
      "measurement=m&end=1769860800000",
      #"end: found "1769860800000", expected Unix seconds before the year 2262; "#
        + "is it in milliseconds or finer?"
    ),
    (
      "measurement=m&start=now&end=-1h",
      #"start: found "now", expected a time not after end=-1h"#
    ),
    (
      "measurement=m&end=-2h",
      #"start: found "-1h (the default)", expected a time not after end=-2h"#
    ),
    (
      "measurement=m&step=0s",
      #"step: found "0s", expected a duration longer than zero, such as 60s"#
    ),
    (
      "measurement=m&step=-1m",
      #"step: found "-1m", expected a duration longer than zero, such as 60s"#
    ),
    ("measurement=m&step=60", #"step: found "60", expected a unit behind each number, as in 60s"#),
    (
      "measurement=m&step=fast",
      #"step: found "fast", expected a duration such as 500ms, 10s, 1m, 1h30m, 2d or 1w"#
    ),
    (
      "measurement=m&step=1m1h",
      #"step: found "1m1h", expected a duration such as 500ms, 10s, 1m, 1h30m, 2d or 1w"#
    ),
    (
      "measurement=m&step=99999999w",
      #"step: found "99999999w", expected a duration of less than 292 years"#
    ),
    (
      "measurement=m&start=-14d&step=1s",
      "step: 1209600 buckets at step=1s exceed 1000000; the smallest allowed step is 2s"
    ),
    (
      "measurement=m&start=-1h&step=1us",
      "step: 3600000000 buckets at step=1us exceed 1000000; the smallest allowed step is 4ms"
    ),
    (
      "measurement=m&agg=min",
      #"agg: found "min", expected a step beside it; raw points have no agg"#
    ),
    (
      "measurement=m&group_by=az",
      #"group_by: found "az", expected a step beside it; raw points are not grouped"#
    ),
    (
      "measurement=m&step=1m&group_by=az,",
      #"group_by: found "az,", expected tag keys between commas"#
    ),
    (
      "measurement=m&step=1m&agg=min,median",
      #"agg: found "median", expected one of count, sum, min, max, avg, first, last"#
    ),
    (
      "measurement=m&step=1m&agg=",
      #"agg: found "", expected one of count, sum, min, max, avg, first, last"#
    ),
    (
      "measurement=m&precision=minutes",
      #"precision: found "minutes", expected one of s, ms, us, ns"#
    ),
    (
      "measurement=m&limit=0",
      #"limit: found "0", expected a whole number of points, 1 or more"#
    ),
    (
      "measurement=m&limit=+5",
      #"limit: found "+5", expected a whole number of points, 1 or more"#
    ),
    (
      "measurement=m&next=abc",
      #"next: found "abc", expected the unchanged data.next of an earlier answer"#
    ),
    (
      "measurement=m&step=1m&next=abc",
      "next: only raw answers come in pages, expected no step beside it"
    ),
  ]

  @Test(arguments: refusals)
  func whatIsWrongIsNamed(query: String, message: String) {
    #expect(throws: QueryError(.badData, message)) { try request(query) }
  }

  @Test func aLongValueIsCutInAMessage() {
    let value = String(repeating: "x", count: 10_000)
    #expect(
      throws: QueryError(
        .badData,
        "limit: found \"\(String(repeating: "x", count: 64))…\", "
          + "expected a whole number of points, "
          + "1 or more"
      )
    ) { try request("measurement=m&limit=\(value)") }
  }

  @Test func anErrorIsAnEnvelope() {
    let error = QueryError(.badData, "step: found \"x\"\n")
    #expect(error.httpStatus == 400)
    #expect(
      text(error.json())
        == #"{"status":"error","errorType":"bad_data","error":"step: found \"x\"\n"}"#
    )
  }
}
