internal import Bytes

/// Tokens by asymmetric numeral systems (Duda 2013), the range variant: four states in turn, 32
/// bits each, refilled by 16 bits (docs/format/chunk.md, "range coder").
///
///     | four states u32 | refills u16 | ...
///
/// The encoder goes from the last token to the first, so that the decoder, whose speed matters
/// more, goes forward. It ends with all states as the encoder began: a check of the whole.
enum RangeCoder {
  static let stateCount = 4
  static let stateMin: UInt32 = 1 << 16

  /// Appends `tokens`; `refills` is scratch.
  static func encode(
    _ tokens: [UInt16],
    _ table: FrequencyTable,
    refills: inout [UInt16],
    into buffer: inout OutputBuffer
  ) {
    refills.removeAll(keepingCapacity: true)
    let scaleBitCount = UInt32(FrequencyTable.scaleBitCount)
    var starts: [UInt32] = []
    var sum: UInt32 = 0
    for frequency in table.frequencies {
      starts.append(sum)
      sum += frequency
    }
    let frequencies = table.frequencies
    var states = SIMD4<UInt32>(repeating: stateMin)
    var index = tokens.count
    while index > 0 {
      index &-= 1
      let token = Int(tokens[index])
      let frequency = frequencies[token]
      var state = states[index & 3]
      if UInt64(state) >= UInt64(frequency) &<< UInt64(32 &- FrequencyTable.scaleBitCount) {
        refills.append(UInt16(truncatingIfNeeded: state))
        state &>>= 16
      }
      let (quotient, remainder) = state.quotientAndRemainder(dividingBy: frequency)
      states[index & 3] = quotient &<< scaleBitCount &+ remainder &+ starts[token]
    }
    for lane in 0..<stateCount { buffer.writeInteger(states[lane]) }
    buffer.reserve(refills.count * 2)
    for index in refills.indices.reversed() { buffer.writeInteger(refills[index]) }
  }

  /// What the low bits of a state say: | token u9 | frequency u12 | place in its range u11 |
  static func slots(_ table: FrequencyTable) -> [UInt32] {
    unsafe [UInt32](unsafeUninitializedCapacity: FrequencyTable.scale) { slots, count in
      for (token, frequency) in table.frequencies.enumerated() where frequency > 0 {
        // Frequencies fill the scale exactly: their reader insists on it.
        precondition(count + Int(frequency) <= FrequencyTable.scale)
        var entry = UInt32(token) | frequency << 9
        for slot in count..<count + Int(frequency) {
          unsafe slots[slot] = entry
          entry &+= 1 << 21
        }
        count += Int(frequency)
      }
    }
  }

  /// Reads `count` tokens.
  ///
  /// - Returns: the tokens; the reader stands behind the last refill.
  static func decode(
    _ reader: inout ChunkReader,
    _ table: FrequencyTable,
    into tokens: inout OutputSpan<UInt16>
  ) throws(ChunkError) {
    var head = ByteReader(try reader.take(16))
    var states = SIMD4<UInt32>()
    for lane in 0..<stateCount { states[lane] = head.readInteger(UInt32.self) ?? 0 }
    let slots = slots(table)
    precondition(slots.count == FrequencyTable.scale)
    let rest = reader.bytes.extracting(droppingFirst: reader.position)
    var position = 0
    unsafe tokens.withUnsafeMutableBufferPointer { target, initializedCount in
      position = unsafe decode(rest, &states, slots, into: target)
      initializedCount = target.count
    }
    _ = try reader.take(position)
    guard states == SIMD4(repeating: stateMin) else { throw .malformed(.state) }
  }

  /// Fills `target` and returns how many bytes it took; beyond the end it takes zeros and counts
  /// on.
  private static func decode(
    _ bytes: Span<UInt8>,
    _ states: inout SIMD4<UInt32>,
    _ slots: [UInt32],
    into target: UnsafeMutableBufferPointer<UInt16>
  ) -> Int {
    let raw = unsafe bytes.bytes
    let limit = bytes.count
    let count = target.count
    var position = 0
    var index = 0
    var (s0, s1, s2, s3) = (states[0], states[1], states[2], states[3])
    unsafe slots.withUnsafeBufferPointer { slots in
      /// One token from one state; `next` are the 16 bits that come next.
      @inline(__always)
      func step(_ state: inout UInt32, _ next: UInt16) -> (token: UInt16, taken: Int) {
        let entry = unsafe slots[Int(truncatingIfNeeded: state & 2047)]
        state = ((entry &>> 9) & 0xfff) &* (state &>> 11) &+ entry &>> 21
        let isLow = state < stateMin
        let refilled = state &<< 16 | UInt32(next)
        state = isLow ? refilled : state
        return (UInt16(truncatingIfNeeded: entry & 511), isLow ? 2 : 0)
      }
      @inline(__always)
      func load() -> UInt16 {
        UInt16(
          littleEndian: unsafe raw.unsafeLoadUnaligned(
            fromUncheckedByteOffset: position,
            as: UInt16.self
          )
        )
      }
      while index &+ 4 <= count, position &+ 8 <= limit {
        let a = step(&s0, load())
        position &+= a.taken
        let b = step(&s1, load())
        position &+= b.taken
        let c = step(&s2, load())
        position &+= c.taken
        let d = step(&s3, load())
        position &+= d.taken
        unsafe target.initializeElement(at: index, to: a.token)
        unsafe target.initializeElement(at: index &+ 1, to: b.token)
        unsafe target.initializeElement(at: index &+ 2, to: c.token)
        unsafe target.initializeElement(at: index &+ 3, to: d.token)
        index &+= 4
      }
      var rest = SIMD4(s0, s1, s2, s3)
      while index < count {
        var state = rest[index & 3]
        let next = position &+ 2 <= limit ? load() : 0
        let (token, taken) = step(&state, next)
        rest[index & 3] = state
        position &+= taken
        unsafe target.initializeElement(at: index, to: token)
        index &+= 1
      }
      states = rest
    }
    return position
  }
}
