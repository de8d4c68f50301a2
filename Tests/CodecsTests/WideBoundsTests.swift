import CBytes
import TestSupport
import Testing

/// Goal: wide instructions neither read nor write beside what they were given, and give what plain
/// arithmetic gives near the limits, whatever the length.
///
/// Method: memory of exactly the size, which AddressSanitizer watches on both sides, and a word
/// before and behind the target that must stay as it was; every length from 0 to 300.
@Suite struct WideBoundsTests {
  private static let lengths = 0...300
  private static let guardWord: UInt64 = 0xdead_beef_0bad_f00d

  /// Runs `body` on a copy of `words` with a guard on both sides.
  ///
  /// - Returns: the words afterwards; `nil` where `body` has done nothing.
  private func guarded(
    _ words: [UInt64],
    _ body: (UnsafeMutablePointer<UInt64>) -> Int32
  ) -> [UInt64]? {
    let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: words.count + 2)
    defer { unsafe memory.deallocate() }
    for index in 0..<words.count + 2 {
      let isGuard = index == 0 || index == words.count + 1
      unsafe (memory + index).initialize(to: isGuard ? Self.guardWord : words[index - 1])
    }
    let isDone = unsafe body(memory + 1)
    #expect(unsafe memory[0] == Self.guardWord)
    #expect(unsafe memory[words.count + 1] == Self.guardWord)
    let found = words.indices.map { unsafe memory[$0 + 1] }
    if isDone == 0 { #expect(found == words) }
    return isDone == 0 ? nil : found
  }

  /// Fields of `width` bits without gaps, as the format packs them.
  private func packed(_ fields: [UInt64], width: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var (waiting, bitCount): (UInt64, Int) = (0, 0)
    for field in fields {
      waiting |= field << UInt64(bitCount)
      bitCount += width
      while bitCount >= 8 {
        bytes.append(UInt8(truncatingIfNeeded: waiting))
        waiting >>= 8
        bitCount -= 8
      }
    }
    if bitCount > 0 { bytes.append(UInt8(truncatingIfNeeded: waiting)) }
    return bytes
  }

  @Test(arguments: 1...57)
  func fieldsUnpackWithinTheirBytes(width: Int) {
    var random = SeededRandom(seed: UInt64(width))
    let mask = UInt64.max >> UInt64(64 - width)
    for count in Self.lengths {
      let base = [0, 1, .max, .max - mask, 1 << 63, random.next()][count % 6]
      // All ones, none, and any.
      let fields = (0..<count).map { _ in [mask, 0, random.next() & mask][Int(random.next() % 3)] }
      let bytes = packed(fields, width: width)
      let source = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
      defer { unsafe source.deallocate() }
      unsafe source.copyMemory(from: bytes, byteCount: bytes.count)
      let found = unsafe guarded(Array(repeating: 7, count: count)) {
        unsafe cbytes_unpack(source, bytes.count, UInt32(width), base, $0, count)
      }
      guard let found else { continue }
      #expect(found == fields.map { $0 &+ base }, "\(count) fields of \(width) bits")
    }
  }

