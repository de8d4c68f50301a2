internal import Bytes
internal import CBytes

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

  /// What a token does to a state.
  private struct Step {
    /// From here on a state is cut down first.
    var limit: UInt64
    /// 2^64 over the frequency, rounded up, by which the quotients of all 32-bit numbers are exact;
    /// of the frequency 1 it is one less, and the bias makes up for it.
    var inverse: UInt64
    var bias: UInt64
    /// What of the scale other tokens have.
    var rest: UInt64

    init(start: UInt32, frequency: UInt32) {
      limit = UInt64(frequency) << UInt64(32 - FrequencyTable.scaleBitCount)
      rest = UInt64(FrequencyTable.scale) - UInt64(frequency)
      let isOne = frequency <= 1
      inverse = isOne ? .max : .max / UInt64(frequency) + 1
      bias = UInt64(start) + (isOne ? UInt64(FrequencyTable.scale) - 1 : 0)
    }
  }

  private static func steps(_ table: FrequencyTable) -> [Step] {
    var start: UInt32 = 0
    return table.frequencies.map { frequency in
      defer { start += frequency }
      return Step(start: start, frequency: frequency)
    }
  }

  /// Appends `tokens`; `refills` is scratch.
  static func encode(
    _ tokens: [UInt16],
    _ table: FrequencyTable,
    refills: inout [UInt16],
    into buffer: inout OutputBuffer
  ) {
    let steps = steps(table)
    let (stepSpan, tokenSpan) = (steps.span, tokens.span)
    // A token cuts a state down once at most.
    if refills.count < tokens.count {
      refills.append(contentsOf: repeatElement(0, count: tokens.count - refills.count))
    }
    let start = UInt64(stateMin)
    var (s0, s1, s2, s3) = (start, start, start, start)
    var refillCount = 0
    unsafe refills.withUnsafeMutableBufferPointer { refills in
      /// One token into one state.
      @inline(__always)
      func step(_ state: inout UInt64, _ index: Int) {
        // Tokens are those that the table counted.
        let token = Int(unsafe tokenSpan[unchecked: index])
        let step = unsafe stepSpan[unchecked: token]
        // Written in any case and counted where it is meant: no branch that is hard to foresee.
        unsafe refills[refillCount] = UInt16(truncatingIfNeeded: state)
        let isHigh = state >= step.limit
        refillCount &+= isHigh ? 1 : 0
        state = isHigh ? state &>> 16 : state
        let quotient = state.multipliedFullWidth(by: step.inverse).high
        state = state &+ step.bias &+ quotient &* step.rest
      }
      var index = tokens.count
      while index & 3 != 0 {
        index &-= 1
        switch index & 3 {
        case 0: step(&s0, index)
        case 1: step(&s1, index)
        default: step(&s2, index)
        }
      }
      while index > 0 {
        index &-= 4
        step(&s3, index &+ 3)
        step(&s2, index &+ 2)
        step(&s1, index &+ 1)
        step(&s0, index)
      }
    }
    for state in [s0, s1, s2, s3] { buffer.writeInteger(UInt32(truncatingIfNeeded: state)) }
    buffer.reserve(refillCount * 2)
    for index in (0..<refillCount).reversed() { buffer.writeInteger(refills[index]) }
  }

  /// What the low bits of a state say, for each of their 2,048 values.
  static func slots(_ table: FrequencyTable) -> [cbytes_slot] {
    unsafe [cbytes_slot](unsafeUninitializedCapacity: FrequencyTable.scale) { slots, count in
      for (token, frequency) in table.frequencies.enumerated() where frequency > 0 {
        // Frequencies fill the scale exactly: their reader insists on it.
        precondition(count + Int(frequency) <= FrequencyTable.scale)
        let frequency = UInt16(truncatingIfNeeded: frequency)
        let token = UInt32(truncatingIfNeeded: token)
        for place in 0..<frequency {
          let slot = cbytes_slot(frequency: frequency, place: place, token: token)
          unsafe slots[count &+ Int(place)] = slot
        }
        count += Int(frequency)
      }
    }
  }

  /// Reads `target.count` tokens, one a word; the reader stands behind the last refill.
  ///
  /// - Parameter values: what stands in the words for each token of the table.
  static func decode(
    _ reader: inout ChunkReader,
    _ table: FrequencyTable,
    values: [UInt64],
    into target: Words
  ) throws(ChunkError) {
    var head = ByteReader(try reader.take(16))
    var states = SIMD4<UInt64>()
    for lane in 0..<stateCount { states[lane] = UInt64(head.readInteger(UInt32.self) ?? 0) }
    let slots = slots(table)
    precondition(slots.count == FrequencyTable.scale)
    precondition(values.count == table.frequencies.count)
    let rest = reader.bytes.extracting(droppingFirst: reader.position)
    _ = try reader.take(decode(rest, &states, slots, values, into: target))
    guard states == SIMD4(repeating: UInt64(stateMin)) else { throw .malformed(.state) }
  }

  /// Fills `target` and returns how many bytes it took; beyond the end it takes zeros and counts
  /// on.
  ///
  /// States are 64 bits wide though 32 hold them: four 32-bit ones invite the compiler to gather
  /// them in one vector, which takes twice the time.
  private static func decode(
    _ bytes: Span<UInt8>,
    _ states: inout SIMD4<UInt64>,
    _ slots: [cbytes_slot],
    _ values: [UInt64],
    into target: Words
  ) -> Int {
    let raw = unsafe bytes.bytes
    let limit = bytes.count
    let count = target.count
    var position = 0
    var index = target.decodeTokens(
      bytes,
      slots: slots,
      values: values,
      &states,
      position: &position
    )
    let values = values.span
    var (s0, s1, s2, s3) = (states[0], states[1], states[2], states[3])
    unsafe slots.withUnsafeBufferPointer { slots in
      /// One token from one state; `next` are the 16 bits that come next.
      @inline(__always)
      func step(_ state: inout UInt64, _ next: UInt64) -> (value: UInt64, taken: Int) {
        let slot = unsafe slots[Int(truncatingIfNeeded: state & 2047)]
        // A damaged state may be any 32 bits: kept to them, it stays one.
        let range = UInt64(slot.frequency) &* (state &>> 11)
        let moved = (range &+ UInt64(slot.place)) & 0xffff_ffff
        let isLow = moved < UInt64(stateMin)
        state = isLow ? moved &<< 16 | next : moved
        // Slots name the table's tokens alone.
        return (unsafe values[unchecked: Int(slot.token)], isLow ? 2 : 0)
      }
      @inline(__always)
      func load() -> UInt64 {
        UInt64(
          UInt16(
            littleEndian: unsafe raw.unsafeLoadUnaligned(
              fromUncheckedByteOffset: position,
              as: UInt16.self
            )
          )
        )
      }
      while index &+ 4 <= count, position &+ 8 <= limit {
        let a = step(&s0, load())
        position &+= a.taken
        target[index] = a.value
        let b = step(&s1, load())
        position &+= b.taken
        target[index &+ 1] = b.value
        let c = step(&s2, load())
        position &+= c.taken
        target[index &+ 2] = c.value
        let d = step(&s3, load())
        position &+= d.taken
        target[index &+ 3] = d.value
        index &+= 4
      }
      var rest = SIMD4(s0, s1, s2, s3)
      while index < count {
        var state = rest[index & 3]
        let next = position &+ 2 <= limit ? load() : 0
        let (value, taken) = step(&state, next)
        rest[index & 3] = state
        position &+= taken
        target[index] = value
        index &+= 1
      }
      states = rest
    }
    return position
  }
}
