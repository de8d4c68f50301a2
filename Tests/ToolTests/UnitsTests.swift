import Testing
import Tool

struct UnitsTests {
  @Test(arguments: [
    ("4096", 4_096), ("512MiB", 512 << 20), ("1GiB", 1 << 30), ("1.5 GiB", 3 << 29),
    ("64KiB", 64 << 10), ("2TiB", 2 << 40), ("10kB", 10_000), ("10KB", 10_000),
    ("1GB", 1_000_000_000),
    ("7B", 7), ("0", 0),
  ])
  func sizesTakeUnits(text: String, byteCount: Int) {
    #expect(ByteSize(argument: text)?.byteCount == byteCount)
  }

  @Test(arguments: [
    "", "MiB", "12XB", "-1", "1e3", "1.MiB", "512 M", "9999999999TiB", "٣MiB", "nan",
  ])
  func otherSizesAreRefused(text: String) {
    #expect(ByteSize(argument: text) == nil)
  }

  @Test(arguments: [
    (4_096, "4 KiB"), (512 << 20, "512 MiB"), (3 << 29, "1.5 GiB"), (1_000, "1000 B"), (0, "0 B"),
  ])
  func sizesReadBack(byteCount: Int, text: String) {
    #expect(ByteSize(byteCount: byteCount).description == text)
    #expect(ByteSize(argument: text)?.byteCount == byteCount)
  }

  @Test(
    arguments: [
      ("10", 10_000_000_000), ("0.5", 500_000_000), ("10s", 10_000_000_000), ("500ms", 500_000_000),
      ("1h30m", 5_400_000_000_000), ("2d", 172_800_000_000_000), ("15us", 15_000), ("7ns", 7),
      ("1.5s", 1_500_000_000), ("0", 0),
    ] as [(String, Int64)]
  )
  func timesTakeUnits(text: String, nanoseconds: Int64) {
    #expect(TimeSpan(argument: text)?.nanoseconds == nanoseconds)
  }

  @Test(arguments: ["", "s", "10x", "1h30", "-5s", "10 000", "1e30d", "1..5s"])
  func otherTimesAreRefused(text: String) {
    #expect(TimeSpan(argument: text) == nil)
  }

  @Test(
    arguments: [
      (1_000_000_000, "1 s"), (600_000_000_000, "10 m"), (1_500_000, "1.5 ms"), (0, "0 ns"),
      (172_800_000_000_000, "2 d"), (90_000_000_000, "90 s"),
    ] as [(Int64, String)]
  )
  func timesReadBack(nanoseconds: Int64, text: String) {
    #expect(TimeSpan(nanoseconds: nanoseconds).description == text)
  }

  @Test func numbersReadAsPeopleWriteThem() {
    #expect(Quantity.grouped(1_234_567) == "1,234,567")
    #expect(Quantity.grouped(999) == "999")
    #expect(Quantity.grouped(-1_000) == "-1,000")
    #expect(Quantity.short(2_050_000) == "2.05 M")
    #expect(Quantity.short(950) == "950")
    #expect(Quantity.short(2_050_000, "points/s") == "2.05 M points/s")
    #expect(Quantity.short(200, "points/s") == "200 points/s")
    #expect(Quantity.short(28_810_000, "B/s") == "28.81 MB/s")
    #expect(Quantity.short(200, "B/s") == "200 B/s")
    #expect(Quantity.decimals(1.005, 1) == "1.0")
    #expect(Quantity.decimals(-0.25, 2) == "-0.25")
    #expect(Quantity.decimals(12.3456, 3) == "12.346")
  }
}
