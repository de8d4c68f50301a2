import Bytes
import Codecs
import Model
import TestSupport
import Testing

@Suite struct TimestampChunkTests {
  static let start: Timestamp = 1_700_000_000_000_000_000
  static let second = Nanoseconds.perSecond

  static let shapes: [(name: String, timestamps: [Timestamp], byteCount: Int)] = [
    ("one", [start], 1 + 9),
    ("the epoch", [0], 2),
    ("a steady minute", (0..<60).map { start + $0 * second }, 1 + 9 + 1 + 1),
    ("the end of time", [0, .max], 1 + 1 + 1 + 9),
    // Whole milliseconds: 58 changes of 9 bits.
    (
      "jitter of milliseconds", (0..<60).map { start + $0 * second + ($0 % 2) * 3_000_000 },
      1 + 9 + 1 + 2 + (58 * 9 + 7) / 8
    ),
    // One hole: two changes of 9 bits, 56 of one.
    (
      "one missing", (0..<61).filter { $0 != 30 }.map { start + $0 * second },
      1 + 9 + 1 + 1 + (56 + 18 + 7) / 8
    ),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(name: String, timestamps: [Timestamp], byteCount: Int) throws {
    let bytes = chunk(timestamps)
    #expect(bytes.count == byteCount)
    #expect(try TimestampChunk.decode(bytes.span, count: timestamps.count) == timestamps)
  }

  @Test func goldenBytesNeverChange() {
    // 5 s, then steps of 1 s, 1 s, 3 s, 1 s: codes 0, 10 + zigzag 4, 10 + zigzag 3.
    let timestamps = [5, 6, 7, 10, 11].map { Timestamp($0) * Self.second }
    #expect(Hex.text(chunk(timestamps)) == "0a80e497d0120301223400")
  }

  @Test(arguments: UInt64(1)...300)
  func seededCadencesRoundTrip(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let unit: Int64 = [1, 1_000, 1_000_000, Self.second][Int(seed % 4)]
    let spread: Int64 = [1, 3, 100, 5_000, 2_000_000, 900_000_000][
      Int.random(in: 0..<6, using: &random)
    ]
    var timestamp = Int64.random(in: 0...1_000_000, using: &random)
    let timestamps = (0..<Int.random(in: 1...300, using: &random)).map { _ in
      let isSteady = Bool.random(using: &random)
      timestamp +=
        unit * (isSteady ? 1 : .random(in: 1...min(spread, Int64.max / unit / 400), using: &random))
      return timestamp
    }
    #expect(
      try TimestampChunk.decode(chunk(timestamps).span, count: timestamps.count) == timestamps
    )
  }

  @Test(arguments: shapes)
  func everyCutIsRefusedAndNoBitFlipTraps(name: String, timestamps: [Timestamp], byteCount: Int) {
    let count = timestamps.count
    expectSoundRefusals(chunk(timestamps), count: count) { bytes throws(ChunkError) in
      let result = try TimestampChunk.decode(bytes.span, count: count)
      #expect(zip(result, result.dropFirst()).allSatisfy { $0 < $1 })
      return result
    }
  }

  static let damages: [(bytes: [UInt8], count: Int, error: ChunkError)] = [
    ([], 1, .truncated),
    ([3, 0], 1, .codec(3)),
    ([9, 0, 4, 1], 2, .malformed(.unit)),
    ([9, 0, 0, 0], 2, .malformed(.step)),
    ([9] + Array(repeating: 0xff, count: 9) + [1, 0, 1], 2, .malformed(.timestamp)),
    ([9, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 2, .malformed(.timestamp)),
    // A second step of 1 − 1 stands still.
    ([10, 0, 0, 1, 0b101, 0], 3, .malformed(.timestamp)),
    ([9, 0, 0, 1, 0], 2, .trailing),
  ]

  @Test(arguments: damages)
  func damageIsNamed(bytes: [UInt8], count: Int, error: ChunkError) {
    #expect(throws: error) { try TimestampChunk.decode(bytes.span, count: count) }
  }
}

private func chunk(_ timestamps: [Timestamp]) -> [UInt8] {
  var buffer = OutputBuffer()
  TimestampChunk.encode(timestamps.span, into: &buffer)
  return buffer.array()
}
