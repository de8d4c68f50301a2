import Platform
import Server
import TestSupport
import Testing

/// What clients see while nothing can be stored, and after.
struct FullDiskTests {
  @Test func acknowledgementsFailReadsGoOnAndNothingIsLost() async throws {
    let disk = FaultyDisk()
    try await TestServer.run(disk: disk) { server in
      let client = try await server.connect()
      #expect(try await client.acknowledge("m f=1 1000000000\n", id: "one") == ["OK one 1 0"])
      disk.limitFreeSpace(to: 0)
      let refused = try await client.acknowledge("m f=2 1000000001\n", id: "two")
      #expect(refused.count == 1)
      #expect(refused.first?.hasPrefix("FAIL two the disk is full") == true, "\(refused)")
      #expect(try await server.get("/metrics").body.contains("\nvarve_queue_refusing 1\n"))
      let query = "measurement=m&field=f&start=0&end=2000000000"
      #expect(try await server.range(query).contains("\"values\":[1]"))
      let probe = try await server.get("/-/ready")
      #expect(probe.status == 503)
      #expect(probe.body.hasPrefix(#"{"status":"refusing writes","error":""#), "\(probe.body)")
      #expect(probe.body.contains("full"), "\(probe.body)")
      let health = try await server.get("/health")
      #expect(health.status == 503)
      #expect(health.body.contains(#""message":"refusing writes: "#), "\(health.body)")
      #expect(health.body.contains(#""status":"fail""#), "\(health.body)")
      #expect(try await server.get("/ready").status == 503)
      #expect(try await server.get("/-/healthy").status == 200)

      // Who has not asked for an acknowledgement cannot be told, so its bytes wait in the kernel.
      let silent = try await server.connect()
      try await silent.send("m f=3 1000000002\n")
      try await Task.sleep(for: .milliseconds(300))
      disk.limitFreeSpace(to: nil)
      #expect(try await again(client, "m f=2 1000000001\n") == ["OK again 1 0"])
      try await eventually("the silent client's row is stored") {
        try await server.range(query).contains("\"values\":[1,2,3]")
      }
      #expect(try await server.get("/-/ready").body == #"{"status":"ready"}"#)
      #expect(try await server.get("/health").status == 200)
    }
  }

  /// Sends until it is acknowledged: the log tries again after a moment.
  private func again(_ client: LineClient, _ text: String) async throws -> [String] {
    for _ in 0..<100 {
      let answer = try await client.acknowledge(text, id: "again")
      if answer.last?.hasPrefix("OK") == true { return answer }
      try await Task.sleep(for: .milliseconds(100))
    }
    return ["never"]
  }
}

/// Waits for something that comes by itself, at most ten seconds.
func eventually(_ what: Comment, _ isTrue: () async throws -> Bool) async throws {
  for _ in 0..<200 {
    if try await isTrue() { return }
    try await Task.sleep(for: .milliseconds(50))
  }
  Issue.record(what)
}
