import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: a closed hour is frozen, and nobody can tell from an answer; what is damaged or missing is
/// answered from blocks and made anew.
@Suite struct FrozenHourTests {
  static let hourStart: Int64 = 1_795_374_000  // Two series write in it, and in the next hour.
  static let query =
    "measurement=m&field=*&start=1795370000&end=1795388000&step=60s"
    + "&agg=count,sum,min,max,first,last"

  static func rows(_ range: Range<Int64>, every step: Int64 = 10) -> String {
    stride(from: range.lowerBound, to: range.upperBound, by: Int(step)).map { second in
      "m,h=a f=\(Double(second % 977) / 10),i=\(second % 13)i,s=\"t\(second % 3)\" \(second)\n"
        + "m,h=b f=\(second),b=\(second % 2 == 0) \(second)\n"
    }.joined()
  }

  /// Both hours written and cut, and the first one closed for long enough.
  private func harness() async throws -> EngineHarness {
    let harness = try EngineHarness(now: (Self.hourStart + 3600 + 900) * 1_000_000_000)
    let text = Self.rows(Self.hourStart..<Self.hourStart + 4200)
    #expect(try harness.send(text + "#ack a\n") == "OK a 840 0\n")
    try await harness.engine.flush()
    return harness
  }

  private func frozenFiles(_ harness: EngineHarness) -> [String] {
    harness.disk.files.keys.filter { $0.hasSuffix(".frozen") }.sorted()
  }

  @Test func aClosedHourIsFrozenAndAnswersTheSame() async throws {
    let harness = try await harness()
    let before = try await harness.range(Self.query)
    #expect(before.contains("\"count\""))
    try harness.settle()
    #expect(frozenFiles(harness).count == 2)
    #expect(harness.disk.files.keys.filter { $0.hasSuffix(".tmp") }.isEmpty)
    let found1 = try await harness.range(Self.query)
    #expect(found1 == before)
    let found2 = try await harness.ringWindows(Self.query)
    #expect(found2 == 5 * 70)
    try harness.restart()
    #expect(harness.report.damages == [])
    #expect(harness.report.ring.frozenHourCount == 1)
    #expect(harness.report.ring.columnCount == 5)
    let found3 = try await harness.range(Self.query)
    #expect(found3 == before)
    let found4 = try await harness.ringWindows(Self.query)
    #expect(found4 == 5 * 70)
    #expect(DataDirectoryCheck(disk: harness.disk, path: "/data").run().findings == [])
  }

  @Test func aLateRowOfAFrozenHourGoesToItsPatch() async throws {
    let harness = try await harness()
    try harness.settle()
    _ = try harness.send("m,h=a f=-7.25,n=3i \(Self.hourStart + 65)\n#ack b\n")
    _ = try harness.send("m,h=c f=1 \(Self.hourStart + 66)\n#ack c\n")
    let open = try await harness.range(Self.query)
    #expect(open.contains("-7.25"))
    try await harness.engine.flush()
    try harness.settle()
    let found5 = try await harness.range(Self.query)
    #expect(found5 == open)
    #expect(harness.disk.files.keys.contains { $0.hasSuffix(".patch") })
    // All of it from the ring: n and the series c have one window each.
    let found6 = try await harness.ringWindows(Self.query)
    #expect(found6 == 5 * 70 + 2)
    try harness.restart()
    #expect(harness.report.damages == [])
    let found7 = try await harness.range(Self.query)
    #expect(found7 == open)
    let found8 = try await harness.ringWindows(Self.query)
    #expect(found8 == 5 * 70 + 2)
    #expect(DataDirectoryCheck(disk: harness.disk, path: "/data").run().findings == [])
  }

  @Test func aMissingFrozenFileIsMadeAnewFromBlocks() async throws {
    let harness = try await harness()
    try harness.settle()
    let before = try await harness.range(Self.query)
    let whole = frozenFiles(harness)
    try harness.kill()
    for path in whole { try harness.disk.remove(path) }
    try harness.start()
    #expect(harness.report.damages.count == 2)
    let found9 = try await harness.range(Self.query)
    #expect(found9 == before)
    let found10 = try await harness.ringWindows(Self.query)
    #expect(found10 < 5 * 70)
    try harness.settle()
    #expect(frozenFiles(harness).count == 2)
    let found11 = try await harness.range(Self.query)
    #expect(found11 == before)
    let found12 = try await harness.ringWindows(Self.query)
    #expect(found12 == 5 * 70)
    try harness.restart()
    #expect(harness.report.damages == [])
    let found13 = try await harness.range(Self.query)
    #expect(found13 == before)
  }

  @Test func aDamagedFrozenFileIsSetAsideAndMadeAnew() async throws {
    let harness = try await harness()
    try harness.settle()
    let before = try await harness.range(Self.query)
    // A header, a section, the trailer.
    for place in [3, 90, -10] {
      try harness.kill()
      for path in frozenFiles(harness) {
        let bytes = try harness.disk.read(path, byteCountMax: 1 << 20)
        let bit = (place < 0 ? bytes.count + place : place) * 8
        try harness.disk.replace(path, with: bytes.flipping(bit: bit))
      }
      #expect(!DataDirectoryCheck(disk: harness.disk, path: "/data").run().findings.isEmpty)
      try harness.start()
      let found14 = try await harness.range(Self.query)
      #expect(found14 == before, "\(place)")
      try harness.settle()
      let found15 = try await harness.range(Self.query)
      #expect(found15 == before, "\(place)")
      let found16 = try await harness.ringWindows(Self.query)
      #expect(found16 == 5 * 70, "\(place)")
      let damages = DataDirectoryCheck(disk: harness.disk, path: "/data").run().findings
      #expect(damages.allSatisfy { $0.severity == .note }, "\(place): \(damages)")
      #expect(harness.disk.files.keys.contains { $0.contains("/quarantine/") }, "\(place)")
    }
  }
}
