/// Finds fields that a row names twice, and remembers which field fills which column. Its memory is
/// used again for every row.
struct NameMatcher {
  private var slots: [UInt32] = []
  /// For each column the number of the field that fills it.
  private(set) var fieldOfColumn: [UInt32] = []
  private static let keptCount = 16_384

  /// Marks fields that a later one of the same name replaces; returns how many are left, and the
  /// sum of their names' hashes.
  mutating func markReplaced(
    _ row: inout ParsedRow,
    _ base: UnsafeRawPointer
  ) -> (count: Int, hashSum: UInt64) {
    var sum: UInt64 = 0
    for field in row.fields { sum &+= field.nameHash }
    guard row.fields.count > 1 else { return (row.fields.count, sum) }
    var size = 8
    while size < 2 * row.fields.count { size *= 2 }
    if slots.count < size || slots.count > Self.keptCount {
      slots = [UInt32](repeating: 0, count: size)
    } else {
      for slot in 0..<size { slots[slot] = 0 }
    }
    var count = 0
    for index in row.fields.indices {
      let field = row.fields[index]
      var slot = Int(truncatingIfNeeded: field.nameHash) & (size - 1)
      while slots[slot] != 0 {
        let earlier = Int(slots[slot]) - 1
        if unsafe hasSameName(row.fields[earlier], field, base) {
          row.fields[earlier].isReplaced = true
          sum &-= field.nameHash
          count -= 1
          break
        }
        slot = (slot + 1) & (size - 1)
      }
      slots[slot] = UInt32(index + 1)
      count += 1
    }
    return (count, sum)
  }

  private func hasSameName(
    _ left: ParsedRow.Field,
    _ right: ParsedRow.Field,
    _ base: UnsafeRawPointer
  ) -> Bool {
    unsafe left.nameHash == right.nameHash && left.name.count == right.name.count
      && ByteScan.equal(
        base + Int(left.name.start),
        base + Int(right.name.start),
        count: Int(left.name.count)
      )
  }

  /// Whether the row has just the shape's fields; then ``fieldOfColumn`` tells which is which.
  mutating func match(_ row: ParsedRow, _ base: UnsafeRawPointer, count: Int, to shape: FieldShape)
    -> Bool
  {
    guard shape.columnCount == count else { return false }
    if fieldOfColumn.count < count || fieldOfColumn.count > Self.keptCount {
      fieldOfColumn = [UInt32](repeating: 0, count: count)
    }
    // Distinct names that are all found fill all columns.
    var previous = -1
    for index in row.fields.indices where !row.fields[index].isReplaced {
      let field = row.fields[index]
      guard
        let column = unsafe shape.column(
          base + Int(field.name.start),
          count: Int(field.name.count),
          hash: field.nameHash,
          after: previous
        )
      else { return false }
      fieldOfColumn[column] = UInt32(index)
      previous = column
    }
    return true
  }
}
