internal import Model

/// A column as the hot loop sees it: the raw name with its equals sign, and how to read its values.
struct FieldEntry {
  /// The first 16 bytes of `name=`, zeros behind it.
  var low: UInt64 = 0
  var high: UInt64 = 0
  /// Bytes of `name=`, and where it lies in the shape's names.
  var nameByteCount: UInt32 = 0
  var nameOffset: UInt32 = 0
  var type: ColumnType = .float
  /// The letter behind an integer's digits, or 0; and the bits of it that must agree.
  var suffix: UInt8 = 0
  var suffixMask: UInt8 = 0
  /// The column's power of ten.
  var exponent: UInt8 = 0
}

/// A shape as the hot loop sees it.
@safe struct ShapeHead {
  var entries: UnsafeMutablePointer<FieldEntry>
  var names: UnsafeMutableRawPointer
  var columnCount: Int
  var scaleTable: ScaleTableID
  var isLong: Bool
}

/// The fields of one field set: names in column order, types, and how floats are scaled.
///
/// Shared by all series of a measurement whose lines carry just these fields.
@safe final class FieldShape {
  let tenant: TenantID
  let fieldSet: FieldSetID
  /// The fields in column order, for the resolver: the same array each time, so that it need not
  /// compare names.
  let fields: [FieldName]
  let measurement: MeasurementID
  /// As lines write it, escapes included.
  let rawMeasurement: [UInt8]
  let hash: UInt64
  /// Another shape with the same ``hash``, or -1.
  let nextOfHash: Int
  let columnCount: Int
  private let entries: UnsafeMutablePointer<FieldEntry>
  private let names: UnsafeMutableRawPointer
  private let isLong: Bool
  private var scaleTable = ScaleTableID.zero
  let byteCount: Int
  private let hashes: [UInt64]
  private let slots: [UInt32]
  /// For each column the one that followed it last time.
  private let followers: UnsafeMutablePointer<UInt32>
  private var wishes: [UInt8]
  private var ceilings: [UInt8]
  private var misfits: [UInt8]
  /// Whether a column wants another exponent.
  private(set) var wantsScales = false

  /// Values that no longer fit because their column's exponent is too large, before it is given up.
  private static let misfitsMax: UInt8 = 100

  struct Column {
    var rawName: [UInt8]
    var hash: UInt64
    var field: FieldName
    var exponent: UInt8
  }

  /// - Parameter columns: in column order.
  init(
    tenant: TenantID,
    measurement: MeasurementID,
    rawMeasurement: [UInt8],
    fieldSet: FieldSetID,
    columns: [Column],
    hash: UInt64,
    nextOfHash: Int
  ) {
    self.tenant = tenant
    self.fieldSet = fieldSet
    self.measurement = measurement
    self.rawMeasurement = rawMeasurement
    self.hash = hash
    self.nextOfHash = nextOfHash
    fields = columns.map(\.field)
    hashes = columns.map(\.hash)
    columnCount = columns.count
    wishes = columns.map(\.exponent)
    ceilings = [UInt8](repeating: UInt8(DecimalScale.exponentMax), count: columns.count)
    misfits = [UInt8](repeating: 0, count: columns.count)
    slots = Self.slots(hashes)
    unsafe followers = .allocate(capacity: columns.count)
    for column in columns.indices {
      unsafe (followers + column).initialize(to: UInt32((column + 1) % columns.count))
    }
    let nameByteCount = columns.reduce(0) { $0 + $1.rawName.count + 1 }
    unsafe entries = .allocate(capacity: columns.count)
    unsafe names = .allocate(byteCount: nameByteCount, alignment: 8)
    isLong = unsafe RowEncoder.isLong(
      columnCount: columns.count,
      hasStrings: columns.contains { $0.field.type == .string }
    )
    byteCount = columns.count * 96 + 3 * nameByteCount + 512
    var offset = 0
    for (index, column) in columns.enumerated() {
      let name = column.rawName + [ByteScan.equals]
      unsafe (names + offset).copyMemory(from: name, byteCount: name.count)
      unsafe (entries + index).initialize(to: Self.entry(name, at: offset, column))
      offset += name.count
    }
    wantsScales = wishes.contains { $0 > 0 }
  }

