import Codecs
import Model
import TestSupport
import Testing

/// Goal: what `inspect --codecs` says of a column is true of its values.
@Suite struct ChunkInspectorTests {
  private static func inspection(
    _ values: [Double],
    strength: ChunkStrength = .young
  ) throws -> (ChunkInspection, byteCount: Int) {
    let cells = values.map(\.bitPattern)
    let bytes = encoded(cells, .float, strength: strength)
    var inspector = ChunkInspector()
    let found = try inspector.inspect(
      bytes.span,
      type: .float,
      count: cells.count,
      strength: strength
    )
    return (found, bytes.count)
  }

  @Test(arguments: [ChunkStrength.head, .young, .cold])
  func aCounterRisesInWholeSteps(strength: ChunkStrength) throws {
    let values = (0..<1_200).map { Double($0 * 4_096 + ($0 % 7) * 8_192) }
    let (found, byteCount) = try Self.inspection(values, strength: strength)
    #expect(found.codec == .scaled)
    #expect(found.isWhole && !found.isRising)
    #expect(found.step == 4_096)
    let other = try #require(found.runnerUp)
    #expect(other.codec != .scaled)
    #expect(other.byteCount > byteCount)
    let (rising, _) = try Self.inspection((0..<1_200).map { Double($0 * $0) }, strength: strength)
    #expect(rising.isRising)
  }

  @Test func quartersAreMultiplesOfAQuarter() throws {
    let values = (0..<600).map { Double(400 + ($0 * 7) % 13) / 4 }
    let (found, _) = try Self.inspection(values)
    #expect(found.step == 0.25)
    #expect(!found.isWhole)
  }

  @Test func repeatsAreCounted() throws {
    let (found, _) = try Self.inspection((0..<1_000).map { Double($0 / 100) })
    #expect(found.repeatCount == 990)
    let (constant, _) = try Self.inspection(Array(repeating: 7, count: 60))
    #expect(constant.repeatCount == 59)
    #expect(constant.runnerUp == nil)
  }

  @Test func doublesHaveNoStep() throws {
    let (found, byteCount) = try Self.inspection((1...600).map { 1 / Double($0 * $0 + 1) })
    #expect(found.step == nil)
    let other = try #require(found.runnerUp)
    #expect(other.byteCount >= byteCount)
  }

  /// Sixteen digits name any double between a half and 0.9, so these are decimals; but those of
  /// two digits, moved by a unit here and there, take a sixth.
  @Test(arguments: [ChunkStrength.head, .young, .cold])
  func bentDecimalsThatAreDecimalsOfManyDigitsAreStoredAsBent(strength: ChunkStrength) throws {
    var random = SeededRandom(seed: 3)
    let values = (0..<1_200).map { _ in
      let value = Double(Int.random(in: 50...88, using: &random)) / 100
      return random.oneIn(3) ? value.nextUp : value
    }
    let (found, byteCount) = try Self.inspection(values, strength: strength)
    #expect(found.codec == .nearlyDecimal)
    let other = try #require(found.runnerUp)
    #expect(other.byteCount >= byteCount)
    let cells = values.map(\.bitPattern)
    let bytes = encoded(cells, .float, strength: strength)
    #expect(try decoded(bytes, .float, count: cells.count) == cells)
  }

  @Test(arguments: [1.0, 10, 100, 1_000])
  func fractionsOfPowersOfTenAreNoOtherCodecThanDecimals(power: Double) throws {
    let values = (0..<1_200).map { Double(($0 * 37) % 101) / power }
    let (found, _) = try Self.inspection(values, strength: .cold)
    #expect(found.codec == .scaled)
    let other = try #require(found.runnerUp)
    #expect(other.codec != .fraction)
    #expect(other.codec != .quotient)
  }

  @Test func stringsAndIntegersAreLookedAtToo() throws {
    let (cells, arena) = ChunkShapes.strings(count: 100, distinct: 1, seed: 3)
    let text = encoded(cells, .string, arena)
    var inspector = ChunkInspector()
    let strings = try inspector.inspect(text.span, type: .string, count: 100, strength: .head)
    #expect(strings.repeatCount == 99)
    #expect(strings.runnerUp == nil)
    let integers = (0..<100).map { UInt64($0 * 30) }
    let bytes = encoded(integers, .integer)
    let found = try inspector.inspect(bytes.span, type: .integer, count: 100, strength: .head)
    #expect(found.step == 30)
    #expect(found.isRising && found.isWhole)
  }
}
