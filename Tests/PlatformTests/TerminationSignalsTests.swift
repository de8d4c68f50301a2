import Glibc
import Platform
import Testing

@Suite struct TerminationSignalsTests {
  @Test func bothSignalsAreHandedOverAndTheSecondOneToo() async {
    await #expect(processExitsWith: .exitCode(33)) {
      let seen = HandoverRing<String>(capacity: 8)
      let arrival = Signal()
      try TerminationSignals.handle { name in
        _ = seen.push(name)
        arrival.set()
      }
      var names: [String] = []
      for number in [SIGTERM, SIGINT, SIGTERM] {
        kill(getpid(), number)
        arrival.wait(timeoutNanoseconds: 10_000_000_000)
        if let name = seen.pop() { names.append(name) }
      }
      if names == ["SIGTERM", "SIGINT", "SIGTERM"] { exit(33) }
    }
  }

  @Test func aPeerThatHangsUpIsAnErrorAndNoDeath() async {
    await #expect(processExitsWith: .exitCode(34)) {
      TerminationSignals.ignoreBrokenPipe()
      var ends: [Int32] = [0, 0]
      guard unsafe pipe(&ends) == 0 else { return }
      close(ends[0])
      let count = unsafe write(ends[1], [UInt8(1)], 1)
      if count == -1, errno == EPIPE { exit(34) }
    }
  }
}