  deinit {
    unsafe entries.deallocate()
    unsafe names.deallocate()
    unsafe followers.deallocate()
  }

  /// What the hot loop needs.
  var head: ShapeHead {
    unsafe ShapeHead(
      entries: entries,
      names: names,
      columnCount: columnCount,
      scaleTable: scaleTable,
      isLong: isLong
    )
  }

  private static func entry(_ name: [UInt8], at offset: Int, _ column: Column) -> FieldEntry {
    var entry = FieldEntry()
    for (index, byte) in name.prefix(16).enumerated() {
      if index < 8 {
        entry.low |= UInt64(byte) << UInt64(8 * index)
      } else {
        entry.high |= UInt64(byte) << UInt64(8 * (index - 8))
      }
    }
    entry.nameByteCount = UInt32(name.count)
    entry.nameOffset = UInt32(offset)
    entry.type = column.field.type
    switch column.field.type {
    case .integer: entry.suffix = UInt8(ascii: "i")
    case .unsigned: entry.suffix = UInt8(ascii: "u")
    case .float, .boolean, .string: break
    }
    entry.suffixMask = entry.suffix == 0 ? 0 : 0xff
    return entry
  }

  private static func slots(_ hashes: [UInt64]) -> [UInt32] {
    var size = 4
    while size < 2 * hashes.count { size *= 2 }
    var slots = [UInt32](repeating: 0, count: size)
    for (column, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (size - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
      slots[slot] = UInt32(column + 1)
    }
    return slots
  }

  /// The column of a raw name, looked for first behind column `previous` (-1 at a row's start).
  func column(
    _ name: UnsafeRawPointer,
    count: Int,
    hash: UInt64,
    after previous: Int
  ) -> Int? {
    let expected = unsafe previous < 0 ? 0 : Int(followers[previous])
    if unsafe isName(expected, name, count, hash) { return expected }
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let column = Int(slots[slot]) - 1
      if unsafe isName(column, name, count, hash) {
        if previous >= 0 { unsafe followers[previous] = UInt32(column) }
        return column
      }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private func isName(_ column: Int, _ name: UnsafeRawPointer, _ count: Int, _ hash: UInt64) -> Bool
  {
    guard hashes[column] == hash else { return false }
    let entry = unsafe entries[column]
    guard Int(entry.nameByteCount) == count + 1 else { return false }
    return unsafe ByteScan.equal(names + Int(entry.nameOffset), name, count: count)
  }

  /// Takes note of a float that its column's exponent did not serve.
  func noteMisfit(_ token: ValueToken, column: Int) {
    guard let wanted = token.decimalsWanted else { return }
    let current = unsafe entries[column].exponent
    if wanted > current {
      let wish = min(wanted, ceilings[column])
      if wish > wishes[column] {
        wishes[column] = wish
        wantsScales = true
      }
      return
    }
    // It would fit with fewer decimals: one small outlier must not spoil a column for ever.
    guard current > wanted else { return }
    misfits[column] += 1
    guard misfits[column] >= Self.misfitsMax else { return }
    misfits[column] = 0
    ceilings[column] = wanted
    wishes[column] = wanted
    wantsScales = true
  }

  /// Asks for the exponents wished for; from the next row on they hold, if there is such a table.
  func rescale(_ resolver: any SchemaResolver) {
    guard wantsScales else { return }
    wantsScales = false
    guard let table = resolver.scaleTable(fieldSet: fieldSet, exponents: wishes) else {
      for column in wishes.indices { wishes[column] = unsafe entries[column].exponent }
      return
    }
    scaleTable = table
    for column in wishes.indices { unsafe entries[column].exponent = wishes[column] }
  }
}
