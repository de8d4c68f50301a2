internal import Bytes

/// Writes integer streams: looks for the order and the divisor that suit the integers, then for the
/// cheapest form of each block. Keeps its scratch from stream to stream.
struct StreamEncoder: ~Copyable {
  /// Integers of a stream whose order is settled by looking at all of them; of longer ones a few
  /// blocks are looked at.
  static let surveyCountMax = 512
  /// An entropy body has to save one part in so many over packed blocks, for those decode faster.
  static let entropyGain = 32.0
  /// Nor does it have to save more bits a value than this.
  static let entropyGainMax = 0.5
  /// States and a table alone take so many bits.
  static let entropyBitCountMin = 300.0

  private var work = WordStore()
  private var gathered = WordStore()
  private var scratch = WordStore(capacity: PackedBlock.scratchCount)
  private var entropy = EntropyEncoder()

  /// The form for `words`; they stay as they are.
  mutating func plan(_ words: Words, _ strength: ChunkStrength) -> IntegerStream {
    var (best, bestCost) = packedPlan(words, divisor: 1, strength)
    let divisor = Self.commonDivisor(words)
    // At most so many bits are saved by dividing.
    if divisor > 1, (64 - divisor.leadingZeroBitCount) * words.count > 64 {
      let (divided, cost) = packedPlan(words, divisor: divisor, strength)
      if cost < bestCost { (best, bestCost) = (divided, cost) }
    }
    guard strength == .cold, bestCost > Self.entropyBitCountMin else { return best }
    bestCost -= min(bestCost / Self.entropyGain, Self.entropyGainMax * Double(words.count))
    for order in 0...min(2, words.count - 1) {
      let (cost, isCoarse) = entropyCost(words, order: order, divisor: divisor)
      if cost < bestCost {
        best = IntegerStream(
          order: order,
          divisor: divisor,
          isEntropyCoded: true,
          isCoarse: isCoarse
        )
        bestCost = cost
      }
    }
    return best
  }

  /// The cheapest packed form over `divisor`, and its bits.
  private mutating func packedPlan(
    _ words: Words,
    divisor: UInt64,
    _ strength: ChunkStrength
  ) -> (IntegerStream, Double) {
    var best = IntegerStream(divisor: divisor)
    var bestCost = Double.infinity
    for order in 0...min(2, words.count - 1) {
      let cost = packedCost(words, order: order, divisor: divisor, strength)
      if cost < bestCost {
        best = IntegerStream(order: order, divisor: divisor)
        bestCost = cost
      }
    }
    return (best, bestCost)
  }

  /// What was good before, with a lower order when the words are few, and with the divisor while
  /// it still divides.
  func plan(_ words: Words, again hint: ColumnHint) -> IntegerStream {
    let divides = hint.divisor > 1 && Self.divides(words, Int64(bitPattern: hint.divisor))
    return IntegerStream(
      order: min(Int(hint.order), words.count - 1),
      divisor: divides ? hint.divisor : 1,
      isEntropyCoded: hint.isEntropyCoded,
      isCoarse: hint.isCoarse
    )
  }

  /// Appends a stream behind its form byte.
  ///
  /// - Parameter words: used up.
  mutating func write(
    _ words: Words,
    _ plan: IntegerStream,
    _ strength: ChunkStrength,
    calmWidth: inout UInt8,
    into buffer: inout OutputBuffer
  ) {
    let residuals = plan.writeHead(words, into: &buffer)
    if plan.isEntropyCoded {
      let scratch = scratch.words(PackedBlock.scratchCount)
      let placement = EntropyEncoder.placement(
        of: residuals,
        isCoarse: plan.isCoarse,
        scratch: scratch
      )
      entropy.write(residuals, placement, into: &buffer)
      return
    }
    PackedBlock.writeAll(
      residuals,
      scratch: scratch.words(PackedBlock.scratchCount),
      isQuick: strength == .head,
      calmWidth: &calmWidth,
      into: &buffer
    )
  }

  /// Appends a whole stream, form byte included.
  ///
  /// - Returns: what was chosen.
  @discardableResult
  mutating func write(
    _ words: Words,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) -> IntegerStream {
    if Self.isConstant(words) {
      buffer.writeByte(IntegerStream.constantForm)
      buffer.writeSignedVarint(words.signed(0))
      return IntegerStream()
    }
    let plan = plan(words, strength)
    buffer.writeByte(plan.form)
    var calmWidth: UInt8 = 0
    write(words, plan, strength, calmWidth: &calmWidth, into: &buffer)
    return plan
  }

  /// The same by what the column's last chunk chose.
  mutating func write(
    _ words: Words,
    again hint: inout ColumnHint,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    if Self.isConstant(words) {
      write(words, strength, into: &buffer)
      return
    }
    let plan = plan(words, again: hint)
    buffer.writeByte(plan.form)
    write(words, plan, strength, calmWidth: &hint.calmWidth, into: &buffer)
  }

