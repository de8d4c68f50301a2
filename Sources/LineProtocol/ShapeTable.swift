internal import Model

/// The shapes that a parser knows.
@safe struct ShapeTable: ~Copyable {
  private var shapes: [FieldShape] = []
  private var firstOfHash: [UInt64: Int] = [:]
  private var waiting: [Int] = []
  private var byteCount = 0
  private let byteCountMax: Int
  private let seed: UInt64
  /// The shapes' heads once more, for the hot loop.
  private(set) var heads: UnsafeMutablePointer<ShapeHead>
  private var capacity = 64

  init(byteCountMax: Int, seed: UInt64) {
    self.byteCountMax = byteCountMax
    self.seed = seed
    unsafe heads = UnsafeMutablePointer<ShapeHead>.allocate(capacity: capacity)
  }

  deinit { unsafe heads.deallocate() }

  /// Whether new shapes should rather find an empty table.
  var isFull: Bool { byteCount > byteCountMax }

  subscript(shape: Int) -> FieldShape { shapes[shape] }

  /// The hash of a set of fields: of the sum of their names' hashes, for the order is not part of
  /// it.
  func hash(
    tenant: TenantID,
    measurement: UnsafeRawBufferPointer,
    namesSum: UInt64,
    count: Int
  ) -> UInt64 {
    let name = unsafe measurement.baseAddress.map { start in
      unsafe ByteScan.hash(start, count: measurement.count, seed: seed)
    }
    let tenantBits = UInt64(tenant.rawValue) &* 0x9e37_79b9_7f4a_7c15
    return ByteScan.fold(ByteScan.fold(namesSum &+ UInt64(count)) ^ (name ?? seed) ^ tenantBits)
  }

  /// Shapes with this hash, one after another: pass -1 first, then what came back; `nil` at the
  /// end.
  func next(_ hash: UInt64, after previous: Int) -> Int? {
    let following = previous < 0 ? firstOfHash[hash] ?? -1 : shapes[previous].nextOfHash
    return following < 0 ? nil : following
  }

  /// Adds a shape and returns its number.
  mutating func insert(
    tenant: TenantID,
    measurement: MeasurementID,
    rawMeasurement: [UInt8],
    fieldSet: FieldSetID,
    columns: [FieldShape.Column],
    hash: UInt64,
    resolver: any SchemaResolver
  ) -> Int {
    let shape = FieldShape(
      tenant: tenant,
      measurement: measurement,
      rawMeasurement: rawMeasurement,
      fieldSet: fieldSet,
      columns: columns,
      hash: hash,
      nextOfHash: firstOfHash[hash] ?? -1
    )
    shape.rescale(resolver)
    let number = shapes.count
    if number == capacity {
      let fresh = UnsafeMutablePointer<ShapeHead>.allocate(capacity: 2 * capacity)
      unsafe fresh.moveInitialize(from: heads, count: number)
      unsafe heads.deallocate()
      unsafe heads = unsafe fresh
      capacity *= 2
    }
    unsafe (heads + number).initialize(to: shape.head)
    shapes.append(shape)
    firstOfHash[hash] = number
    byteCount += shape.byteCount
    return number
  }

  /// Takes note of a float that its column's exponent did not serve.
  mutating func noteMisfit(_ token: ValueToken, shape: Int, column: Int) {
    let wanted = shapes[shape].wantsScales
    shapes[shape].noteMisfit(token, column: column)
    if !wanted, shapes[shape].wantsScales { waiting.append(shape) }
  }

  /// Gives the shapes that want them new scale tables; rows encoded so far keep theirs.
  mutating func rescale(_ resolver: any SchemaResolver) {
    guard !waiting.isEmpty else { return }
    for shape in waiting {
      shapes[shape].rescale(resolver)
      unsafe heads[shape] = shapes[shape].head
    }
    waiting.removeAll(keepingCapacity: true)
  }

  /// Forgets all shapes.
  mutating func removeAll() {
    shapes.removeAll()
    firstOfHash.removeAll()
    waiting.removeAll()
    byteCount = 0
  }
}
