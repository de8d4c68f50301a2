internal import Bytes

/// How much work a chunk is worth.
public enum ChunkStrength: UInt8, Sendable, CaseIterable {
  /// About 60 rows at a cut: the column's last choice first, no entropy coder.
  case head
  /// From 1,024 rows, read often: every codec, the last choice first, no entropy coder.
  case young
  /// Up to 65,535 rows, read seldom: entropy coder and zstd where they pay.
  case cold
}

/// What the encoder remembers of a column from chunk to chunk, to try that first.
///
/// A chunk never needs it to be read: it only saves the search. Losing it costs time, not bytes.
public struct ColumnHint: Sendable {
  /// Chunks after which everything is tried again, which is quick for decimals.
  static let ageMax: UInt8 = 32
  static let scaledAgeMax: UInt8 = 12
  /// The same for merged chunks, which are made once and kept for long.
  static let mergedAgeMax: UInt8 = 12

  var codec: ChunkCodec?
  var exponent: UInt8 = 0
  var order: UInt8 = 0
  var age: UInt8 = 0
  /// Size of the chunk that the choice was made for, in sixteenths of a bit a value.
  var cost: UInt32 = 0
  /// Bits of the last fields when no value stood out, so that only wider ones are searched for
  /// outliers.
  var calmWidth: UInt8 = 0
  var divisor: UInt64 = 1
  var isEntropyCoded = false
  var isCoarse = false
  /// Values of the chunk that the choice was made for.
  var count: UInt32 = 0
  /// Of a quotient; the factor of a fraction; the power of two of a binary fraction.
  var denominator: UInt64 = 0
  /// Forms of the streams behind the first one; `nil` for those that are looked for each time.
  var unitsForm: UInt8?
  var denominatorsForm: UInt8?
  /// Whether the cells were decimals, and another codec took fewer bytes if `codec` says so; at a
  /// cut such columns are looked at each time.
  var isDecimal = false

  public init() {}

  /// Takes over what was chosen for the integers.
  mutating func take(_ plan: IntegerStream) {
    order = UInt8(plan.order)
    divisor = plan.divisor
    isEntropyCoded = plan.isEntropyCoded
    isCoarse = plan.isCoarse
  }

  /// Whether the last choice may be taken for `count` values without looking at others.
  func isFresh(_ strength: ChunkStrength, count: Int) -> Bool {
    guard let codec else { return false }
    if strength == .head { return age < (codec == .scaled ? Self.scaledAgeMax : Self.ageMax) }
    // A short last chunk has no room for tables.
    return age < Self.mergedAgeMax && count >= Int(self.count) / 2
  }

  /// The form of the units. At a cut it is looked for each time that some of them are not small:
  /// one that stands out may be what all others are multiples of.
  func unitsForm(_ units: Words, _ strength: ChunkStrength) -> UInt8? {
    guard strength == .head else { return unitsForm }
    var bits: UInt64 = 0
    for index in 0..<units.count { bits |= ZigZag.encode(units.signed(index)) }
    return bits < Self.smallUnitsMax ? unitsForm : nil
  }

  private static let smallUnitsMax: UInt64 = 256

  /// Notes the size that the choice led to; one that grew by an eighth, or by half where no choice
  /// is good, is looked at again. A merged chunk is looked at again when it grew by a sixteenth.
  mutating func note(byteCount: Int, count: Int, _ strength: ChunkStrength) {
    let now = UInt32(clamping: byteCount * 128 / count)
    if age == 0 { (cost, self.count) = (now, UInt32(count)) }
    let slack =
      strength != .head ? cost / 16 + 1 : codec == .scaled ? cost / 8 + 4 : cost / 2
    age = now > cost + slack ? .max : age &+ 1
  }
}
