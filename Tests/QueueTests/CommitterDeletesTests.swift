import Model
import Platform
import Queue
import Synchronization
import TestSupport
import Testing

/// Goal: a full disk lets deletes into the log, and nothing else.
@Suite struct CommitterDeletesTests {
  private static let full = SystemError(
    code: SystemError.Code.noSpace,
    operation: "reserve",
    path: "/data/reserve"
  )

  @Test func aFullDiskTakesDeletesAlone() throws {
    let port = ReceiverPort(makesRoom: true) {}
    let bench = try CommitterBench(deletesPort: port)
    #expect(bench.receivers[0].submit(makeBatch([1])))
    bench.run()
    bench.prepared.failure.withLock { $0 = Self.full }
    #expect(bench.receivers[0].submit(makeBatch([2])))
    bench.run()
    #expect(bench.committer.isRefusing)
    #expect(bench.receivers[0].failure(after: 1, upTo: 2)?.hasPrefix("the disk is full") == true)
    for byte in [3, 4] as [UInt8] {
      #expect(port.submit(makeBatch([byte])))
      #expect(bench.receivers[0].submit(makeBatch([9])))
      bench.run()
    }
    #expect(port.settledSequence == 2)
    #expect(port.failure(after: 0, upTo: 2) == nil)
    #expect(bench.receivers[0].settledSequence == 4)
    #expect(bench.receivers[0].failure(after: 2, upTo: 4) != nil)
    #expect(bench.committer.isRefusing)
    #expect(bench.prepared.deleteCount.load(ordering: .relaxed) == 2)
    #expect(bench.popAll(0).map(\.body) == [[1], [3], [4]])
    // Rows are taken again as soon as there is room.
    bench.prepared.failure.withLock { $0 = nil }
    bench.run(milliseconds: 3_000)
    #expect(!bench.committer.isRefusing)
    #expect(bench.receivers[0].submit(makeBatch([5])))
    bench.run()
    #expect(bench.receivers[0].failure(after: 4, upTo: 5) == nil)
    bench.log.disk.crash(.powerLosingAll)
    #expect(try bench.log.replay().batches.map(\.body) == [[1], [3], [4], [5]])
  }

  @Test func aDeleteThatFindsNoSpaceEitherFailsAndTheEndComes() throws {
    let port = ReceiverPort(makesRoom: true) {}
    let bench = try CommitterBench(deletesPort: port)
    bench.prepared.failure.withLock { $0 = Self.full }
    #expect(bench.receivers[0].submit(makeBatch([1])))
    bench.run()
    bench.log.disk.limitFreeSpace(to: 0)
    #expect(port.submit(makeBatch([2])))
    bench.run()
    #expect(port.failure(after: 0, upTo: 1)?.hasPrefix("the disk is full") == true)
    #expect(port.submit(makeBatch([3])))
    #expect(bench.committer.finish(monotonic: bench.log.clock.monotonic()))
    #expect(port.failure(after: 1, upTo: 2) != nil)
  }
}
