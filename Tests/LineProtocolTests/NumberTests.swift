import Glibc
import LineProtocol
import Model
import TestSupport
import Testing

/// Goal: every decimal comes back as the double that C's `strtod` makes of it, bit for bit, whether
/// it rides scaled or as an exception. Method: seeded decimals of all shapes in wide rows, sent
/// twice, so that both the careful and the predicted way read them; known hard cases.
@Suite struct NumberTests {
  /// Stores `texts` as columns of one row, three times over, and compares what is read back.
  private func check(_ texts: [String], _ note: String) {
    var harness = Harness()
    var line = "m"
    for (index, text) in texts.enumerated() {
      line += (index == 0 ? " " : ",") + "f\(index)=\(text)"
    }
    for second in 1...3 { harness.send("\(line) \(second)\n") }
    harness.finish()
    #expect(harness.outcome.verdicts.isEmpty, "\(harness.verdicts.first?.message ?? "") \(note)")
    let rows = harness.outcome.storedRows
    #expect(rows.count == 3)
    for row in rows {
      for (index, text) in texts.enumerated() {
        let expected = unsafe strtod(text, nil).bitPattern
        let found = row.fields[Array("f\(index)".utf8)]
        if found != .float(expected) {
          Issue.record("\(text): \(found.map(\.description) ?? "-"), \(note)")
        }
      }
    }
  }

  private func digits(_ count: Int, _ random: inout SeededRandom) -> String {
    String((0..<count).map { _ in "0123456789".randomElement(using: &random) ?? "0" })
  }

  @Test(arguments: UInt64(1)...20)
  func shortDecimals(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    check(
      (0..<2_000).map { _ in
        let sign = random.oneIn(3) ? "-" : ""
        let whole = digits(Int.random(in: 1...8, using: &random), &random)
        let fraction = digits(Int.random(in: 0...6, using: &random), &random)
        return sign + whole + (fraction.isEmpty && random.oneIn(2) ? "" : ".") + fraction
      },
      "seed \(seed)"
    )
  }

  @Test(arguments: UInt64(1)...20)
  func decimalsOfAllShapes(seed: UInt64) {
    var random = SeededRandom(seed: seed &+ 100)
    check(
      (0..<2_000).map { _ in
        let sign = random.oneIn(2) ? "-" : ""
        let whole = digits(Int.random(in: 0...25, using: &random), &random)
        let fraction = digits(Int.random(in: (whole.isEmpty ? 1 : 0)...30, using: &random), &random)
        // Below the largest double whatever the digits are.
        let exponent = Int.random(in: -360...280, using: &random)
        let exponentText = random.oneIn(2) ? "" : (random.oneIn(2) ? "e" : "E") + "\(exponent)"
        return "\(sign)\(whole).\(fraction)\(exponentText)"
      },
      "seed \(seed)"
    )
  }

  @Test(arguments: UInt64(1)...20)
  func shortestSpellingsOfRandomBits(seed: UInt64) {
    var random = SeededRandom(seed: seed &+ 200)
    check(
      (0..<2_000).map { _ in
        var value = Double(bitPattern: random.next())
        while !value.isFinite { value = Double(bitPattern: random.next()) }
        return random.oneIn(8) ? "\(Double(Float(value / 1e200)))" : "\(value)"
      }.filter { !$0.contains("inf") },
      "seed \(seed)"
    )
  }

  /// The exact decimal expansion of points half-way between neighbouring doubles, and a digit to
  /// either side of them.
  @Test(arguments: UInt64(1)...10)
  func pointsHalfWay(seed: UInt64) {
    var random = SeededRandom(seed: seed &+ 300)
    var texts: [String] = []
    while texts.count < 300 {
      var bits = random.next() & 0x7fff_ffff_ffff_ffff
      if random.oneIn(4) { bits &= 0x000f_ffff_ffff_ffff }
      if random.oneIn(4) { bits &= ~0xffff_ffff }
      let value = Double(bitPattern: bits)
      guard value.isFinite, value.nextUp.isFinite else { continue }
      let half = Expansion.halfAbove(bits)
      texts.append(half)
      texts.append(half + "1")
      // A little less: the last digit of an expansion is never 0.
      texts.append(String(half.dropLast()) + "4999999")
      texts.append(String(half.prefix(half.contains("e") ? half.count : 19)))
    }
    check(texts, "seed \(seed)")
  }

