public import Bytes
public import Model

/// The timestamps of one chunk group, shared by all its columns (docs/format/chunk.md, "steady" and
/// "delta of delta").
///
///     steady         := | first: varint, ns | unit u8 | step: varint, units |
///     delta of delta := | first: varint, ns | unit u8 | step: varint, units | code | code | ...
///     code := | 0 | or | 10 | u7 | or | 110 | u12 | or | 1110 | u20 | or | 11110 | u32 |
///             or | 11111 | u64 |
///
/// - `unit`: 0 ns, 1 µs, 2 ms, 3 s: the largest that divides every difference, so that an agent
/// that
///   stamps whole milliseconds does not pay for nanoseconds.
/// - `step`: the first difference; absent, like `unit`, when there is one timestamp.
/// - A code holds the zigzagged change of the difference: one bit where the cadence holds.
///
/// Timestamps ascend strictly and are not negative; the decoder insists on both.
public enum TimestampChunk {
  /// Timestamps of one chunk; the group's head counts rows in 16 bits.
  public static let valueCountMax = ColumnChunk.valueCountMax

  static let units: [Int64] = [1, 1_000, 1_000_000, 1_000_000_000]
  static let codeBitCountMax = 5 + 64

  /// Appends `timestamps` as one chunk.
  ///
  /// - Parameter timestamps: 1 ... ``valueCountMax``, strictly ascending, 0 or more.
  /// - Complexity: O(n), 2 to 5 ns each.
  public static func encode(_ timestamps: Span<Timestamp>, into buffer: inout OutputBuffer) {
    precondition(timestamps.count >= 1)
    precondition(timestamps.count <= valueCountMax)
    precondition(timestamps[0] >= 0)

    let (unitIndex, isSteady) = survey(timestamps)
    buffer.writeByte((isSteady ? ChunkCodec.steady : .deltaOfDelta).rawValue)
    buffer.writeVarint(UInt64(timestamps[0]))
    guard timestamps.count > 1 else { return }
    buffer.writeByte(UInt8(unitIndex))
    let unit = units[unitIndex]
    var step = (timestamps[1] - timestamps[0]) / unit
    buffer.writeVarint(UInt64(step))
    guard !isSteady else { return }

    var bits = BitWriter(consume buffer, bitCountMax: codeBitCountMax * (timestamps.count - 2))
    for index in 2..<timestamps.count {
      let next = (timestamps[index] - timestamps[index - 1]) / unit
      writeCode(ZigZag.encode(next - step), into: &bits)
      step = next
    }
    buffer = bits.finish()
  }

  /// The largest unit that divides every difference, and whether all differences are one.
  private static func survey(_ timestamps: Span<Timestamp>) -> (unit: Int, isSteady: Bool) {
    var unitIndex = units.count - 1
    var unit = units[unitIndex]
    var isSteady = true
    var first: Int64 = 0
    for index in 1..<max(1, timestamps.count) {
      let difference = timestamps[index] - timestamps[index - 1]
      precondition(difference > 0, "timestamps must ascend strictly")
      if index == 1 { first = difference } else if difference == first { continue }
      isSteady = isSteady && difference == first
      while difference % unit != 0 {
        unitIndex -= 1
        unit = units[unitIndex]
      }
    }
    return (unitIndex, isSteady)
  }

  private static func writeCode(_ change: UInt64, into bits: inout BitWriter) {
    switch 64 - change.leadingZeroBitCount {
    case 0: bits.write(0, 1)
    case ...7: bits.write(change << 2 | 0b01, 9)
    case ...12: bits.write(change << 3 | 0b011, 15)
    case ...20: bits.write(change << 4 | 0b0111, 24)
    case ...32: bits.write(change << 5 | 0b01111, 37)
    default:
      bits.write(0b11111, 5)
      bits.writeWide(change, 64)
    }
  }

