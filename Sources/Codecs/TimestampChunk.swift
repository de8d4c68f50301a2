public import Bytes
public import Model

/// The timestamps of one chunk group, shared by all its columns (docs/format/chunk.md, "grid").
///
///     grid := | first: varint, ns | unit u4, slots u1, offsets u1, zero u2 | step: varint, units |
///             | slots: stream | offsets: stream |
///
/// - `unit`: 0 ns, 1 µs, 2 ms, 3 s: the largest that divides every difference, so that an agent
///   that stamps whole milliseconds does not pay for nanoseconds.
/// - `step`: the usual distance. Absent, like all behind `first`, when there is one timestamp.
/// - `slots`: steps left out before each timestamp but the first; absent when the cadence holds.
/// - `offsets`: how far each timestamp but the first lies behind its slot, in units, signed; absent
///   when all lie on it.
///
/// A jitter of the agent's clock so costs its own size, not twice that, and a missing row costs two
/// bytes. Timestamps ascend strictly and are not negative; the decoder insists on both.
public enum TimestampChunk {
  /// Timestamps of one chunk; the group's head counts rows in 16 bits.
  public static let valueCountMax = ColumnChunk.valueCountMax

  static let units: [Int64] = [1, 1_000, 1_000_000, 1_000_000_000]
  static let slotsFlag: UInt8 = 0x10
  static let offsetsFlag: UInt8 = 0x20

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
    let count = target.freeCapacity
    var reader = ChunkReader(bytes)
    let codec = try reader.byte()
    guard codec == ChunkCodec.grid.rawValue else { throw .codec(codec) }
    guard let first = Timestamp(exactly: try reader.varint()) else {
      throw .malformed(.timestamp)
    }
    target.append(first)
    guard count > 1 else { return try reader.expectEnd() }

    let head = try reader.byte()
    let unitIndex = Int(head & ~(slotsFlag | offsetsFlag))
    guard unitIndex < units.count else { throw .malformed(.unit) }
    let unit = units[unitIndex]
    guard let step = Int64(exactly: try reader.varint()), step > 0 else { throw .malformed(.step) }
    if head & (slotsFlag | offsetsFlag) == 0 {
      try reader.expectEnd()
      return try appendSteady(from: first, step: step, unit: unit, to: &target)
    }
    var store = WordStore(capacity: 2 * count)
    let words = store.words(2 * (count - 1))
    let slots = words.slice(0..<count - 1)
    let offsets = words.slice(count - 1..<2 * (count - 1))
    words.fill(0)
    if head & slotsFlag != 0 { try IntegerStream.read(&reader, into: slots) }
    if head & offsetsFlag != 0 { try IntegerStream.read(&reader, into: offsets) }
    try reader.expectEnd()
    var previous = first
    var slot: Int64 = 0
    for index in 0..<count - 1 {
      let (next, slotOverflow) = slot.addingReportingOverflow(slots.signed(index) &+ 1)
      let (distance, stepOverflow) = next.multipliedReportingOverflow(by: step)
      let (moved, offsetOverflow) = distance.addingReportingOverflow(offsets.signed(index))
      let (scaled, unitOverflow) = moved.multipliedReportingOverflow(by: unit)
      let (timestamp, overflow) = first.addingReportingOverflow(scaled)
      guard !slotOverflow, !stepOverflow, !offsetOverflow, !unitOverflow, !overflow,
        timestamp > previous
      else { throw .malformed(.timestamp) }
      slot = next
      previous = timestamp
      target.append(timestamp)
    }
  }

  /// Appends timestamps at one distance from each other until `target` is full.
  @_lifetime(target: copy target)
  private static func appendSteady(
    from first: Timestamp,
    step: Int64,
    unit: Int64,
    to target: inout OutputSpan<Timestamp>
  ) throws(ChunkError) {
    let (distance, overflow) = step.multipliedReportingOverflow(by: unit)
    let (span, spanOverflow) = distance.multipliedReportingOverflow(
      by: Int64(target.freeCapacity)
    )
    guard !overflow, !spanOverflow, !first.addingReportingOverflow(span).overflow else {
      throw .malformed(.timestamp)
    }
    var next = first
    while !target.isFull {
      next &+= distance
      target.append(next)
    }
  }
}

/// Writes timestamp chunks; keeps its scratch.
public struct TimestampEncoder: ~Copyable {
  public let strength: ChunkStrength
  private var streams = StreamEncoder()
  private var slots = WordStore()
  private var offsets = WordStore()

  public init(strength: ChunkStrength) { self.strength = strength }