  @Test func knownHardCases() {
    check(
      [
        "0", "-0", "0.0", "-0.0", "-.0", "1", "1.", ".5", "-.5", "1e0", "1E5", "1e+5", "1e-5",
        "4.9e-324", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "2e-324",
        "2.2250738585072011e-308", "2.2250738585072014e-308", "2.225073858507201e-308",
        "1.7976931348623157e308", "1.7976931348623158e308", "179769313486231570000e288",
        "9007199254740992", "9007199254740993", "9007199254740994", "9007199254740995",
        "9007199254740993.0000000000000000000000000000001", "18446744073709551615",
        "18446744073709551616", "9223372036854775807", "9223372036854775808",
        "100000000000000016777215", "100000000000000016777216", "8.5", "1e22", "1e23", "1e-22",
        "3.14159265358979323846264338327950288", "0.1", "0.2", "0.3", "123456789012345678",
        "1234567890123456789", "12345678901234567890", "0.000000000000000000000000000001",
        "00000000000000000000000000000000000001.50", "1" + String(repeating: "0", count: 300),
        "0." + String(repeating: "0", count: 400) + "1e100", "1e-400", "-1e-400", "0e999999999",
        "0.0e-999999999", "2147483647", "-2147483647", "2147483648", "-2147483648", "-2147483649",
        "21474836.47", "21474836.48", "6.02214076e23", "1.000", "1.500", "100.0000000000000",
        "0.1" + String(repeating: "0", count: 900) + "1", "7.2057594037927933e16",
      ],
      "known"
    )
  }

  @Test func numbersThatAreNone() {
    let refused = [
      "", "-", ".", "-.", "+1", "1e", "1e+", "e5", "1.2.3", "1x", "0x10", "1e5i", "1.5i", "-1u",
      "1e309", "-1.8e308", "1e999999999999", "nan", "NaN", "-nan", "inf", "-Inf", "Infinity",
      "9223372036854775808i", "-9223372036854775809i", "18446744073709551616u",
      "99999999999999999999999i",
      "tru", "TRue", "tRUE", "yes", "i", "u", "-i", "1ii", "1 i", "--1", "1-", "1_000", "1e1.5",
    ]
    for text in refused {
      var harness = Harness()
      harness.send("m a=1,f=\(text),b=2\nm a=1 1\n")
      harness.finish()
      #expect(harness.outcome.accepted == 1, "\(text)")
      #expect(harness.outcome.rejected == 1, "\(text)")
      let isSpaced = text.contains(" ")
      #expect(harness.verdicts.first?.column == (isSpaced ? 11 : 9), "\(text)")
      #expect(harness.verdicts.first?.reason == .unparsable, "\(text)")
    }
  }

  @Test func integersReachTheirBounds() {
    var harness = Harness()
    let row =
      "m a=9223372036854775807i,b=-9223372036854775808i,c=18446744073709551615u,d=0u,e=-0i,"
      + "g=2147483647i,h=-2147483648i,i=-2147483649i,j=00000000000000000000000012i"
    for second in 1...3 { harness.send("\(row) \(second)\n") }
    harness.finish()
    #expect(harness.outcome.verdicts.isEmpty)
    for row in harness.outcome.storedRows {
      let fields = row.fields.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
      #expect(
        Dictionary(uniqueKeysWithValues: fields) == [
          "a": .integer(.max), "b": .integer(.min), "c": .unsigned(.max), "d": .unsigned(0),
          "e": .integer(0), "g": .integer(2_147_483_647), "h": .integer(-2_147_483_648),
          "i": .integer(-2_147_483_649), "j": .integer(12),
        ]
      )
    }
    #expect(harness.outcome.storedRows.count == 3)
  }
}

/// Exact decimal expansions, digit by digit.
enum Expansion {
  /// The point half-way between the double with `bits` (positive, finite) and the next one, as all
  /// its significant digits and an exponent.
  static func halfAbove(_ bits: UInt64) -> String {
    let field = Int(bits >> 52)
    let fraction = bits & 0x000f_ffff_ffff_ffff
    let whole = 2 * (field == 0 ? fraction : fraction | 1 << 52) + 1
    var twos = max(field, 1) - 1_076
    // Little-endian decimal digits.
    var digits = String(whole).reversed().map { Int(String($0)) ?? 0 }
    var exponent = 0
    func multiply(by factor: Int) {
      var carry = 0
      for index in digits.indices {
        carry += digits[index] * factor
        digits[index] = carry % 10
        carry /= 10
      }
      while carry > 0 {
        digits.append(carry % 10)
        carry /= 10
      }
    }
    while twos > 0 {
      multiply(by: 2)
      twos -= 1
    }
    while twos < 0 {
      multiply(by: 5)
      exponent -= 1
      twos += 1
    }
    while digits.first == 0 {
      digits.removeFirst()
      exponent += 1
    }
    let text = digits.reversed().map(String.init).joined()
    guard exponent != 0 else { return text + ".0" }
    // As a fraction, so that digits may be appended to it.
    return shifted(text, exponent)
  }

  /// The digits with their point put in, without an exponent.
  private static func shifted(_ digits: String, _ exponent: Int) -> String {
    if exponent > 0 { return digits + String(repeating: "0", count: exponent) + ".0" }
    let whole = digits.count + exponent
    if whole > 0 { return digits.prefix(whole) + "." + digits.dropFirst(whole) }
    return "0." + String(repeating: "0", count: -whole) + digits
  }
}
