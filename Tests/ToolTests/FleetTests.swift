import Testing
import Tool

struct FleetTests {
  private static let stamp: Int64 = 1_795_373_340_000_000_000

  private func lines(_ fleet: Fleet) -> [String] {
    String(decoding: fleet.bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  @Test func everyServerHasALineOfItsOwn() {
    var fleet = Fleet(servers: 7..<10, metricCount: 25, seed: 1)
    fleet.advance(0..<3, to: Self.stamp)
    let lines = lines(fleet)
    #expect(lines.count == 3)
    #expect(fleet.bytes.count == 3 * fleet.lineByteCount)
    for (line, server) in zip(lines, 7..<10) {
      #expect(line.utf8.count + 1 == fleet.lineByteCount)
      #expect(line.hasPrefix("node,server=s00000\(server),region="))
      #expect(line.hasSuffix(" \(Self.stamp)"))
      let parts = line.split(separator: " ")
      #expect(parts.count == 3)
      let names = parts[1].split(separator: ",").map { $0.split(separator: "=")[0] }
      #expect(names.count == 25)
      #expect(Set(names).count == 25)
    }
  }

  @Test func everyValueStaysANumberOfItsKindAndLength() throws {
    var fleet = Fleet(servers: 0..<4, metricCount: 60, seed: 9)
    let shapes = lines(fleet)
    for round in 1...500 {
      fleet.advance(0..<4, to: Self.stamp + Int64(round))
      for (line, first) in zip(lines(fleet), shapes) {
        let values = fields(line)
        #expect(values.map(\.count) == fields(first).map(\.count))
        for value in values {
          if value.hasSuffix("i") {
            #expect(Int64(value.dropLast()) != nil, "\(value)")
          } else {
            #expect(Double(value) != nil, "\(value)")
          }
        }
      }
    }
  }

  @Test func countersOnlyGrowAndConstantsStay() throws {
    var fleet = Fleet(servers: 0..<1, metricCount: 20, seed: 3)
    let before = lines(fleet)[0]
    for round in 1...200 { fleet.advance(0..<1, to: Self.stamp + Int64(round)) }
    let after = lines(fleet)[0]
    for name in ["net_rx", "disk_reads", "requests"] {
      #expect(try value(name, after) > value(name, before), "\(name)")
    }
    for name in ["mem_total", "disk_size", "up", "boot_time"] {
      #expect(try value(name, after) == value(name, before), "\(name)")
    }
    #expect(try value("cpu_user", after) >= 10)
  }

  @Test func theSameSeedMakesTheSameValues() {
    var (one, other) = (
      Fleet(servers: 0..<5, metricCount: 30, seed: 4),
      Fleet(servers: 0..<5, metricCount: 30, seed: 4)
    )
    one.advance(0..<5, to: Self.stamp)
    other.advance(0..<5, to: Self.stamp)
    #expect(one.bytes == other.bytes)
    #expect(one.bytes != Fleet(servers: 0..<5, metricCount: 30, seed: 5).bytes)
  }

  @Test func namesDoNotDependOnWhoSends() {
    let whole = Fleet(servers: 0..<4, metricCount: 3, seed: 1)
    let part = Fleet(servers: 2..<4, metricCount: 3, seed: 1)
    #expect(lines(part).map { $0.prefix(20) } == lines(whole)[2...].map { $0.prefix(20) })
  }

  private func fields(_ line: String) -> [Substring] {
    line.split(separator: " ")[1].split(separator: ",").map { $0.split(separator: "=")[1] }
  }

  private func value(_ name: String, _ line: String) throws -> Double {
    let field = try #require(
      line.split(separator: " ")[1].split(separator: ",").first { $0.hasPrefix(name + "=") }
    )
    let text = field.dropFirst(name.count + 1)
    return try #require(Double(text.hasSuffix("i") ? text.dropLast() : text))
  }
}
