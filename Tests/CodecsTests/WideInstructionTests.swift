import Bytes
import CBytes
import Codecs
import Model
import TestSupport
import Testing

/// Goal: wide instructions give the bits that plain loops give. Where the processor has none, both
/// sides of each comparison are plain.
@Suite(.serialized) struct WideInstructionTests {
  @Test(arguments: [60, 129, 1_024])
  func chunksDecodeAlikeWithAndWithoutThem(count: Int) throws {
    defer { cbytes_use_wide(1) }
    for name in ChunkShapes.names {
      for type in [ColumnType.float, .integer, .unsigned] {
        for strength in [ChunkStrength.head, .young, .cold] {
          let cells = ChunkShapes.cells(name, type: type, count: count, seed: UInt64(count))
          let bytes = encoded(cells, type, strength: strength)
          for use in [0, 1] as [Int32] {
            cbytes_use_wide(use)
            let found = try decoded(bytes, type, count: count)
            #expect(found == cells, "\(name) \(type) \(strength), wide \(use)")
          }
        }
      }
    }
  }

  @Test func quotientsAreThoseOfDivision() {
    var random = SeededRandom(seed: 7)
    let limit: Int64 = 1 << 51
    for exponent in 0...15 {
      let power = DecimalScale.powers[exponent]
      var integers: [Int64] = [0, 1, -1, limit - 1, -limit]
      for bits in 1...51 {
        let reach = (1 as Int64) << Int64(bits)
        for _ in 0..<200 { integers.append(.random(in: -reach..<reach, using: &random)) }
      }
      var words = integers.map { UInt64(bitPattern: $0) }
      let isDone = unsafe words.withUnsafeMutableBufferPointer { words in
        unsafe cbytes_unscale(words.baseAddress, words.count, power)
      }
      guard isDone != 0 else { return }
      let quotients = integers.map { (Double($0) / power).bitPattern }
      #expect(words == quotients, "10^\(exponent)")
    }
  }

  @Test func integersOfMoreThan51BitsAreLeftAlone() {
    for count in [1, 4, 7, 60] {
      for place in [0, count - 1] {
        for integer in [1 << 51, -(1 << 51) - 1, .max, .min] as [Int64] {
          var words = Array(repeating: 1 as UInt64, count: count)
          words[place] = UInt64(bitPattern: integer)
          let before = words
          let isDone = unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe cbytes_unscale(words.baseAddress, words.count, 10)
          }
          #expect(isDone == 0)
          #expect(words == before)
        }
      }
    }
  }

  @Test func fieldsOfEveryWidthUnpack() {
    var random = SeededRandom(seed: 11)
    for width in 1...57 {
      for count in [1, 3, 7, 8, 9, 24, 60, 127, 128] {
        let mask = UInt64.max >> UInt64(64 - width)
        let fields = (0..<count).map { _ in random.next() & mask }
        var bytes = Array(repeating: 0 as UInt8, count: (count * width + 7) / 8)
        for (index, field) in fields.enumerated() {
          for bit in 0..<width where field >> UInt64(bit) & 1 == 1 {
            let place = index * width + bit
            bytes[place / 8] |= 1 << UInt8(place % 8)
          }
        }
        var words = Array(repeating: 0 as UInt64, count: count)
        let isDone = unsafe words.withUnsafeMutableBufferPointer { words in
          unsafe cbytes_unpack(
            bytes,
            bytes.count,
            UInt32(width),
            1_000,
            words.baseAddress,
            words.count
          )
        }
        guard isDone != 0 else { return }
        #expect(words == fields.map { $0 &+ 1_000 }, "\(count) fields of \(width) bits")
      }
    }
  }
}
