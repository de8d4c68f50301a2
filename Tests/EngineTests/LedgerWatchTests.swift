import Blocks
import Engine
import Model
import Platform
import TestSupport
import Testing

/// Goal: points that went uncounted are told, by whoever looks at the ledger and by the next cut,
/// once a minute; nothing is told while all are counted.
@Suite struct LedgerWatchTests {
  private static let manifest = "/data/partitions/00/manifest"
  private static let told = "the ledger does not balance"

  /// A directory with ten points in a block, `missing` of which no count of the manifest has.
  private static func disk(missing: UInt64) async throws -> FaultyDisk {
    let disk = FaultyDisk(seed: 5)
    let harness = try EngineHarness(on: disk) { $0.partitionCount = 1 }
    let lines = (0..<10).map { "m,h=a f=1 \(1_795_373_300 + $0)\n" }.joined()
    #expect(try harness.send(lines + "#ack 1\n") == "OK 1 10 0\n")
    try await harness.engine.flush()
    try harness.kill()
    let written = disk.files[Self.manifest] ?? []
    var manifest = try Manifest(written.span)
    #expect(manifest.ledger.map(\.stored) == [10])
    manifest.ledger[0].stored -= missing
    let bytes = manifest.encoded()
    disk.damage(Self.manifest) { $0 = bytes }
    return disk
  }

  private static func engine(
    on disk: FaultyDisk,
    _ clock: any Clock,
    _ log: CapturedLog,
    _ threading: Engine.Threading
  ) throws -> Engine {
    var configuration = EngineConfiguration(dataDirectory: "/data")
    configuration.partitionCount = 1
    let engine = try Engine(
      configuration,
      disk: disk,
      clock: clock,
      logger: log.logger,
      threading: threading
    )
    _ = try engine.start()
    return engine
  }

  @Test(arguments: [0, 3] as [UInt64])
  func whoeverLooksIsToldOnceAMinute(missing: UInt64) async throws {
    let (log, clock) = (CapturedLog(), ManualClock(now: 1_795_373_340_000_000_000))
    let engine = try Self.engine(on: try await Self.disk(missing: missing), clock, log, .manual)
    for minute in 1...3 {
      for _ in 0..<5 {
        let rows = await engine.ledger()
        #expect(rows.map(\.isBalanced) == [missing == 0])
        clock.advance(nanoseconds: 1_000_000_000)
      }
      #expect(log.lines.count { $0 == Self.told } == (missing == 0 ? 0 : minute))
      clock.advance(nanoseconds: 60_000_000_000)
    }
  }

  /// Nobody asks for the ledger here.
  @Test(arguments: [0, 3] as [UInt64])
  func theNextCutTells(missing: UInt64) async throws {
    let log = CapturedLog()
    let engine = try Self.engine(
      on: try await Self.disk(missing: missing),
      RealClock(),
      log,
      .threads
    )
    let settled = Signal()
    let receiver = try engine.makeReceiver(onSettled: { settled.set() })
    let connection = receiver.open(sender: "test")
    let bytes = Array("m,h=a f=2 1795373400\n#ack 1\n".utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe receiver.receive($0, on: connection) }
    receiver.endOfRound()
    while !connection.hasReplies {
      settled.wait(timeoutNanoseconds: 10_000_000)
      receiver.tick()
      receiver.settle()
    }
    #expect(connection.takeReplies() == Array("OK 1 1 0\n".utf8))
    #expect(!log.lines.contains(Self.told))
    try await engine.flush()
    try engine.stop()
    #expect(log.lines.count { $0 == Self.told } == (missing == 0 ? 0 : 1))
  }
}
