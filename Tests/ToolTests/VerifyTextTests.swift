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

  @Test func theExitStatusTellsDamageFromUnreadableFromSound() {
    #expect(VerifyText.exitStatus([]) == 0)
    #expect(VerifyText.exitStatus([finding(.note)]) == 0)
    #expect(VerifyText.exitStatus([finding(.note), finding(.unreadable)]) == 2)
    #expect(VerifyText.exitStatus([finding(.unreadable), finding(.damage)]) == 1)
  }
}
