import Blocks
import Codecs
import Cold
import Model
import Testing

/// Goal: what moves is what is old, done with and too much, and nothing else.
@Suite struct ColdPlanTests {
  private static let day: Int64 = 86_400_000_000_000
  private static let now: Timestamp = 1_795_373_340_000_000_000

  private static func block(
    _ number: UInt64,
    days: Int64,
    bytes: Int = 1_000,
    strength: ChunkStrength = .cold,
    isCold: Bool = false
  ) -> BlockSummary {
    var summary = BlockSummary(
      identity: BlockIdentity(
        partition: PartitionID(3),
        tenant: TenantID(0),
        epoch: Epoch(1),
        a: Offset(number),
        b: Offset(number + 1),
        cut: number + 1,
        strength: strength
      ),
      byteCount: bytes,
      groupCount: 1,
      rowCount: 10,
      pointCount: 10,
      firstTimestamp: now - (days + 1) * day,
      lastTimestamp: now - days * day
    )
    if isCold { summary.cold = ColdReference(digest: 1) }
    return summary
  }

  private static func numbers(_ blocks: [BlockSummary], _ policy: ColdPolicy) -> [UInt64] {
    ColdPlan.moves(of: blocks, policy, now: now).map(\.identity.a.rawValue)
  }

  @Test func blocksMoveByAge() {
    let blocks = [
      Self.block(0, days: 40, isCold: true), Self.block(1, days: 20), Self.block(2, days: 31),
      Self.block(3, days: 30, strength: .young), Self.block(4, days: 90),
    ]
    #expect(Self.numbers(blocks, ColdPolicy()) == [])
    #expect(Self.numbers(blocks, ColdPolicy(ageNanoseconds: 30 * Self.day)) == [4, 2])
    #expect(Self.numbers(blocks, ColdPolicy(ageNanoseconds: 19 * Self.day)) == [4, 2, 1])
  }

  @Test func blocksOfTheRingsDaysNeverMove() {
    let blocks = (0..<6).map { Self.block(UInt64($0), days: Int64($0)) }
    #expect(Self.numbers(blocks, ColdPolicy(ageNanoseconds: 1)) == [5, 4])
    #expect(Self.numbers(blocks, ColdPolicy(localByteCountMax: 0)) == [5, 4])
  }

  @Test func theOldestMoveUntilTheRestFits() {
    let blocks = (0..<10).map { Self.block(UInt64($0), days: Int64($0) + 10) }
    #expect(Self.numbers(blocks, ColdPolicy(localByteCountMax: 10_000)) == [])
    #expect(Self.numbers(blocks, ColdPolicy(localByteCountMax: 7_500)) == [9, 8, 7])
    let policy = ColdPolicy(ageNanoseconds: 18 * Self.day, localByteCountMax: 8_999)
    #expect(Self.numbers(blocks, policy) == [9, 8])
    let cold = blocks.map { block in
      var block = block
      block.cold = ColdReference(digest: 2)
      return block
    }
    #expect(Self.numbers(cold, ColdPolicy(localByteCountMax: 1)) == [])
  }

  @Test func ageAndBytesOfSomeAreTheirOwn() {
    let blocks = (0..<6).map { number in
      var block = Self.block(UInt64(number), days: Int64(number) + 10)
      if number.isMultiple(of: 2) { block.identity.tenant = TenantID(1) }
      return block
    }
    func moves(_ most: Int?, _ policy: ColdPolicy = ColdPolicy()) -> [UInt64] {
      ColdPlan.moves(of: blocks, policy, now: Self.now) { block in
        block.identity.a == Offset(1)
      } byteCountMax: { tenant in
        tenant == TenantID(1) ? most : nil
      }.map(\.identity.a.rawValue)
    }
    #expect(moves(nil) == [1])
    #expect(moves(1_000) == [4, 2, 1])
    #expect(moves(0) == [4, 2, 1, 0])
    // What has moved for the tenant counts for all.
    #expect(moves(1_000, ColdPolicy(localByteCountMax: 3_000)) == [4, 2, 1])
    #expect(moves(1_000, ColdPolicy(localByteCountMax: 2_999)) == [5, 4, 2, 1])
  }

  @Test func whatIsBarredStays() {
    let blocks = (0..<3).map { Self.block(UInt64($0), days: 50) }
    let policy = ColdPolicy(ageNanoseconds: 30 * Self.day)
    let moves = ColdPlan.moves(
      of: blocks,
      policy,
      now: Self.now,
      without: [blocks[1].identity.qualifiedName]
    )
    #expect(moves.map(\.identity.a.rawValue) == [0, 2])
  }
}
