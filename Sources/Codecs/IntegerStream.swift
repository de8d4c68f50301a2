internal import Bytes

/// 64-bit integers as every other codec stores them: plain, as differences, or as differences of
/// differences, packed in blocks or entropy-coded (docs/format/chunk.md, "integer stream").
///
///     stream := | form u8 | offset: zigzag varint, divisor: varint | first | second | body |
///     form   := | order u2: 0, 1, 2 | divided u1 | entropy u1 | coarse u1 | zero u3 |
///     stream := | 3 u8 | value: zigzag varint |               all integers are one
///
/// - `offset`, `divisor`: only when divided; each integer is offset + divisor · what follows.
/// - `first`, `second`: zigzag varints; the first integer when the order is 1 or 2, the first
///   difference when it is 2.
/// - `body`: what remains, one residual for each other integer.
///
/// All arithmetic is modulo 2^64, so that every sequence of 64-bit words has a stream. How many
/// integers there are is known from outside; a stream knows its own end.
struct IntegerStream {
  static let orderMask: UInt8 = 0b11
  /// The form of a stream of one integer that comes again and again.
  static let constantForm: UInt8 = 0b11
  static let dividedFlag: UInt8 = 0b100
  static let entropyFlag: UInt8 = 0b1000
  /// Of an entropy body: no token looks at the lowest bits.
  static let coarseFlag: UInt8 = 0b1_0000

  var order = 0
  /// 1 for none.
  var divisor: UInt64 = 1
  var isEntropyCoded = false
  var isCoarse = false

  init(
    order: Int = 0,
    divisor: UInt64 = 1,
    isEntropyCoded: Bool = false,
    isCoarse: Bool = false
  ) {
    self.order = order
    self.divisor = divisor
    self.isEntropyCoded = isEntropyCoded
    self.isCoarse = isCoarse
  }

  /// - Throws: `.malformed(.form)` for a form that the writer never makes.
  init(form: UInt8) throws(ChunkError) {
    guard form < 32, form & Self.orderMask < 3 else { throw .malformed(.form) }
    isCoarse = form & Self.coarseFlag != 0
    order = Int(form & Self.orderMask)
    divisor = form & Self.dividedFlag != 0 ? 0 : 1
    isEntropyCoded = form & Self.entropyFlag != 0
    guard isEntropyCoded || !isCoarse else { throw .malformed(.form) }
  }

  var form: UInt8 {
    UInt8(order) | (divisor > 1 ? Self.dividedFlag : 0)
      | (isEntropyCoded ? Self.entropyFlag : 0) | (isCoarse ? Self.coarseFlag : 0)
  }

  /// The form, when a later stream can be written by it alone.
  var againForm: UInt8? { divisor == 1 ? form : nil }

  /// Reads a stream of `target.count` integers, form byte included.
  ///
  /// - Parameter rows: the integers that are wanted; `nil` for all. What is left of the others in
  ///   `target` is unspecified.
  static func read(
    _ reader: inout ChunkReader,
    _ rows: Range<Int>? = nil,
    into target: Words
  ) throws(ChunkError) {
    let form = try reader.byte()
    if form == constantForm { return target.fill(UInt64(bitPattern: try reader.signedVarint())) }
    try IntegerStream(form: form).read(&reader, rows ?? 0..<target.count, into: target)
  }

  /// Passes over a stream of zeros that says so in its form.
  ///
  /// - Returns: false, and nothing is read, for other streams.
  static func isZero(_ reader: inout ChunkReader) throws(ChunkError) -> Bool {
    var ahead = reader
    guard try ahead.byte() == constantForm, try ahead.signedVarint() == 0 else { return false }
    reader = ahead
    return true
  }

  /// Whether a chunk's codec byte alone can say it.
  var isPlain: Bool { divisor == 1 && !isEntropyCoded }

  /// Reads a stream of `target.count` integers behind its form byte, as much of it as `rows` need.
  func read(
    _ reader: inout ChunkReader,
    _ rows: Range<Int>,
    into target: Words
  ) throws(ChunkError) {
    guard order < target.count else { throw .malformed(.form) }
    var offset: UInt64 = 0
    var divisor: UInt64 = 1
    if self.divisor == 0 {
      offset = UInt64(bitPattern: try reader.signedVarint())
      divisor = try reader.varint()
      guard divisor >= 2 else { throw .malformed(.divisor) }
    }
    let first = order >= 1 ? UInt64(bitPattern: try reader.signedVarint()) : 0
    let step = order == 2 ? UInt64(bitPattern: try reader.signedVarint()) : 0
    let residuals = target.slice(order..<target.count)
    // Differences need all that lies before them.
    let needed = order == 0 ? rows : order..<max(order, rows.upperBound)
    if isEntropyCoded {
      try EntropyBody.read(&reader, isCoarse: isCoarse, into: residuals)
    } else {
      let wanted = needed.lowerBound - order..<needed.upperBound - order
      try PackedBlock.readAll(&reader, wanted, into: residuals)
    }
    switch order {
    case 1: target.slice(0..<needed.upperBound).integrate(first: first)
    case 2:
      target.slice(1..<needed.upperBound).integrate(first: step)
      target.slice(0..<needed.upperBound).integrate(first: first)
    default: break
    }
    if divisor > 1 { target.slice(rows).multiply(by: divisor, adding: offset) }
  }

  /// Writes what the body leaves out, the form byte apart, and turns `words` into residuals.
  ///
  /// - Returns: the residuals, a part of `words`.
  func writeHead(_ words: Words, into buffer: inout OutputBuffer) -> Words {
    if divisor > 1 {
      buffer.writeSignedVarint(words.signed(0))
      buffer.writeVarint(divisor)
      StreamEncoder.divide(words, by: divisor)
    }
    if order >= 1 { buffer.writeSignedVarint(words.signed(0)) }
    if order == 2 { buffer.writeSignedVarint(words.signed(1) &- words.signed(0)) }
    Self.differentiate(words, order: order)
    return words.slice(order..<words.count)
  }

  /// Replaces words by their differences, `order` times.
  static func differentiate(_ words: Words, order: Int) {
    for round in 0..<order {
      var previous = words[round]
      for index in round + 1..<words.count {
        let word = words[index]
        words[index] = word &- previous
        previous = word
      }
    }
  }
}
