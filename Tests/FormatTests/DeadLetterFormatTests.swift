import Model
import Queue
import TestSupport
import Testing

/// Fixtures/format-v1/dead-letters.bin opens for ever, and the same letters still make the same
/// bytes.
@Suite struct DeadLetterFormatTests {
  static let fixture = "format-v1/dead-letters.bin"
  static let directory = "/data/dead-letters"
  static let path = "/data/dead-letters/0000000000000001.log"

  static let letters = [
    DeadLetter(
      time: 1_795_373_340_000_000_000,
      tenant: .default,
      sender: "10.0.0.7:40112",
      line: 12,
      column: 14,
      reason: .unparsable,
      message: "no number: 1.2.3",
      text: [UInt8](text: "cpu,host=a v=1.2.3")
    ),
    DeadLetter(
      time: 1_795_373_341_000_000_000,
      tenant: TenantID(1),
      sender: "",
      line: 1,
      column: 1,
      reason: .tooLong,
      message: "",
      text: [UInt8](text: "cpu"),
      isCut: true
    ),
  ]

  private static func log(_ disk: FaultyDisk) -> DeadLetterLog {
    DeadLetterLog(
      disk: disk,
      directory: directory,
      clock: ManualClock(now: 1_795_373_340_000_000_000)
    )
  }

  @Test func writerStillWritesTheFixture() throws {
    let disk = FaultyDisk()
    Self.log(disk).append(Self.letters[0])
    // Another run begins with a resumption.
    Self.log(disk).append(Self.letters[1])
    #expect(try Fixtures.matches(Self.fixture, disk.files[Self.path] ?? []))
  }

  @Test func fixtureStillHoldsTheLetters() throws {
    let log = Self.log(FaultyDisk(files: [Self.path: try Fixtures.bytes(Self.fixture)]))
    #expect(try log.newest(countMax: 10) == Self.letters.reversed())
    #expect(log.check().isEmpty)
  }

  @Test func pageShowsTheFixture() throws {
    let bytes = try Fixtures.bytes(Self.fixture)
    let page = try FormatPage("dead-letters.md")
    #expect(page.shows(bytes), "\(FormatPage.rows(bytes).joined(separator: "\n"))")
  }
}
