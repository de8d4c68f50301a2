import Engine
import Model
import Platform
import Server
import TestSupport
import Testing

/// `/metrics` of a whole server.
struct MetricsTests {
  private func scrape(_ server: TestServer) async throws -> Exposition {
    let answer = try await server.get("/metrics")
    #expect(answer.status == 200)
    return try Exposition(answer.body)
  }

  @Test func thePageOfAFreshServerIsWellFormed() async throws {
    try await TestServer.run { server in
      let page = try await scrape(server)
      #expect(page.order.count > 60)
      #expect(page.value("varve_ready") == 1)
      #expect(page.value("varve_lag_rows") == 0)
      #expect(page.value("varve_parsed_rows_total") == 0)
    }
  }

  @Test func everyStationCountsWhatPassesIt() async throws {
    try await TestServer.run { server in
      let now = RealClock().now()
      let client = try await server.connect()
      _ = try await client.acknowledge("#precision ns\nm,h=a f=1,g=2 \(now)\nm,h=b f=3 \(now)\n")
      _ = try await client.acknowledge("m f=\nm f=true\nm f=1 9000000000000000000\n")
      _ = try await server.range("measurement=m&step=1m")
      _ = try await server.range("measurement=m")
      _ = try await server.get("/api/v1/range?measurement=m&step=1")
      _ = try await server.get("/nowhere")
      var page = try await scrape(server)
      let expected: [(String, [String: String], Double)] = [
        ("varve_parsed_rows_total", [:], 2), ("varve_parsed_points_total", [:], 3),
        ("varve_refused_lines_total", ["reason": "unparsable"], 1),
        ("varve_refused_lines_total", ["reason": "type_conflict"], 1),
        ("varve_refused_lines_total", ["reason": "future"], 1),
        ("varve_acknowledgement_duration_seconds_count", [:], 2),
        ("varve_dead_letters_total", [:], 3),
        ("varve_points_received_total", ["tenant": "default"], 5),
        ("varve_points_pending", ["tenant": "default"], 3),
        ("varve_points_rejected_total", ["reason": "future"], 1),
        ("varve_lines_rejected_total", ["reason": "unparsable"], 1),
        ("varve_queue_appended_rows_total", [:], 2), ("varve_queue_appended_points_total", [:], 3),
        ("varve_applied_rows_total", [:], 2), ("varve_applied_points_total", [:], 3),
        ("varve_lag_rows", [:], 0), ("varve_lag_seconds", [:], 0), ("varve_open_rows", [:], 2),
        ("varve_cuts_total", [:], 0), ("varve_blocks", [:], 0), ("varve_catalog_series", [:], 2),
        ("varve_catalog_measurements", [:], 1), ("varve_catalog_fields", [:], 2),
        ("varve_query_duration_seconds_count", ["kind": "step", "outcome": "success"], 1),
        ("varve_query_duration_seconds_count", ["kind": "raw", "outcome": "success"], 1),
        ("varve_query_duration_seconds_count", ["kind": "step", "outcome": "bad_data"], 1),
        ("varve_http_requests_total", ["route": "other", "status": "404"], 1),
        ("varve_http_requests_total", ["route": "/api/v1/range", "status": "400"], 1),
        ("varve_http_requests_in_flight", [:], 1), ("varve_line_connections", [:], 1),
        ("varve_queue_refusing", [:], 0), ("varve_damages_found", [:], 0),
        ("varve_quarantined_files", [:], 0), ("varve_queries_running", [:], 0),
        ("varve_catalog_series_limit", [:], 1_000_000),
      ]
      for (name, labels, value) in expected {
        #expect(page.value(name, labels) == value, "\(name) \(labels)")
      }
      #expect((page.value("varve_queue_fsync_duration_seconds_count") ?? 0) >= 2)
      #expect((page.value("varve_queue_commit_duration_seconds_count") ?? 0) >= 2)
      #expect((page.value("varve_received_bytes_total") ?? 0) > 50)
      #expect((page.value("varve_memory_budget_used_bytes", ["budget": "open_rows"]) ?? 0) > 0)
      #expect((page.value("varve_disk_free_bytes") ?? 0) > 0)
      #expect(try await server.get("/api/v1/admin/flush", method: "POST").status == 204)
      page = try await scrape(server)
      #expect((page.value("varve_cuts_total", ["cause": "flush"]) ?? 0) >= 1)
      #expect(page.value("varve_cut_rows_total") == 2)
      #expect(page.value("varve_open_rows") == 0)
      #expect(page.value("varve_blocks_points", ["tier": "hot"]) == 3)
      let bytes = try #require(page.value("varve_blocks_bytes"))
      #expect(page.value("varve_cut_bytes_total") == bytes)
      #expect(page.value("varve_blocks_bytes_per_point", ["tier": "hot"]) == bytes / 3)
      #expect((page.value("varve_ring_hours", ["state": "open"]) ?? 0) >= 1)
      #expect(
        page.value("varve_cut_duration_seconds_count") == page.value("varve_cuts_total")
      )
      _ = try await client.acknowledge("")
    }
  }

  @Test func countersNeverFallUnderLoad() async throws {
    try await TestServer.run { server in
      let start = RealClock().now() / 1_000_000_000 - 4_000
      var last: [Exposition.Sample: Double] = [:]
      for round in 0..<12 {
        let rows = (0..<200).map { row in
          "m,h=h\(row % 20) f=\(row),g=\(round)i \(start + Int64(round * 300 + row))\n"
        }
        try await server.write(rows.joined() + "bad line\nm f=\(round)\n")
        if round % 4 == 3 { _ = try await server.get("/api/v1/admin/flush", method: "POST") }
        if round % 3 == 0 { _ = try await server.range("measurement=m&step=1m&start=\(start)") }
        let rising = try await scrape(server).rising
        for (sample, value) in last {
          let now = try #require(rising[sample], "\(sample) has gone")
          #expect(now >= value, "\(sample) fell from \(value) to \(now)")
        }
        last = rising
      }
      #expect(last.values.contains { $0 > 2_000 })
    }
  }

  @Test func labelsOfTenantsAreEscapedAndBounded() async throws {
    try await TestServer.run { server in
      let odd = #"a"b\c"#
      let client = try await server.connect()
      _ = try await client.acknowledge("#tenant \(odd)\nm f=1\n")
      for tenant in 0..<110 { try await client.send("#tenant t\(tenant)\nm f=1\n") }
      _ = try await client.acknowledge("")
      let page = try await scrape(server)
      #expect(page.value("varve_points_received_total", ["tenant": odd]) == 1)
      let tenants = page.families["varve_points_received_total"]?.samples ?? []
      #expect(tenants.count == 101)
      #expect(page.value("varve_points_received_total") == 111)
    }
  }

  @Test func duringReplayThePageAnswersWithEveryFamily() async throws {
    let server = try await TestServer.start(recovers: false)
    let before = try await scrape(server)
    #expect(before.value("varve_ready") == 0)
    _ = try await server.server.recover()
    let after = try await scrape(server)
    #expect(after.value("varve_ready") == 1)
    #expect(before.order == after.order)
    try await server.stop()
  }

  @Test func thePageOfTheDocumentationListsEveryMetric() async throws {
    try await TestServer.run { server in
      let families = await server.server.metricFamilies()
      let path = "\(Fixtures.repository)/docs/metrics.md"
      let listed = MetricsDocument.render(families)
      let page = String(
        decoding: try RealDisk().read(path, byteCountMax: 1 << 20),
        as: UTF8.self
      )
      let head = page.firstRange(of: "\n## ").map { String(page[..<$0.lowerBound]) } ?? page
      if Fixtures.areBeingWritten {
        try RealDisk().replace(path, with: Array((head + listed).utf8))
      } else {
        #expect(page == head + listed, "set VARVE_WRITE_FIXTURES=1 to write the page anew")
      }
      #expect(Set(families.map(\.name)).count == families.count)
      #expect(families.allSatisfy { !$0.section.isEmpty })
    }
  }

  /// Alerts and advice that name a metric which is gone would never fire.
  @Test func pagesNameOnlyMetricsThatThereAre() async throws {
    try await TestServer.run { server in
      let families = await server.server.metricFamilies()
      var names = Set(families.map(\.name))
      for family in families where family.kind == .histogram {
        for suffix in ["_bucket", "_sum", "_count"] { names.insert(family.name + suffix) }
      }
      var found = 0
      for page in ["operations.md", "metrics.md", "http-api.md", "getting-started.md"] {
        let text = String(
          decoding: try RealDisk().read(
            "\(Fixtures.repository)/docs/\(page)",
            byteCountMax: 1 << 20
          ),
          as: UTF8.self
        )
        for word in text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") })
        where word.hasPrefix("varve_") || word.hasPrefix("process_") {
          found += 1
          #expect(names.contains(String(word)), "\(page): \(word)")
        }
      }
      #expect(found > 100)
    }
  }
}
