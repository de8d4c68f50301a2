internal import Catalog
internal import Model
internal import Query
internal import Rollup
internal import Synchronization

/// The columns of field sets, looked up once in the catalog and kept: window records name their
/// field set by id.
///
/// Bounded by the catalog's own limit of field sets; thread-safe.
final class FieldSets: Sendable {
  struct Columns: Sendable {
    var fields: [(field: FieldID, type: ColumnType)]
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
      index: Dictionary(
        definition.fields.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first }))
    known.withLock { $0[set] = columns }
    return columns
  }
}
