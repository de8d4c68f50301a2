import Model
import Testing

@Suite struct CivilTimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"),
      (1_795_373_340_123_456_789, "2026-11-22T18:49:00.123Z"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
      (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
      (-1, "1969-12-31T23:59:59.999Z"),
      (.max, "2262-04-11T23:47:16.854Z"),
      (.min, "1677-09-21T00:12:43.145Z"),
    ] as [(Int64, String)]
  )
  func momentsReadAsRFC3339(nanoseconds: Int64, text: String) {
    #expect(CivilTime(nanoseconds: nanoseconds).rfc3339(decimals: 3) == text)
  }

  @Test func decimalsAreCutOff() {
    let time = CivilTime(nanoseconds: 1_999_999_999)
    #expect(time.rfc3339(decimals: 0) == "1970-01-01T00:00:01Z")
    #expect(time.rfc3339(decimals: 9) == "1970-01-01T00:00:01.999999999Z")
  }
}