  @Test func bytesThatAreTooManyOrTooFewAreLeftAlone() {
    for width in [0, 1, 7, 8, 57, 58, 64, 65, .max] as [UInt32] {
      for (count, byteCount) in [(0, 1), (1, 0), (8, 500), (64, 7)] {
        let exact = (count * Int(min(width, 64)) + 7) / 8
        guard exact != byteCount || width == 0 || width > 57 else { continue }
        let source = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 1)
        defer { unsafe source.deallocate() }
        unsafe source.initializeMemory(as: UInt8.self, repeating: 0xff, count: byteCount)
        let found = unsafe guarded(Array(repeating: 7, count: count)) {
          unsafe cbytes_unpack(source, byteCount, width, 1, $0, count)
        }
        #expect(found == nil, "\(count) fields of \(width) bits in \(byteCount) bytes")
      }
    }
  }

  @Test func sumsRunWithinTheirWords() {
    var random = SeededRandom(seed: 3)
    for count in Self.lengths {
      for first in [0, 1, .max, 1 << 63, random.next()] as [UInt64] {
        let words = (0..<count).map { _ in
          [0, 1, .max, 1 << 63, random.next()][Int(random.next() % 5)]
        }
        let found = unsafe guarded(words) { unsafe cbytes_integrate($0, count, first) }
        guard let found else { continue }
        var sum = first
        var expected = [first]
        for word in words.dropFirst() {
          sum &+= word
          expected.append(sum)
        }
        #expect(found == expected, "\(count) words behind \(first)")
      }
    }
  }

  @Test func quotientsStayWithinTheirWords() {
    var random = SeededRandom(seed: 4)
    let limit: Int64 = 1 << 51
    for count in Self.lengths {
      var power = 1.0
      for exponent in 0...15 {
        let integers = (0..<count).map { _ -> Int64 in
          let any = Int64.random(in: -limit..<limit, using: &random)
          return [0, 1, -1, limit - 1, -limit, any][Int(random.next() % 6)]
        }
        let words = integers.map { UInt64(bitPattern: $0) }
        if let found = unsafe guarded(words, { unsafe cbytes_unscale($0, count, power) }) {
          let expected = integers.map { (Double($0) / power).bitPattern }
          #expect(found == expected, "\(count) integers by 10^\(exponent)")
        }
        // One that is larger is divided as it is, wherever it stands.
        if count > 0 {
          var larger = words
          larger[Int(random.next() % UInt64(count))] = UInt64(bitPattern: limit)
          if let found = unsafe guarded(larger, { unsafe cbytes_unscale($0, count, power) }) {
            let expected = larger.map { (Double(Int64(bitPattern: $0)) / power).bitPattern }
            #expect(found == expected, "\(count) integers by 10^\(exponent)")
          }
        }
        power *= 10
      }
      let ones = Array(repeating: 1 as UInt64, count: count)
      for power in [1e16, 1e22, .infinity, .nan] {
        #expect(unsafe guarded(ones) { unsafe cbytes_unscale($0, count, power) } == nil)
      }
    }
  }

  @Test func productsStayWithinTheirWords() {
    var random = SeededRandom(seed: 5)
    for count in Self.lengths {
      for factor in [0, 1, 4_096, .max, 1 << 32, random.next()] as [UInt64] {
        let words = (0..<count).map { _ in [1, .max, random.next()][Int(random.next() % 3)] }
        let offset = random.next()
        let found = unsafe guarded(words) { unsafe cbytes_multiply($0, count, factor, offset) }
        guard let found else { continue }
        #expect(found == words.map { $0 &* factor &+ offset }, "\(count) words by \(factor)")
      }
    }
  }

  @Test func fractionsStayWithinTheirWords() {
    var random = SeededRandom(seed: 6)
    let limit: Int64 = 1 << 51
    for count in Self.lengths {
      func pick(_ range: Range<Int64>) -> Int64 { .random(in: range, using: &random) }
      let above: [Int64] = (0..<count).map {
        [0, -1, limit - 1, -limit, pick(-limit..<limit)][$0 % 5]
      }
      let below: [Int64] = (0..<count).map {
        [1, 2, limit - 1, pick(1..<4_096), pick(1..<limit)][$0 % 5]
      }
      let words = above.map { UInt64(bitPattern: $0) }
      let denominators = below.map { UInt64(bitPattern: $0) }
      let found = unsafe guarded(words) {
        unsafe cbytes_values_of_fractions($0, denominators, count, 100)
      }
      if let found {
        let expected = zip(above, below).map { (Double($0) * 100 / Double($1)).bitPattern }
        #expect(found == expected, "\(count) fractions")
      }
      guard count > 0 else { continue }
      let spoiling: [(Int64, Int64)] = [(limit, 1), (0, 0), (0, -1), (0, limit), (0, .min)]
      for (numerator, denominator) in spoiling {
        var spoilt = (words, denominators)
        let place = Int(random.next() % UInt64(count))
        spoilt.0[place] = UInt64(bitPattern: numerator)
        spoilt.1[place] = UInt64(bitPattern: denominator)
        let found = unsafe guarded(spoilt.0) {
          unsafe cbytes_values_of_fractions($0, spoilt.1, count, 100)
        }
        #expect(found == nil, "\(numerator) of \(denominator) among \(count)")
      }
    }
  }

  @Test(arguments: [1, 5, 8, 24, 57])
  func openFieldsJoinWithinTheirBytes(width: Int) {
    var random = SeededRandom(seed: UInt64(width))
    let mask = UInt64.max >> UInt64(64 - width)
    for count in Array(Self.lengths) + [511, 512, 513] {
      let fields = (0..<count).map { _ in random.next() & mask }
      let tokens = (0..<count).map { _ in random.next() & 63 }
      let bytes = packed(fields, width: width)
      let source = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 1)
      defer { unsafe source.deallocate() }
      unsafe source.copyMemory(from: bytes, byteCount: bytes.count)
      for isSigned in [0, 1] as [Int32] {
        let found = unsafe guarded(tokens) {
          unsafe cbytes_join_open_fields(
            source,
            bytes.count,
            UInt32(width),
            isSigned,
            1_000,
            $0,
            count
          )
        }
        guard let found else { continue }
        let expected = zip(tokens, fields).map { token, field -> UInt64 in
          let number = token << UInt64(width) | field
          return 1_000 &+ (isSigned == 0 ? number : number >> 1 ^ (0 &- (number & 1)))
        }
        #expect(found == expected, "\(count) fields of \(width) bits")
      }
    }
  }
}