  /// The same by the form of an earlier stream; `nil` for one that is looked for.
  mutating func write(
    _ words: Words,
    form: UInt8?,
    _ strength: ChunkStrength,
    into buffer: inout OutputBuffer
  ) {
    guard let form, !Self.isConstant(words) else {
      write(words, strength, into: &buffer)
      return
    }
    let order = min(Int(form & IntegerStream.orderMask), words.count - 1)
    let plan = IntegerStream(
      order: order,
      isEntropyCoded: form & IntegerStream.entropyFlag != 0,
      isCoarse: form & IntegerStream.coarseFlag != 0
    )
    buffer.writeByte(plan.form)
    var calmWidth: UInt8 = 0
    write(words, plan, strength, calmWidth: &calmWidth, into: &buffer)
  }

  // MARK: choosing

  /// About how many bits packed blocks take; of a long stream a few are looked at.
  private mutating func packedCost(
    _ words: Words,
    order: Int,
    divisor: UInt64,
    _ strength: ChunkStrength
  ) -> Double {
    let scratch = scratch.words(PackedBlock.scratchCount)
    return cost(words, order, divisor, pieceCount: PackedBlock.valueCountMax) { residuals in
      var byteCount = 0
      var start = 0
      while start < residuals.count {
        let end = min(residuals.count, start + PackedBlock.valueCountMax)
        let values = residuals.slice(start..<end)
        let block = PackedBlock.chosen(for: values, scratch: scratch, isQuick: true)
        byteCount += block.isZero ? 0 : block.byteCount
        start = end
      }
      return Double(8 * byteCount)
    }
  }

  /// About how many bits an entropy body takes, and whether coarse tokens are cheaper.
  private mutating func entropyCost(
    _ words: Words,
    order: Int,
    divisor: UInt64
  ) -> (cost: Double, isCoarse: Bool) {
    let scratch = scratch.words(PackedBlock.scratchCount)
    var placement = EntropyEncoder.Placement(centre: 0, isSigned: false)
    let bits = cost(words, order, divisor, pieceCount: Self.surveyCountMax) { residuals in
      placement = EntropyEncoder.placement(of: residuals, scratch: scratch)
      return placement.numberBitCount
    }
    let head = placement.tableBitCount + EntropyEncoder.headBitCount
    return (bits + head, placement.shift > 0)
  }

  /// What `measure` says of the residuals of all words, or of four pieces of more than
  /// ``surveyCountMax``.
  private mutating func cost(
    _ words: Words,
    _ order: Int,
    _ divisor: UInt64,
    pieceCount: Int,
    _ measure: (Words) -> Double
  ) -> Double {
    let isWhole = words.count <= max(Self.surveyCountMax, 4 * (pieceCount + order))
    let pieces = isWhole ? 1 : 4
    let count = isWhole ? words.count - order : pieceCount
    let first = Varint.byteCount(ZigZag.encode(words.signed(0)))
    var head = order > 0 ? first : 0
    if divisor > 1 { head = 1 + first + Varint.byteCount(divisor) + min(order, 1) }
    let residuals = gathered.words(pieces * count)
    for piece in 0..<pieces {
      let start = isWhole ? 0 : piece * (words.count - count - order) / (pieces - 1)
      let copy = work.words(order + count)
      copy.copy(from: words.slice(start..<start + order + count))
      if divisor > 1 { Self.divide(copy, by: divisor) }
      IntegerStream.differentiate(copy, order: order)
      residuals.slice(piece * count..<(piece + 1) * count).copy(
        from: copy.slice(order..<copy.count)
      )
    }
    return Double(8 * head) + measure(residuals) * Double(words.count) / Double(residuals.count)
  }

  /// Replaces words by their distance from the first one over `divisor`, which divides it.
  static func divide(_ words: Words, by divisor: UInt64) {
    let divisor = ExactDivisor(Int64(bitPattern: divisor))
    let offset = words.signed(0)
    for index in 0..<words.count {
      words[index] = UInt64(bitPattern: divisor.quotient(words.signed(index) &- offset))
    }
  }

  private static func isConstant(_ words: Words) -> Bool {
    var index = 1
    while index < words.count, words[index] == words[0] { index &+= 1 }
    return index == words.count
  }

  // MARK: divisor

  /// The largest number that divides all differences from the first word; 1 when there is none or
  /// when the words span more than a signed difference can say.
  static func commonDivisor(_ words: Words) -> UInt64 {
    let first = words.signed(0)
    var divisor: UInt64 = 0
    for index in 1..<max(1, words.count) {
      let (difference, overflow) = words.signed(index).subtractingReportingOverflow(first)
      if overflow { return 1 }
      if difference == 0 { continue }
      let magnitude = difference.magnitude
      if divisor == 0 {
        divisor = magnitude
      } else if magnitude % divisor != 0 {
        divisor = greatestCommonDivisor(divisor, magnitude)
      }
      if divisor == 1 { return 1 }
    }
    return divisor <= 1 || divisor > UInt64(Int64.max) ? 1 : divisor
  }

  private static func divides(_ words: Words, _ divisor: Int64) -> Bool {
    let divisor = ExactDivisor(divisor)
    let first = words.signed(0)
    var isDivided = true
    for index in 1..<max(1, words.count) {
      let (difference, overflow) = words.signed(index).subtractingReportingOverflow(first)
      isDivided = isDivided && !overflow && divisor.divides(difference)
    }
    return isDivided
  }

  static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}
