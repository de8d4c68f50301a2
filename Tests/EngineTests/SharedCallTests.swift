import Engine
import Platform
import Synchronization
import Testing

/// Goal: many who wait for a blocking call share one thread, and nobody gets an answer that is
/// older than the question.
struct SharedCallTests {
  @Test func callersShareTheNextRun() async {
    let call = SharedCall<Int>(name: "shared")
    let runs = Atomic(0)
    let (hasBegun, mayEnd) = (Signal(), Signal())
    let body: @Sendable () -> Int = {
      let run = runs.wrappingAdd(1, ordering: .relaxed).newValue
      if run == 1 {
        hasBegun.set()
        mayEnd.wait(timeoutNanoseconds: 10_000_000_000)
      }
      return run
    }
    async let first = call.run(body) { _ in -1 }
    await Task.detached { _ = hasBegun.wait(timeoutNanoseconds: 10_000_000_000) }.value
    let answers = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<20 { group.addTask { await call.run(body) { _ in -1 } } }
      try? await Task.sleep(for: .milliseconds(100))
      mayEnd.set()
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(await first == 1)
    #expect(answers.allSatisfy { $0 > 1 })
    #expect(runs.load(ordering: .relaxed) <= 3)
    #expect(await call.run(body) { _ in -1 } > 1)
  }
}
