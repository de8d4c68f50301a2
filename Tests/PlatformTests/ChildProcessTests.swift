import Glibc
import Platform
import TestSupport
import Testing

/// Goal: a program can be started, listened to and ended, and its end is told as it was.
@Suite struct ChildProcessTests {
  private func shell(
    _ script: String,
    environment: [String: String] = [:]
  ) throws -> ChildProcess {
    try ChildProcess("/bin/sh", ["-c", script], environment: environment, errors: "/dev/null")
  }

  @Test func outputComesLineByLineAndTheExitStatusIsTold() throws {
    let child = try shell("echo one; echo two $WHAT; exit 3", environment: ["WHAT": "three"])
    #expect(try child.readLine() == "one")
    #expect(try child.readLine() == "two three")
    #expect(try child.readLine() == nil)
    #expect(child.wait() == .exited(3))
    #expect(child.hasEnded)
    child.kill()
  }

  @Test func aKillIsToldFromAnExit() throws {
    let child = try shell("echo up; exec sleep 100")
    #expect(try child.readLine() == "up")
    #expect(!child.hasEnded)
    child.kill()
    #expect(child.wait() == .killed(signal: 9))
  }

  @Test func itGetsNoFileOfThisProcess() throws {
    // A descriptor that a library has opened without closing it on exec.
    let left = unsafe open("/dev/null", O_RDONLY)
    defer { close(left) }
    #expect(left > 2)
    let child = try shell("test -e /proc/self/fd/\(left) && echo leaked; echo done")
    #expect(try child.readLine() == "done")
    #expect(child.wait() == .exited(0))
  }

  @Test func aProgramThatIsNotThereIsAnError() {
    #expect(throws: SystemError.self) {
      _ = try ChildProcess("/no/such/program", [], errors: "/dev/null")
    }
  }

  @Test func aCrashPointIsNamedWithItsCount() {
    #expect(CrashPoint.parse("cut.committed").map { $0 == (.cutCommitted, 1) } == true)
    #expect(CrashPoint.parse("log.synced:12").map { $0 == (.logSynced, 12) } == true)
    #expect(CrashPoint.parse("log.synced:x").map { $0 == (.logSynced, 1) } == true)
    #expect(CrashPoint.parse("elsewhere") == nil)
    #expect(CrashPoint.parse("") == nil)
    #expect(CrashPoint.parse(nil) == nil)
    // Off: nothing happens.
    for point in CrashPoint.allCases { point.reach() }
  }
}
