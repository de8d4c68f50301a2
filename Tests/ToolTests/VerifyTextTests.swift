import Model
import Testing
import Tool

struct VerifyTextTests {
  private func finding(_ severity: Damage.Severity) -> Damage {
    Damage(
      severity: severity,
      path: "/d/queue/1.segment",
      offset: 4_096,
      byteCount: 12,
      what: "bad checksum",
      range: "m,host=\u{1b}[2J"
    )
  }

  @Test func aDamageIsALineWithoutControlCharacters() {
    #expect(
      VerifyText.line(finding(.damage))
        == "/d/queue/1.segment 4096 12 bad checksum m,host=\\x1b[2J\n"
    )
  }

  private func report(_ severities: Damage.Severity...) -> VerifyReport {
    VerifyReport(severities.map(finding), 1_204, 3 << 20)
  }

  @Test func theExitStatusTellsDamageFromUnreadableFromSound() {
    #expect(report().exitStatus == 0)
    #expect(report(.note).exitStatus == 0)
    #expect(report(.note, .unreadable).exitStatus == 2)
    #expect(report(.unreadable, .damage).exitStatus == 1)
  }

  @Test func theSummaryTellsThemApartToo() {
    #expect(report().summary == "1,204 files, 3 MiB: sound")
    #expect(report(.note).summary == "1,204 files, 3 MiB: sound, 1 note")
    #expect(report(.unreadable).summary == "1,204 files, 3 MiB: 1 place that cannot be read")
    #expect(
      report(.damage, .damage, .unreadable, .note, .note).summary
        == "1,204 files, 3 MiB: 2 damaged places, 1 place that cannot be read, 2 notes"
    )
  }

  @Test func jsonHasEveryFindingAsItIs() {
    #expect(
      report(.damage).json.text == #"""
        {"sound":false,"files":1204,"bytes":3145728,"damaged":1,"unreadable":0,"notes":0,\#
        "findings":[{"severity":"damage","path":"/d/queue/1.segment","offset":4096,"length":12,\#
        "what":"bad checksum","range":"m,host=\u001b[2J"}]}
        """#
    )
  }
}
