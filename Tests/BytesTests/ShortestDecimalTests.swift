import Bytes
import TestSupport
import Testing

/// Compared with the standard library, whose texts are the shortest too.
struct ShortestDecimalTests {
  private func check(_ value: Double) {
    let decimal = ShortestDecimal(of: value)
    let text = value.description
    let parts = text.split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    var digits = String(mantissa[0]) + (mantissa.count > 1 ? mantissa[1] : "")
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    exponent -= mantissa.count > 1 ? mantissa[1].count : 0
    while digits.hasSuffix("0"), digits.count > 1 {
      digits.removeLast()
      exponent += 1
    }
    #expect(UInt64(digits) == decimal.digits && exponent == decimal.exponent, "\(text) \(decimal)")
  }

  @Test(arguments: 1...4) func randomPatternsAgree(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20_000 {
      let value = Double(bitPattern: random.next() & (1 << 63 - 1))
      if value.isFinite, value > 0 { check(value) }
      check(Double(Int64.random(in: 1...1_000_000_000, using: &random)) / 6)
    }
  }

  @Test func edgesAgree() {
    for value in [
      .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0.1, 0.3, 1, 1e22,
      1e23, 9_007_199_254_740_992, 123_456.789, 1e16, 2.5e-5,
    ] as [Double] { check(value) }
    for exponent in -1_074...1_023 {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      check(power)
      if power.nextDown > 0 { check(power.nextDown) }
      check(power.nextUp)
    }
  }
}
