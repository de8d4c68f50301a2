internal import Catalog
internal import Model

/// Decodes encoded rows into columns; knows the scale tables. A value: it caches nothing but what
/// its owner hands it, so queries and workers use one each.
struct RowDecoder: Sendable {
  let catalog: Catalog

  /// The divisors of a scale table, one a column. A table that the catalog does not know (its log
  /// was lost) gives ones: the integers come back unscaled rather than not at all.
  func divisors(_ table: ScaleTableID, columnCount: Int) -> [Double] {
    guard table != .zero, let exponents = catalog.scales(table),
      exponents.count == columnCount
    else { return Array(repeating: 1, count: columnCount) }
    return exponents.map { DecimalScale.powers[Int(min($0, 22))] }
  }

  /// All or some columns of `rows`.
  ///
  /// - Parameters:
  ///   - rows: rows of `layout`, strictly ascending.
  ///   - wanted: the fields to decode, or `nil` for all.
  func columns(
    of layout: LayoutInfo,
    rows: [RowReference],
    wanted: Set<FieldID>? = nil
  ) -> ColumnBatch {
    var batch = ColumnBatch(timestamps: rows.map(\.timestamp))
    let count = layout.width
    var tile = RowTile(rows[...], types: layout.types) { divisors($0, columnCount: count) }
    var cells: [Cell] = []
    var column = 0
    while column < count {
      let field = layout.fields[column]
      if let wanted, !wanted.contains(field) {
        var end = column + 1
        while end < count, !wanted.contains(layout.fields[end]) { end += 1 }
        if end < count { tile.skip(end - column) }
        column = end
        continue
      }
      tile.next(1, into: &cells, strings: &batch.strings)
      batch.columns.append(
        ColumnBatch.Column(
          field: field,
          type: layout.types[column],
          cells: Array(cells[..<rows.count])
        )
      )
      column += 1
    }
    return batch
  }
}
