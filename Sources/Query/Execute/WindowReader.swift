internal import Model
internal import Rollup

/// Reads the minute windows of some fields out of a ring's records.
struct WindowReader {
  /// Which columns of a field set are wanted, ascending, and which field each of them is.
  private struct Plan {
    let types: [ColumnType]
    let columns: [Int]
    let places: [Int]
  }

  private let fields: [FieldDefinition]
  private var plans: [FieldSetID: Plan?] = [:]
  private var latest: (fieldSet: FieldSetID, plan: Plan)?
  /// The windows that the last lookup found, each with the number of its field.
  private(set) var windows: [(field: Int, window: Window)] = []
  /// What a record gave, kept for its memory.
  private var found: [Window?] = []
  /// Behind the `first` and `last` of string columns.
  private(set) var strings = StringArena()

  init(_ fields: [FieldDefinition]) { self.fields = fields }

  /// Looks one minute up; ``windows`` then holds the fields that have values in it.
  mutating func look(
    up series: SeriesID,
    minute: Int64,
    in source: any WindowRecordSource,
    _ fieldSets: inout FieldSetCache
  ) -> WindowLookup {
    windows.removeAll(keepingCapacity: true)
    strings.removeAll()
    return source.withRecord(series: series, minute: minute) { bytes in
      decode(bytes, minute, &fieldSets)
    }
  }

  private mutating func decode(
    _ bytes: Span<UInt8>,
    _ minute: Int64,
    _ fieldSets: inout FieldSetCache
  ) -> Bool {
    guard let fieldSet = WindowRecord.fieldSet(of: bytes),
      let plan = plan(for: fieldSet, &fieldSets)
    else { return false }
    guard !plan.columns.isEmpty else { return true }
    found.removeAll(keepingCapacity: true)
    do throws(WindowError) {
      try WindowRecord.decode(
        bytes,
        types: plan.types,
        wanted: plan.columns,
        minute: minute,
        into: &found,
        strings: &strings
      )
      for (place, window) in zip(plan.places, found) {
        if let window { windows.append((field: place, window: window)) }
      }
      return true
    } catch {
      windows.removeAll(keepingCapacity: true)
      return false
    }
  }

  /// `nil` for a field set that cannot be read: unknown, or with a field of another type.
  private mutating func plan(
    for id: FieldSetID,
    _ fieldSets: inout FieldSetCache
  ) -> Plan? {
    if let latest, latest.fieldSet == id { return latest.plan }
    let plan: Plan?
    if let known = plans[id] {
      plan = known
    } else {
      plan = makePlan(for: id, &fieldSets)
      plans[id] = .some(plan)
    }
    if let plan { latest = (id, plan) }
    return plan
  }

  private func makePlan(for id: FieldSetID, _ fieldSets: inout FieldSetCache) -> Plan? {
    guard let columns = fieldSets.columns(of: id) else { return nil }
    var wanted: [(column: Int, place: Int)] = []
    for (place, field) in fields.enumerated() {
      guard let column = columns.index[field.id] else { continue }
      guard columns.types[column] == field.type else { return nil }
      wanted.append((column, place))
    }
    wanted.sort { $0.column < $1.column }
    return Plan(
      types: columns.types,
      columns: wanted.map(\.column),
      places: wanted.map(\.place)
    )
  }
}
