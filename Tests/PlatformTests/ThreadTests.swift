import Platform
import Synchronization
import TestSupport
import Testing

@Suite struct ThreadTests {
  @Test func aJoinedThreadHasDoneItsWork() throws {
    let sum = Mutex(0)
    let threads = try (1...4).map { number throws(SystemError) in
      try WorkerThread(name: "worker \(number)") { sum.withLock { $0 += number } }
    }
    for thread in threads { thread.join() }
    #expect(sum.withLock { $0 } == 10)
  }

  @Test func aThreadBearsItsName() throws {
    let name = Mutex("")
    let thread = try WorkerThread(name: "committer of everything") {
      name.withLock { $0 = KernelFile.text("/proc/thread-self/comm") }
    }
    thread.join()
    #expect(name.withLock { $0 } == "committer of ev")
  }

  @Test func aSetSignalEndsOneWait() {
    let signal = Signal()
    #expect(!signal.wait(timeoutNanoseconds: 0))
    signal.set()
    signal.set()
    #expect(signal.wait(timeoutNanoseconds: 0))
    #expect(!signal.wait(timeoutNanoseconds: 1_000))
    signal.set()
    signal.wait()
  }

  @Test func aWaitEndsWhenItsTimeIsUp() {
    let clock = RealClock()
    let start = clock.monotonic()
    #expect(!Signal().wait(timeoutNanoseconds: 5_000_000))
    #expect(clock.monotonic() - start >= 5_000_000)
  }

  @Test(.timeLimit(.minutes(1)))
  func noWakeUpIsLostBetweenTwoThreads() throws {
    let (ping, pong) = (Signal(), Signal())
    let rounds = 20_000
    let thread = try WorkerThread(name: "echo") {
      for _ in 0..<rounds {
        ping.wait()
        pong.set()
      }
    }
    for round in 0..<rounds {
      ping.set()
      if round % 2 == 0 {
        pong.wait()
      } else {
        #expect(pong.wait(timeoutNanoseconds: 30_000_000_000))
      }
    }
    thread.join()
  }
}