  /// Decodes a whole chunk of `count` timestamps.
  ///
  /// No byte pattern can trap here.
  ///
  /// - Parameter count: 1 ... ``valueCountMax``, from the group's head.
  /// - Throws: ``ChunkError`` unless `bytes` holds exactly that many, ascending strictly.
  public static func decode(_ bytes: Span<UInt8>, count: Int) throws(ChunkError) -> [Timestamp] {
    try [Timestamp](capacity: count) { (target: inout OutputSpan<Timestamp>) throws(ChunkError) in
      try decode(bytes, into: &target)
    }
  }

  /// Fills `target`, which is empty and has room for exactly the chunk's timestamps.
  ///
  /// - Throws: ``ChunkError``; what `target` then holds is unspecified.
  @_lifetime(target: copy target)
  public static func decode(
    _ bytes: Span<UInt8>,
    into target: inout OutputSpan<Timestamp>
  ) throws(ChunkError) {
    precondition(target.isEmpty)
    precondition(target.freeCapacity >= 1 && target.freeCapacity <= valueCountMax)

    var head = ByteReader(bytes)
    guard let codec = head.readByte() else { throw .truncated }
    let isSteady = codec == ChunkCodec.steady.rawValue
    guard isSteady || codec == ChunkCodec.deltaOfDelta.rawValue else { throw .codec(codec) }
    guard let firstRaw = head.readVarint() else { throw .truncated }
    guard let first = Timestamp(exactly: firstRaw) else { throw .malformed(.timestamp) }
    target.append(first)
    guard target.freeCapacity > 0 else {
      guard head.remaining == 0 else { throw .trailing }
      return
    }

    guard let unitIndex = head.readByte(), let stepRaw = head.readVarint() else {
      throw .truncated
    }
    guard unitIndex < units.count else { throw .malformed(.unit) }
    guard let step = Int64(exactly: stepRaw), step > 0 else { throw .malformed(.step) }
    var clock = StepClock(timestamp: first, step: step, unit: units[Int(unitIndex)])
    if isSteady {
      while target.freeCapacity > 0 {
        guard clock.advance(by: 0) else { throw .malformed(.timestamp) }
        target.append(clock.timestamp)
      }
      guard head.remaining == 0 else { throw .trailing }
    } else {
      guard clock.advance(by: 0) else { throw .malformed(.timestamp) }
      target.append(clock.timestamp)
      var bits = BitReader(bytes.extracting(droppingFirst: head.offset))
      while target.freeCapacity > 0 {
        guard clock.advance(by: ZigZag.decode(readCode(&bits))) else {
          throw bits.isOverrun ? .truncated : .malformed(.timestamp)
        }
        target.append(clock.timestamp)
      }
      guard !bits.isOverrun else { throw .truncated }
      guard bits.isAtPaddedEnd else { throw .trailing }
    }
  }

  private static func readCode(_ bits: inout BitReader) -> UInt64 {
    let prefix = (~bits.peek() & 0x3f).trailingZeroBitCount
    switch prefix {
    case 0:
      bits.skip(1)
      return 0
    case 1: return bits.read(9) >> 2
    case 2: return bits.read(15) >> 3
    case 3: return bits.read(24) >> 4
    case 4: return bits.read(37) >> 5
    default:
      bits.skip(5)
      return bits.readWide(64)
    }
  }
}

/// A timestamp that goes on by a changing step; refuses to stand still, go back or pass the end of
/// time.
private struct StepClock {
  private(set) var timestamp: Timestamp
  var step: Int64
  let unit: Int64

  /// Changes the step by `change` units and takes it; false when the result cannot be.
  @inline(__always)
  mutating func advance(by change: Int64) -> Bool {
    let (step, stepOverflowed) = self.step.addingReportingOverflow(change)
    let (nanoseconds, unitOverflowed) = step.multipliedReportingOverflow(by: unit)
    let (next, overflowed) = timestamp.addingReportingOverflow(nanoseconds)
    guard !stepOverflowed, !unitOverflowed, !overflowed, step > 0 else { return false }
    self.step = step
    timestamp = next
    return true
  }
}
