import Query
import Testing
import Tool

struct SettingKindTests {
  @Test(arguments: [
    ("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("1.5 GiB", 3 << 29), ("0", 0), ("7B", 7),
  ])
  func sizesTakeUnits(text: String, byteCount: Int) {
    #expect(SettingKind.bytes(0...(1 << 40)).value(of: text) == .bytes(byteCount))
  }

  @Test(arguments: ["64", "1048576", "", "MiB", "-1MiB", "64M", "1e6B", "2TiB", "0x10B", "no"])
  func otherSizesAreRefused(text: String) {
    #expect(SettingKind.bytes(0...(1 << 40)).value(of: text) == nil)
  }

  @Test(
    arguments: [
      ("10ms", 10_000_000), ("2d", 172_800_000_000_000), ("1h30m", 5_400_000_000_000), ("0", 0),
    ] as [(String, Int64)]
  )
  func durationsTakeUnits(text: String, nanoseconds: Int64) {
    let kind = SettingKind.duration(0...(1 << 60), step: 1)
    #expect(kind.value(of: text) == .duration(nanoseconds))
    #expect("\(SettingValue.duration(nanoseconds))" == text)
  }

  @Test(arguments: ["10", "60", "", "5x", "1h30", "-1s", "1:30"])
  func otherDurationsAreRefused(text: String) {
    #expect(SettingKind.duration(0...(1 << 60), step: 1).value(of: text) == nil)
  }

  @Test func secondsAreWhole() {
    let kind = SettingKind.duration(0...60_000_000_000, step: 1_000_000_000)
    #expect(kind.value(of: "1500ms") == nil)
    #expect(kind.value(of: "2000ms") == .duration(2_000_000_000))
  }

  @Test(arguments: [
    "007", "+7", "1_000", "1,000", "1e3", "0x7", " 7", "", "٣", "99999999999999999999",
  ])
  func onlyPlainNumbersCount(text: String) {
    #expect(SettingKind.count(0...1_000_000).value(of: text) == nil)
  }

  @Test(arguments: [
    (0, "0"), (64 << 20, "64MiB"), (1 << 30, "1GiB"), (1_000_000, "1MB"), (1_536, "1536B"),
    (3 << 29, "1536MiB"), (1_500, "1500B"),
  ])
  func sizesReadBackExactly(byteCount: Int, text: String) {
    #expect("\(SettingValue.bytes(byteCount))" == text)
    #expect(SettingKind.bytes(0...(1 << 40)).value(of: text) == .bytes(byteCount))
  }

  @Test func addressesAreWrittenOneWay() {
    #expect(SettingKind.address.value(of: "[::1]:9009") == .text("[::1]:9009"))
    #expect(SettingKind.address.value(of: "::1:9009") == nil)
    #expect(SettingKind.address.value(of: "9009") == nil)
  }

  @Test(arguments: [
    ("open_rows", "open-rows"), ("openrows", "open-rows"), ("line-tcp", "line.tcp"),
    ("retain.bytes", "retention.bytes"), ("durabilty", "durability"), ("lien.tcp", "line.tcp"),
    ("log.levle", "log.level"), ("partition", "partitions"),
  ])
  func slipsAreUnderstood(typed: String, meant: String) {
    #expect(NearName.suggestion(for: typed, among: Settings.all.map(\.key)) == meant)
  }

  @Test(arguments: ["", "kubernetes", "x"])
  func nothingNearIsNothing(typed: String) {
    #expect(NearName.suggestion(for: typed, among: Settings.all.map(\.key)) == nil)
  }
}
