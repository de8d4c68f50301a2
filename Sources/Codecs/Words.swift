internal import CBytes

/// Memory of 64-bit words that the hot loops of the codecs work in: the one handle behind which
/// they are unchecked.
///
/// A view: it does not own the memory and must not outlive the call that lent it. Indexes come from
/// counts that were checked at entry, never from stored bytes; debug builds check each.
@safe struct Words {
  private let base: UnsafeMutablePointer<UInt64>
  let count: Int

  init(_ base: UnsafeMutablePointer<UInt64>, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  @inline(__always)
  subscript(index: Int) -> UInt64 {
    get {
      assert(index >= 0 && index < count)
      return unsafe base[index]
    }
    nonmutating set {
      assert(index >= 0 && index < count)
      unsafe base[index] = newValue
    }
  }

  /// The word at `index` as a signed one.
  @inline(__always)
  func signed(_ index: Int) -> Int64 { Int64(bitPattern: self[index]) }

  /// Words `range` of this view.
  func slice(_ range: Range<Int>) -> Words {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe Words(base + range.lowerBound, count: range.count)
  }

  func copy(from other: Words) {
    precondition(other.count <= count)
    unsafe base.update(from: other.base, count: other.count)
  }

  func fill(_ value: UInt64) {
    unsafe base.update(repeating: value, count: count)
  }

  /// Fills the words with packed fields plus `base`, where the processor has instructions for it.
  ///
  /// - Parameter bytes: exactly as many as the fields take.
  func unpackWide(_ bytes: Span<UInt8>, width: Int, base above: UInt64) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe cbytes_unpack(bytes.baseAddress, bytes.count, UInt32(width), above, base, count) != 0
    }
  }

  /// Fills the words with what a block of fields stands for, where the processor has instructions
  /// for it and the integers do not spread.
  ///
  /// - Parameter bytes: exactly as many as the fields take.
  func decodePlain(_ bytes: Span<UInt8>, _ block: cbytes_plain) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe withUnsafePointer(to: block) { block in
        unsafe cbytes_decode_plain(bytes.baseAddress, bytes.count, block, base, count) != 0
      }
    }
  }

  /// Decodes tokens by the range coder's states; stops short of the end of the bytes.
  ///
  /// - Parameters:
  ///   - slots: what each of 2,048 ends of a state says.
  ///   - values: what each token of the slots stands for.
  ///   - position: in the bytes; brought up to date.
  /// - Returns: how many words it filled.
  func decodeTokens(
    _ bytes: Span<UInt8>,
    slots: [cbytes_slot],
    values: [UInt64],
    _ states: inout SIMD4<UInt64>,
    position: inout Int
  ) -> Int {
    var place = position
    let done = unsafe bytes.withUnsafeBytes { bytes in
      unsafe withUnsafeMutableBytes(of: &states) { states in
        unsafe cbytes_decode_tokens(
          bytes.baseAddress,
          bytes.count,
          slots,
          values,
          states.assumingMemoryBound(to: UInt64.self).baseAddress,
          &place,
          base,
          count
        )
      }
    }
    position = place
    return done
  }

  /// Replaces tokens by the numbers that they and their open bits are; stops short of the end of
  /// the bytes.
  ///
  /// - Parameters:
  ///   - bases: the least number of each token.
  ///   - widths: its open bits, at most `widthMax`.
  ///   - position: in the bytes' bits; brought up to date.
  /// - Returns: how many words it replaced.
  func decodeOpenBits(
    _ bytes: Span<UInt8>,
    bases: [UInt64],
    widths: [UInt8],
    widthMax: Int,
    isSigned: Bool,
    centre: UInt64,
    position: inout Int
  ) -> Int {
    var place = position
    let done = unsafe bytes.withUnsafeBytes { bytes in
      unsafe cbytes_decode_open_bits(
        bytes.baseAddress,
        bytes.count,
        bases,
        widths,
        UInt32(widthMax),
        isSigned ? 1 : 0,
        centre,
        &place,
        base,
        count
      )
    }
    position = place
    return done
  }

  /// Replaces tokens that all have `width` open bits by the numbers that they and those are, where
  /// the processor has instructions for it.
  ///
  /// - Parameter bytes: exactly as many as the open bits take.
  func joinOpenFields(
    _ bytes: Span<UInt8>,
    width: Int,
    isSigned: Bool,
    centre: UInt64
  ) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe cbytes_join_open_fields(
        bytes.baseAddress,
        bytes.count,
        UInt32(width),
        isSigned ? 1 : 0,
        centre,
        base,
        count
      ) != 0
    }
  }

  /// Multiplies each word and adds to it, modulo 2^64.
  func multiply(by factor: UInt64, adding offset: UInt64) {
    guard unsafe cbytes_multiply(base, count, factor, offset) == 0 else { return }
    for index in 0..<count { self[index] = offset &+ factor &* self[index] }
  }

  /// Sets the first word and adds to each other one the one before.
  func integrate(first: UInt64) {
    guard unsafe cbytes_integrate(base, count, first) == 0 else { return }
    var value = first
    self[0] = value
    for index in 1..<count {
      value = value &+ self[index]
      self[index] = value
    }
  }

  /// Replaces integers by the bits of their quotients by a power of ten, where the processor has
  /// instructions for it and the power is at most 10^15.
  func unscaleWide(power: Double) -> Bool { unsafe cbytes_unscale(base, count, power) != 0 }

  /// Fills the words with the numerators, and `denominators` with the denominators, of the
  /// fractions that cells are, 0 of 0 for those that are none; where the processor has instructions
  /// for it.
  func fractionsWide(of cells: Span<UInt64>, factor: Double, _ denominators: Words) -> Bool {
    precondition(cells.count == count && denominators.count == count)
    return unsafe cells.withUnsafeBufferPointer { cells in
      unsafe cbytes_fractions(
        cells.baseAddress,
        count,
        factor,
        Fraction.denominatorMax,
        base,
        denominators.base
      ) != 0
    }
  }

  /// Expands the numerators of cells, and their denominators, to about the usual denominator, and
  /// fills `units` with how far the cells are from there; where the processor has instructions for
  /// it.
  func expandWide(
    _ cells: Span<UInt64>,
    factor: Double,
    usual: Double,
    _ denominators: Words,
    _ units: Words
  ) -> Bool {
    precondition(cells.count == count && denominators.count == count && units.count == count)
    return unsafe cells.withUnsafeBufferPointer { cells in
      unsafe cbytes_expand_fractions(
        cells.baseAddress,
        count,
        factor,
        usual,
        base,
        denominators.base,
        units.base
      ) != 0
    }
  }

  /// Replaces integers by the bits of their quotients.
  func divide(by divisor: Double) {
    guard unsafe cbytes_divide(base, count, divisor) == 0 else { return }
    for index in 0..<count { self[index] = (Double(signed(index)) / divisor).bitPattern }
  }

  /// Replaces numerators by the bits of their fractions times `factor`, where the processor has
  /// instructions for it, the numerators are of less than 2^51 in size and the denominators are
  /// from 1 to 2^51.
  func divideWide(by denominators: Words, factor: Double) -> Bool {
    precondition(denominators.count == count)
    return unsafe cbytes_values_of_fractions(base, denominators.base, count, factor) != 0
  }

  /// Moves doubles by units in the last place.
  func addUnits(_ units: Words) {
    precondition(units.count == count)
    guard unsafe cbytes_add_units(base, units.base, count) == 0 else { return }
    for index in 0..<count {
      self[index] = OrderedBits.flip(OrderedBits.flip(self[index]) &+ units[index])
    }
  }

  func sort() {
    unsafe base.withMemoryRebound(to: Int64.self, capacity: count) { base in
      var signed = unsafe UnsafeMutableBufferPointer(start: base, count: count)
      unsafe signed.sort()
    }
  }

  /// Lends the words as the bytes that a library fills, little-endian.
  func withMutableBytes<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    unsafe body(UnsafeMutableRawBufferPointer(start: base, count: count * 8))
  }

  /// Turns little-endian words into those of this machine.
  func fixByteOrder() {
    for index in 0..<count { self[index] = UInt64(littleEndian: self[index]) }
  }

  /// A copy of some words.
  func array(_ range: Range<Int>) -> [UInt64] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return unsafe Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  /// Lends the words as a span.
  func withSpan<Result>(_ body: (Span<UInt64>) -> Result) -> Result {
    let buffer = unsafe UnsafeBufferPointer(start: base, count: count)
    return unsafe body(buffer.span)
  }
}

/// Scratch memory of the encoder, kept from chunk to chunk. Not copyable; freed with its owner.
@safe struct WordStore: ~Copyable {
  private var base: UnsafeMutablePointer<UInt64>
  private var capacity: Int

  init(capacity: Int = 128) {
    self.capacity = capacity
    unsafe base = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
    unsafe base.initialize(repeating: 0, count: capacity)
  }

  deinit { unsafe base.deallocate() }

  /// A view of `count` words; what they hold is what the last user left. Earlier views end here.
  mutating func words(_ count: Int) -> Words {
    if count > capacity {
      unsafe base.deallocate()
      capacity = max(count, capacity * 2)
      unsafe base = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
      unsafe base.initialize(repeating: 0, count: capacity)
    }
    return unsafe Words(base, count: count)
  }
}

/// One owner at a time and no shared memory: moving it to another thread moves everything.
extension WordStore: @unchecked Sendable {}
