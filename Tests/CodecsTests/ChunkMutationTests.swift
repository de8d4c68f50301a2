import Bytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: no byte string can trap or write out of bounds. Real chunks of every codec are damaged in
/// ways that reach deep into the decoders: single bits, and runs of mutations from one seed.
@Suite struct ChunkMutationTests {
  struct Sample {
    var type: ColumnType
    var count: Int
    var bytes: [UInt8]
  }

  /// Chunks of all codecs, short ones and long ones.
  static let samples: [Sample] = {
    var random = SeededRandom(seed: 21)
    var samples: [Sample] = []
    for strength in ChunkStrength.allCases {
      for count in [17, 60, 300] {
        for kind in FloatChunkTests.kinds {
          let cells = (0..<count).map { kind.value($0, &random).bitPattern }
          let bytes = encoded(cells, .float, strength: strength)
          samples.append(Sample(type: .float, count: count, bytes: bytes))
        }
        for shape in ChunkShapes.names {
          for type in [ColumnType.float, .integer, .unsigned, .boolean] {
            let cells = ChunkShapes.cells(shape, type: type, count: count, seed: random.next())
            let bytes = encoded(cells, type, strength: strength)
            samples.append(Sample(type: type, count: count, bytes: bytes))
          }
        }
        let words = (0..<count).map { "a state that nothing else has, number \($0)" }
        let text = encodedStrings(words, strength: strength)
        samples.append(Sample(type: .string, count: count, bytes: text))
        for distinct in [1, 4, count] {
          let (cells, arena) = ChunkShapes.strings(count: count, distinct: distinct, seed: 3)
          let bytes = encoded(cells, .string, arena, strength: strength)
          samples.append(Sample(type: .string, count: count, bytes: bytes))
        }
      }
    }
    for (type, shape) in [(ColumnType.float, "decimals"), (.float, "noise"), (.integer, "counter")]
    {
      let cells = ChunkShapes.cells(shape, type: type, count: 520, seed: 5)
      let bytes = encoded(cells, type, strength: .young)
      samples.append(Sample(type: type, count: 520, bytes: bytes))
    }
    // Tokens that leave low bits open.
    let doubles = (0..<1_200).map { _ in Double.random(in: 0..<100, using: &random).bitPattern }
    let bytes = encoded(doubles, .float, strength: .cold)
    samples.append(Sample(type: .float, count: doubles.count, bytes: bytes))
    return samples
  }()

  @Test func samplesHoldEveryCodecOfAColumn() {
    var codecs = Set(Self.samples.compactMap { ChunkDescription($0.bytes.span)?.codec })
    codecs.formUnion(Self.samples.compactMap { ChunkCodec(firstByte: $0.bytes[0]) })
    let missing = Set(ChunkCodec.allCases).subtracting(codecs)
    #expect(missing.isSubset(of: [.grid, .xor]), "\(missing)")
    #expect(Self.samples.contains { ChunkDescription($0.bytes.span)?.isCoarse == true })
  }

  @Test func noFlippedBitTraps() {
    for sample in Self.samples where sample.bytes.count <= 160 {
      for bit in 0..<sample.bytes.count * 8 {
        expectSound(sample, sample.bytes.flipping(bit: bit))
      }
    }
  }

  @Test(arguments: UInt64(1)...40)
  func noMutationTraps(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for sample in Self.samples {
      var bytes = sample.bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) { Self.mutate(&bytes, &random) }
      expectSound(sample, bytes)
      // The same bytes as if they were of another type and length.
      let type = ColumnType.allCases[Int.random(in: 0..<5, using: &random)]
      let count = Int.random(in: 1...400, using: &random)
      expectSound(Sample(type: type, count: count, bytes: []), bytes)
      _ = try? TimestampChunk.decode(bytes.span, count: count)
    }
  }

  private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    guard !bytes.isEmpty else { return bytes.append(UInt8(truncatingIfNeeded: random.next())) }
    let index = Int.random(in: 0..<bytes.count, using: &random)
    switch Int.random(in: 0...5, using: &random) {
    case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
    case 1: bytes[index] = [0, 1, 0x7f, 0x80, 0xff][Int.random(in: 0..<5, using: &random)]
    case 2: bytes.remove(at: index)
    case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: index)
    case 4: bytes.removeLast(min(bytes.count - 1, Int.random(in: 1...8, using: &random)))
    default:
      // The head decides most.
      let near = min(bytes.count, 8)
      bytes[Int.random(in: 0..<near, using: &random)] ^= UInt8(truncatingIfNeeded: random.next())
    }
  }

  private func expectSound(_ sample: Sample, _ bytes: [UInt8]) {
    let cells = try? decoded(bytes, sample.type, count: sample.count)
    if let cells, cells.count != sample.count {
      Issue.record("\(cells.count) cells instead of \(sample.count)")
    }
    if let cells, sample.type == .boolean, cells.contains(where: { $0 > 1 }) {
      Issue.record("a boolean of neither 0 nor 1")
    }
  }
}
