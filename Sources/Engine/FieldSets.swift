internal import Catalog
internal import Model
internal import Rollup
internal import Synchronization

/// The columns of field sets, looked up once in the catalog and kept: window records name their
/// field set by id.
///
/// Bounded by the catalog's own limit of field sets; thread-safe.
final class FieldSets: Sendable {
  struct Columns: Sendable {
    var fields: [(field: FieldID, type: ColumnType)]
    var types: [ColumnType]
    var index: [FieldID: Int]
  }

  private let catalog: Catalog
  private let known = Mutex<[FieldSetID: Columns]>([:])

  init(catalog: Catalog) { self.catalog = catalog }

  func columns(of set: FieldSetID) -> Columns? {
    if let columns = known.withLock({ $0[set] }) { return columns }
    guard let definition = catalog.fieldSet(set) else { return nil }
    let columns = Columns(
      fields: zip(definition.fields, definition.types).map { (field: $0, type: $1) },
      types: definition.types,
      index: Dictionary(
        definition.fields.enumerated().map { ($1, $0) },
        uniquingKeysWith: { first, _ in first }
      )
    )
    known.withLock { $0[set] = columns }
    return columns
  }

  /// All windows of a record; `nil` when it does not decode.
  func decode(_ bytes: Span<UInt8>, minute: Int64) -> WindowSet? {
    guard let set = WindowRecord.fieldSet(of: bytes), let columns = columns(of: set) else {
      return nil
    }
    var strings = StringArena()
    var windows: [Window?] = []
    do throws(WindowError) {
      try WindowRecord.decode(
        bytes,
        types: columns.types,
        wanted: Array(columns.fields.indices),
        minute: minute,
        into: &windows,
        strings: &strings
      )
    } catch {
      return nil
    }
    var result = WindowSet()
    result.strings = strings
    for (column, window) in zip(columns.fields, windows) {
      if let window { result.columns[column.field] = (column.type, window) }
    }
    return result
  }
}
