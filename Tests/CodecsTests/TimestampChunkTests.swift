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
    // Whole milliseconds: an offset of 0 or 3 for each, and what says so.
    (
      "jitter of milliseconds", (0..<60).map { start + $0 * second + ($0 % 2) * 3_000_000 },
      1 + 9 + 1 + 2 + 5 + 8
    ),
    // One hole: one patch.
    (
      "one missing", (0..<61).filter { $0 != 30 }.map { start + $0 * second },
      1 + 9 + 1 + 1 + 6
    ),
    (
      "an hour of bursts", (0..<600).map { start + ($0 / 10) * 60 * second + $0 % 10 * second },
      1 + 9 + 1 + 2 + 600
    ),
  ]

  @Test(arguments: shapes)
  func roundTripsAtKnownSize(name: String, timestamps: [Timestamp], byteCount: Int) throws {
    let bytes = chunk(timestamps)
    #expect(bytes.count <= byteCount)
    #expect(try TimestampChunk.decode(bytes.span, count: timestamps.count) == timestamps)
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
    ([11, 0, 4, 1], 2, .malformed(.unit)),
    ([11, 0, 0x40, 1], 2, .malformed(.unit)),
    ([11, 0, 0, 0], 2, .malformed(.step)),
    ([11] + Array(repeating: 0xff, count: 9) + [1, 0, 1], 2, .malformed(.timestamp)),
    ([11, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 2, .malformed(.timestamp)),
    // One step left out less than none: the second stands still.
    ([11, 0, 0x10, 1, 3, 1], 2, .malformed(.timestamp)),
    ([11, 0, 0, 1, 0], 2, .trailing),
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
