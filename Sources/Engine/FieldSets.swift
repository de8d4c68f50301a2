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
    /// The places of all of them: 0, 1, …
    var all: [Int]
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
      ),
      all: Array(definition.fields.indices)
    )
    known.withLock { $0[set] = columns }
    return columns
  }

  /// Reads all windows of a record into `target`.
  ///
  /// - Returns: whether it does decode.
  func decode(_ bytes: Span<UInt8>, minute: Int64, into target: inout MinuteColumns) -> Bool {
    guard let set = WindowRecord.fieldSet(of: bytes), let columns = columns(of: set) else {
      return false
    }
    do throws(WindowError) {
      try target.read(bytes, fieldSet: set, columns: columns, minute: minute)
      return true
    } catch {
      return false
    }
  }

  /// The same windows by field, to be merged with those of other field sets.
  func set(of minute: borrowing MinuteColumns) -> WindowSet {
    var result = WindowSet()
    result.strings = minute.strings
    for (column, window) in zip(columns(of: minute.fieldSet)?.fields ?? [], minute.windows) {
      if let window { result.columns[column.field] = (column.type, window) }
    }
    return result
  }
}
