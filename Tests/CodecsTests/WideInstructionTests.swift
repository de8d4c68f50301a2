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

  @Test func integersOfMoreThan51BitsAreDividedToo() {
    for count in [1, 4, 7, 60, 1_024, 2_500] {
      for place in [0, count / 2, count - 1] {
        for integer in [1 << 51, -(1 << 51) - 1, .max, .min] as [Int64] {
          var words = Array(repeating: 1 as UInt64, count: count)
          words[place] = UInt64(bitPattern: integer)
          let quotients = words.map { (Double(Int64(bitPattern: $0)) / 10).bitPattern }
          let isDone = unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe cbytes_unscale(words.baseAddress, words.count, 10)
          }
          if isDone != 0 { #expect(words == quotients) }
        }
      }
    }
  }

  /// Pages, ticks of a second, doubles of few bits, in chunks of a block and of several.
  @Test(arguments: [2, 7, 60, 128, 129, 1_024, 3_000])
  func columnsWithSomethingUnderneathAreWrittenAndReadAlike(count: Int) throws {
    defer { cbytes_use_wide(1) }
    var random = SeededRandom(seed: UInt64(count))
    var pages: [Cell] = []
    var ticks: [Cell] = []
    var mixed: [Cell] = []
    var level = 1_000_000.0
    for index in 0..<count {
      level += Double(Int.random(in: -50...50, using: &random))
      pages.append((level * 4_096).bitPattern)
      let total = Double(Int.random(in: 198...202, using: &random))
      let share = 100 * Double(Int.random(in: 0..<40, using: &random)) / total
      ticks.append(share.bitPattern)
      let odd: [Double] = [.nan, -0.0, .infinity, 0x1p40 + 0.5, -share, 1e300, share * 1e7]
      mixed.append(index % 5 == 4 ? odd[index / 5 % odd.count].bitPattern : share.bitPattern)
    }
    let bytes = (0..<count).map { _ in
      (Double(Int.random(in: 0..<1 << 20, using: &random)) * 3_000).bitPattern
    }
    let columns = ["pages": pages, "ticks": ticks, "mixed": mixed, "bytes": bytes]
    for (name, cells) in columns {
      for strength in [ChunkStrength.head, .young, .cold] {
        var chunks: [[UInt8]] = []
        for use in [0, 1] as [Int32] {
          cbytes_use_wide(use)
          chunks.append(encoded(cells, .float, strength: strength))
        }
        #expect(chunks[0] == chunks[1], "\(name) \(strength)")
        for use in [0, 1] as [Int32] {
          cbytes_use_wide(use)
          let found = try decoded(chunks[0], .float, count: count)
          #expect(found == cells, "\(name) \(strength), wide \(use)")
        }
      }
    }
  }

  @Test func integersOverACommonDivisorComeBackNearTheLimits() throws {
    defer { cbytes_use_wide(1) }
    var random = SeededRandom(seed: 5)
    let divisors: [Int64] = [2, 4_096, 1_000_000_007, 1 << 31, 1 << 40]
    for divisor in divisors {
      for reach in [1, 100, 1 << 20, (1 << 24) - 1] as [Int64] {
        for order in 0..<3 {
          var value: Int64 = 0
          var step: Int64 = 0
          let cells = (0..<60).map { _ -> Cell in
            let any = Int64.random(in: -reach...reach, using: &random)
            step = order == 2 ? step &+ any : any
            value = order == 0 ? any : value &+ step
            return UInt64(bitPattern: 77 &+ divisor &* value)
          }
          let bytes = encoded(cells, .integer, strength: .head)
          for use in [0, 1] as [Int32] {
            cbytes_use_wide(use)
            let found = try decoded(bytes, .integer, count: 60)
            #expect(found == cells, "\(divisor) \(reach) \(order), wide \(use)")
          }
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
