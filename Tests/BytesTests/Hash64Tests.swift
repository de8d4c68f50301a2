import Bytes
import TestSupport
import Testing

@Suite struct Hash64Tests {
  /// These decide where series lie in data directories, so they hold for ever.
  static let golden: [(text: String, hash: UInt64)] = [
    ("", 0xefd0_1f60_ba99_2926),
    ("a", 0x82a2_a958_a9be_ce5b),
    ("node,server=a1b2", 0x7263_6f13_2a4e_76e4),
  ]

  @Test(arguments: golden)
  func goldenHashesNeverChange(text: String, hash: UInt64) {
    #expect(Hash64.hash(Array(text: text).span) == hash)
  }

  @Test func seriesSpreadEvenlyOverPartitions() {
    var counts = [Int](repeating: 0, count: 8)
    for number in 0..<8_000 {
      let key = Array(text: "default,node,server=host-\(number)")
      counts[Int(Hash64.hash(key.span) % 8)] += 1
    }
    #expect(counts.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
  }

  @Test func mixingIsOneToOne() {
    var seen: Set<UInt64> = []
    for value in UInt64(0)..<10_000 { seen.insert(Hash64.mix(value)) }
    #expect(seen.count == 10_000)
  }
}