  /// Appends `timestamps` as one chunk.
  ///
  /// - Parameter timestamps: 1 ... ``TimestampChunk/valueCountMax``, strictly ascending, 0 or more.
  /// - Complexity: O(n), 5 to 20 ns each; they are written once a group.
  public mutating func encode(_ timestamps: Span<Timestamp>, into buffer: inout OutputBuffer) {
    precondition(timestamps.count >= 1)
    precondition(timestamps.count <= TimestampChunk.valueCountMax)
    precondition(timestamps[0] >= 0)
    buffer.writeByte(ChunkCodec.grid.rawValue)
    buffer.writeVarint(UInt64(timestamps[0]))
    guard timestamps.count > 1 else { return }
    if Self.isSteady(timestamps) {
      let unitIndex = Self.unit(of: timestamps.extracting(first: 2))
      let step = timestamps[1] - timestamps[0]
      buffer.writeByte(UInt8(unitIndex))
      return buffer.writeVarint(UInt64(step / TimestampChunk.units[unitIndex]))
    }
    let unitIndex = Self.unit(of: timestamps)
    let unit = TimestampChunk.units[unitIndex]
    let step = Self.step(of: timestamps, unit: unit)
    let slots = slots.words(timestamps.count - 1)
    let offsets = offsets.words(timestamps.count - 1)
    var slot: Int64 = 0
    var (anySlot, anyOffset): (UInt64, UInt64) = (0, 0)
    for index in 1..<timestamps.count {
      let distance = (timestamps[index] - timestamps[0]) / unit
      let isAhead = distance % step > step / 2 && distance <= .max - step
      let nearest = distance / step + (isAhead ? 1 : 0)
      // Two timestamps may share their nearest slot: then the later one is ahead of its own.
      slots[index - 1] = UInt64(bitPattern: nearest - slot - 1)
      offsets[index - 1] = UInt64(bitPattern: distance - nearest * step)
      slot = nearest
      anySlot |= slots[index - 1]
      anyOffset |= offsets[index - 1]
    }
    let flags =
      (anySlot != 0 ? TimestampChunk.slotsFlag : 0)
      | (anyOffset != 0 ? TimestampChunk.offsetsFlag : 0)
    buffer.writeByte(UInt8(unitIndex) | flags)
    buffer.writeVarint(UInt64(step))
    if anySlot != 0 { streams.write(slots, strength, into: &buffer) }
    if anyOffset != 0 { streams.write(offsets, strength, into: &buffer) }
  }

  /// Whether all differences are one.
  private static func isSteady(_ timestamps: Span<Timestamp>) -> Bool {
    let step = timestamps[1] &- timestamps[0]
    var difference: Int64 = 0
    for index in 2..<max(2, timestamps.count) {
      difference |= (timestamps[index] &- timestamps[index - 1]) ^ step
    }
    return difference == 0
  }

  /// The largest unit that divides every difference.
  private static func unit(of timestamps: Span<Timestamp>) -> Int {
    var unitIndex = TimestampChunk.units.count - 1
    var unit = TimestampChunk.units[unitIndex]
    var last: Int64 = 0
    for index in 1..<timestamps.count {
      let difference = timestamps[index] - timestamps[index - 1]
      precondition(difference > 0, "timestamps must ascend strictly")
      if difference == last { continue }
      last = difference
      while difference % unit != 0 {
        unitIndex -= 1
        unit = TimestampChunk.units[unitIndex]
      }
    }
    return unitIndex
  }

  /// The usual distance: the mean of those that are near the median of 63 of them.
  private static func step(of timestamps: Span<Timestamp>, unit: Int64) -> Int64 {
    let count = timestamps.count - 1
    let sampleCount = min(63, count)
    var distances: [Int64] = []
    for sample in 0..<sampleCount {
      let index = sample * count / sampleCount
      distances.append((timestamps[index + 1] - timestamps[index]) / unit)
    }
    distances.sort()
    let median = distances[sampleCount / 2]
    let most = median > .max / 2 ? median : median + median / 2
    var sum: Int64 = 0
    var nearCount: Int64 = 0
    for index in 0..<count {
      let distance = (timestamps[index + 1] - timestamps[index]) / unit
      if distance >= median / 2 + median % 2, distance <= most {
        sum += distance
        nearCount += 1
      }
    }
    return max(1, (sum + nearCount / 2) / nearCount)
  }
}

extension TimestampChunk {
  /// Appends `timestamps` as one chunk; see ``TimestampEncoder``.
  public static func encode(
    _ timestamps: Span<Timestamp>,
    strength: ChunkStrength = .head,
    into buffer: inout OutputBuffer
  ) {
    var encoder = TimestampEncoder(strength: strength)
    encoder.encode(timestamps, into: &buffer)
  }
}
