/// Small constant tables of the hot loop, in memory that needs no look at a global.
@safe struct HotTables: ~Copyable {
  /// What a byte may be to a name, as bits.
  enum ByteClass {
    static let endsKey: UInt8 = 1
    static let endsMeasurement: UInt8 = 2
    static let control: UInt8 = 4
    static let backslash: UInt8 = 8
  }

  /// The bytes of a name of up to 16 bytes.
  struct NameMask {
    var low: UInt64
    var high: UInt64
  }

  /// How to raise a number by decimals: the factor, and the largest number that then fits 31 bits.
  struct Step {
    var factor: UInt64
    var mantissaMax: UInt64
  }

  static let nameByteCountMax = 16
  /// Steps count from here: fewer are missing decimals, for which nothing but zero fits.
  static let stepOrigin = 16
  private static let stepCount = 32

  let masks: UnsafeMutablePointer<NameMask>
  let steps: UnsafeMutablePointer<Step>
  /// 10^0 ... 10^8.
  let powers: UnsafeMutablePointer<UInt64>
  /// The ``ByteClass`` of each byte.
  let classes: UnsafeMutablePointer<UInt8>

  init() {
    unsafe masks = UnsafeMutablePointer<NameMask>.allocate(capacity: Self.nameByteCountMax + 1)
    for count in 0...Self.nameByteCountMax {
      let low: UInt64 = count >= 8 ? .max : (1 << UInt64(8 * count)) - 1
      let high: UInt64 = count <= 8 ? 0 : count == 16 ? .max : (1 << UInt64(8 * count - 64)) - 1
      unsafe (masks + count).initialize(to: NameMask(low: low, high: high))
    }
    unsafe steps = UnsafeMutablePointer<Step>.allocate(capacity: Self.stepCount)
    var factor: UInt64 = 1
    for index in 0..<Self.stepCount {
      let isMissing = index < Self.stepOrigin
      unsafe (steps + index).initialize(
        to: Step(
          factor: isMissing ? 0 : factor,
          mantissaMax: isMissing ? 0 : UInt64(Int32.max) / factor
        )
      )
      if !isMissing { factor *= 10 }
    }
    unsafe powers = UnsafeMutablePointer<UInt64>.allocate(capacity: 9)
    var power: UInt64 = 1
    for index in 0..<9 {
      unsafe (powers + index).initialize(to: power)
      power *= 10
    }
    unsafe classes = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for byte in 0..<256 { unsafe (classes + byte).initialize(to: Self.byteClass(UInt8(byte))) }
  }

  deinit {
    unsafe masks.deallocate()
    unsafe steps.deallocate()
    unsafe powers.deallocate()
    unsafe classes.deallocate()
  }

  private static func byteClass(_ byte: UInt8) -> UInt8 {
    switch byte {
    case ByteScan.comma, ByteScan.space: ByteClass.endsKey | ByteClass.endsMeasurement
    case ByteScan.equals: ByteClass.endsKey
    case ByteScan.backslash: ByteClass.backslash
    case 0..<0x20, 0x7f: ByteClass.control
    default: 0
    }
  }
}
