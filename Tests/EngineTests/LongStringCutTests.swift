import Blocks
import Engine
import Model
import TestSupport
import Testing

/// Goal: a cut limits the bytes of its groups row by row, not by what rows have on average.
@Suite struct LongStringCutTests {
  static let base = 1_795_373_300

  @Test func lateRowsOfSkewedLengthsMakeNoLargeGroup() async throws {
    let harness = try EngineHarness()
    _ = try harness.send("m s=\"x\" \(Self.base + 10)\n#ack a\n")
    try await harness.engine.flush()
    // 18 MB in the first rows, and as many again that have nothing.
    let long = String(repeating: "y", count: 900_000)
    for row in 0..<20 {
      #expect(
        try harness.send("m s=\"\(row) \(long)\" \(Self.base - 900 + row)\n#ack b\n")
          .contains("OK b 1 0")
      )
    }
    let short = (20..<420).map { "m s=\"\($0)\" \(Self.base - 900 + $0)\n" }.joined()
    #expect(try harness.send(short + "#ack c\n").contains("OK c 400 0"))
    try await harness.engine.flush()
    var groups: [(rows: Int, bytes: Int)] = []
    for folder in (0..<2).map({ "/data/partitions/0\($0)/blocks" }) {
      for name in try harness.disk.list(folder) {
        let reader = try BlockReader.open(disk: harness.disk, path: "\(folder)/\(name)")
        groups += try reader.entries().map { ($0.rowCount, $0.byteCount) }
      }
    }
    #expect(groups.reduce(0) { $0 + $1.rows } == 421)
    #expect(groups.allSatisfy { $0.bytes <= 17 << 20 })
    #expect(groups.count == 3)
  }
}
