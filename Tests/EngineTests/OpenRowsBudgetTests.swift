import Engine
import TestSupport
import Testing

/// Goal: what a query is charged for open rows is what it reads, not what the series has.
@Suite struct OpenRowsBudgetTests {
  @Test func aNarrowQueryOfWideOpenRowsFitsASmallBudget() async throws {
    let harness = try EngineHarness { $0.queryByteCountMax = 1 << 20 }
    let fields = (0..<200).map { "f\($0)=\($0)i" }.joined(separator: ",")
    for start in stride(from: 1_795_372_000, to: 1_795_373_000, by: 100) {
      let lines = (start..<start + 100).map { "m,h=a \(fields) \($0)\n" }.joined()
      #expect(try harness.send(lines + "#ack a\n") == "OK a 100 0\n")
    }
    let answer = try await harness.range("measurement=m&field=*&start=1795372995&end=1795373000")
    #expect(answer.split(separator: "\"field\":").count == 201)
    let newest = try await harness.range(
      "measurement=m&field=f7&start=1795372000&end=1795373000&newest=1"
    )
    #expect(newest.contains("\"values\":[\"7\"]") || newest.contains("\"values\":[7]"))
  }

  @Test func manyOpenRowsOfASeriesFitASmallBudgetStretchByStretch() async throws {
    let harness = try EngineHarness {
      $0.queryByteCountMax = 256 << 10
      $0.stretchRowCount = 500
    }
    // 20,000 rows, newest first: collected at once they take 1.4 MB.
    for start in stride(from: 1_795_353_000, to: 1_795_373_000, by: 1_000).reversed() {
      let lines = (start..<start + 1_000).reversed().map { "m,h=a f=\($0 % 10)i \($0)\n" }.joined()
      #expect(try harness.send(lines + "#ack a\n") == "OK a 1000 0\n")
    }
    let range = "measurement=m&field=f&start=1795353000&end=1795373000"
    let sums = try await harness.range("\(range)&step=1000s&agg=count,sum")
    let counts = repeatElement("1000", count: 20).joined(separator: ",")
    let totals = repeatElement("4500", count: 20).joined(separator: ",")
    #expect(sums.contains("[\(counts)]") && sums.contains("[\(totals)]"), "\(sums)")
    let newest = try await harness.range("\(range)&newest=1")
    #expect(newest.contains("1795372999"))
  }
}
