internal import Model
internal import Ring
internal import Rollup

/// Reads the minute windows of some fields out of a ring's records and frozen hours.
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

  /// The windows of the frozen hour that was read last: sixty for each of ``hourFields``, those
  /// that are missing with a count of 0. Behind them may stand windows of an hour before.
  private(set) var hourWindows: [Window] = []
  private(set) var hourFields: [Int] = []
  /// Behind the `first` and `last` of string columns of that hour.
  private(set) var hourStrings = StringArena()
  private var decoder = HourDecoder()
  /// What is wanted of frozen windows.
  private let parts: WindowParts

  static let minutesPerHour = HourEncoder.minutesPerHour

  init(_ fields: [FieldDefinition], parts: WindowParts = .all) {
    self.fields = fields
    self.parts = parts
  }

  /// Reads the windows of a frozen hour; ``hourWindows`` then holds those of all minutes.
  ///
  /// - Returns: `false` when the hour is damaged.
  mutating func read(
    _ section: FrozenSection,
    hour: Int64,
    _ fieldSets: inout FieldSetCache
  ) -> Bool {
    hourFields.removeAll(keepingCapacity: true)
    hourStrings.removeAll()
    guard (try? decoder.begin(section.head, hour: hour)) != nil,
      let plan = plan(for: decoder.fieldSet, &fieldSets),
      plan.types.count == decoder.columnCount, section.runCount == decoder.columnCount
    else { return false }
    while hourWindows.count < plan.columns.count * Self.minutesPerHour {
      hourWindows.append(.missing)
    }
    hourFields = plan.places
    return section.withRuns(plan.columns) { index, bytes in
      do throws(WindowError) {
        try decoder.decode(
          bytes,
          type: plan.types[plan.columns[index]],
          parts: parts,
          into: &hourWindows,
          at: index * Self.minutesPerHour,
          strings: &hourStrings
        )
        return true
      } catch {
        return false
      }
    }
  }

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

extension Window {
  /// A minute without a value.
  fileprivate static let missing = Window(
    count: 0,
    sum: .zero,
    min: 0,
    max: 0,
    first: 0,
    last: 0,
    firstTimestamp: 0,
    lastTimestamp: 0
  )
}
