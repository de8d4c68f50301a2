internal import Bytes
internal import Model

/// What is known of the types of integers' fields within one request.
struct FieldTypes {
  private struct Field: Hashable {
    var measurement: [UInt8]
    var name: [UInt8]
  }

  private struct Slot {
    var field: Field
    var type: ColumnType
  }

  private static let slotCount = 4_096
  /// Fields of one request that are remembered; beyond it they are asked for again.
  private static let countMax = 1 << 16

  private let typeOf: ([UInt8], [UInt8]) -> ColumnType?
  private var types: [Field: ColumnType] = [:]
  /// Those that came last, by hash, so that nothing is copied to find them.
  private var slots: [Slot?] = []

  /// - Parameter typeOf: the type of a field, if it is known. Asked once a field.
  init(typeOf: @escaping ([UInt8], [UInt8]) -> ColumnType?) { self.typeOf = typeOf }

  /// The type of a field; `first` where it has none yet.
  mutating func type(
    measurement: Span<UInt8>,
    name: Span<UInt8>,
    first: ColumnType
  ) -> ColumnType {
    if slots.isEmpty { slots = Array(repeating: nil, count: Self.slotCount) }
    let hash = Hash64.hash(measurement) &* 31 &+ Hash64.hash(name)
    let place = Int(truncatingIfNeeded: Hash64.mix(hash) % UInt64(Self.slotCount))
    if let slot = slots[place], Self.isEqual(slot.field.measurement, measurement),
      Self.isEqual(slot.field.name, name)
    {
      return slot.type
    }
    let field = Field(measurement: Self.array(measurement), name: Self.array(name))
    let type = types[field] ?? typeOf(field.measurement, field.name) ?? first
    if types.count >= Self.countMax { types = [:] }
    types[field] = type
    slots[place] = Slot(field: field, type: type)
    return type
  }

  private static func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

  private static func isEqual(_ array: [UInt8], _ span: Span<UInt8>) -> Bool {
    guard array.count == span.count else { return false }
    for index in span.indices where array[index] != span[index] { return false }
    return true
  }
}
