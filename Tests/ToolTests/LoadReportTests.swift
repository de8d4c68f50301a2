import Testing
import Tool

struct LoadReportTests {
  private func progress() -> LoadProgress {
    var progress = LoadProgress()
    progress.rowsSent = 61_728
    progress.rowsAccepted = 61_728
    progress.bytesSent = 172_838_400
    progress.acknowledgementsSent = 2
    progress.latencies.record(7_000_000)
    progress.latencies.record(9_000_000)
    return progress
  }

  @Test func theReportNamesRateLatencyAndBothEndsProcessorTime() {
    let report = LoadReport(
      progress: progress(),
      metricCount: 200,
      seconds: 6,
      ownSeconds: 0.02,
      serverSeconds: 0.37
    )
    #expect(
      report.text == """
        points      12,345,600 sent, 12,345,600 acknowledged
        rows        61,728 sent, 61,728 acknowledged, 0 rejected
        rate        2.06 M points/s, 10.29 k rows/s, 28.81 MB/s over 6.0 s
        #ack        2 sent, 0 failed, 0 missing
        latency     p50 7.1 ms, p90 9.0 ms, p99 9.0 ms, max 9.0 ms
        own CPU     0.02 s, 1.6 ns per point
        server CPU  0.37 s, 0.030 s per million points

        """
    )
  }

  @Test func whatWentWrongIsSaid() {
    var bad = progress()
    bad.rowsRejected = 1
    bad.complain("ERR 3 8 a value is missing")
    #expect(!bad.isClean)
    let report = LoadReport(
      progress: bad,
      metricCount: 200,
      seconds: 6,
      ownSeconds: 0,
      serverSeconds: nil
    )
    #expect(report.text.contains("server CPU  unknown: no answer at --http\n"))
    #expect(report.text.contains("trouble     ERR 3 8 a value is missing\n"))
  }

  @Test func jsonHasTheSameNumbers() throws {
    var some = progress()
    some.complain("the server closed the connection")
    let report = LoadReport(
      progress: some,
      metricCount: 200,
      seconds: 6,
      ownSeconds: 0.02,
      serverSeconds: nil
    )
    let json = try JSONParser.parse(Array(report.json.text.utf8))
    #expect(json["points_acknowledged"]?.int64 == 12_345_600)
    #expect(json["points_per_second"]?.double == 2_057_600)
    #expect(json["latency_milliseconds"]?["p50"]?.double ?? 0 > 7)
    #expect(json["troubles"]?.elements?.first?.string == "the server closed the connection")
    if case .null? = json["server_cpu_seconds"] {} else { Issue.record("expected null") }
  }

  @Test func complaintsAreBounded() {
    var progress = LoadProgress()
    for index in 0..<1_000 { progress.complain("\(index / 2)") }
    #expect(progress.complaints == ["0", "1", "2", "3", "4"])
  }

  @Test func onlyACompleteRunIsClean() {
    #expect(progress().isClean)
    var missing = progress()
    missing.acknowledgementsMissing = 1
    #expect(!missing.isClean)
    var failed = progress()
    failed.acknowledgementsFailed = 1
    #expect(!failed.isClean)
    var short = progress()
    short.rowsAccepted -= 1
    #expect(!short.isClean)
  }

  @Test func aSampleIsReadOffTheMetricsPage() {
    let page = "HTTP/1.1 200 OK\r\n\r\n# HELP a b\na_total 3\nprocess_cpu_seconds_total 12.5\n"
    #expect(MetricsClient.value(of: "process_cpu_seconds_total", in: page) == 12.5)
    #expect(MetricsClient.value(of: "a", in: page) == nil)
    #expect(MetricsClient("http://127.0.0.1:8086/") != nil)
    #expect(MetricsClient("ftp://x") == nil)
  }
}
