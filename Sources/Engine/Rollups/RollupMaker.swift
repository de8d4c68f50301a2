internal import Blocks
internal import Catalog
internal import Model
internal import Platform

/// Folds some days of a partition and tenant, and writes the files that hold them.
///
/// Works series by series and some columns at a time, so that its memory does not grow with what is
/// stored. Belongs to the compaction's thread.
struct RollupMaker {
  /// Columns that are folded side by side: the columns of one group.
  static let columnsPerStep = 16

  let disk: any Disk
  let directory: String
  let partition: PartitionID
  let tenant: TenantID
  let list: BlockList
  let plan: RollupPlan
  let catalog: Catalog
  let fieldSets: FieldSets
  /// `nil` for a series that nobody knows.
  let measurementOf: (SeriesID) -> MeasurementID?
  /// Days before it are not kept; `nil` for a unit that is off: only files that are there are
  /// brought up to date, with rows that came late and without deleted ones.
  let oldestDay: (RollupUnit) -> Int64?
  /// Waits between two series; throws when the server stops.
  let pause: () throws(CompactionError) -> Void

  private(set) var revision: UInt64
  private(set) var removed: [RollupFile] = []
  private(set) var added: [RollupFile] = []
  private(set) var damagedGroupCount = 0
  /// Days whose rows cannot be read, or not all of them where windows of them are there, and why.
  /// When there are any, nothing was made.
  private(set) var unreadable: [Int64: String] = [:]
  /// The first days of which blocks have all rows, of measurements of which they turned out to have
  /// less than windows.
  private(set) var rawFrom: [MeasurementID: Int64] = [:]
  /// Of the files that are being made, by unit and span.
  private var writers: [Key: RollupWriter] = [:]

  private struct Key: Hashable {
    var unit: RollupUnit
    var span: Int64
  }

  /// Where a series has rows or windows.
  private struct Work {
    /// Of its rows.
    var fieldSets: Set<FieldSetID> = []
    /// Days with rows in blocks.
    var days: Set<Int64> = []
  }

  init(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    tenant: TenantID,
    list: BlockList,
    plan: RollupPlan,
    catalog: Catalog,
    fieldSets: FieldSets,
    revision: UInt64,
    measurementOf: @escaping (SeriesID) -> MeasurementID?,
    oldestDay: @escaping (RollupUnit) -> Int64?,
    pause: @escaping () throws(CompactionError) -> Void
  ) {
    self.disk = disk
    self.directory = directory
    self.partition = partition
    self.tenant = tenant
    self.list = list
    self.plan = plan
    self.catalog = catalog
    self.fieldSets = fieldSets
    self.revision = revision
    self.measurementOf = measurementOf
    self.oldestDay = oldestDay
    self.pause = pause
  }

  private var blocks: [BlockReader] {
    list.readers.filter { $0.summary.identity.tenant == tenant }
  }

  /// The days of a unit that are folded.
  private func days(_ unit: RollupUnit) -> [Int64] {
    guard let coverage = plan.coverage[unit] else { return [] }
    let days = plan.days.filter { $0 >= coverage.from && $0 < coverage.until }
    guard let oldest = oldestDay(unit) else {
      return days.filter { old(Key(unit: unit, span: unit.span(ofDay: $0))) != nil }
    }
    return days.filter { $0 >= oldest }
  }

  private var units: [RollupUnit] { RollupUnit.allCases.filter { !days($0).isEmpty } }

  private func old(_ key: Key) -> RollupReader? {
    list.rollups.reader(key.unit, tenant, span: key.span)
  }

  // MARK: Making

  /// Writes everything. After an error, and where days are ``unreadable``, nothing of it counts.
  mutating func make() throws(CompactionError) {
    do throws(CompactionError) {
      let work = try survey()
      for unit in units {
        for span in Set(days(unit).map { unit.span(ofDay: $0) }).sorted() {
          try begin(Key(unit: unit, span: span))
        }
      }
      for (series, item) in work.sorted(by: { $0.key < $1.key }) {
        try pause()
        try write(series, item)
        guard unreadable.count < plan.days.count else { break }
      }
      guard unreadable.isEmpty else { return abandon() }
      for key in writers.keys.sorted(by: { ($0.unit, $0.span) < ($1.unit, $1.span) }) {
        try finish(key)
      }
    } catch {
      abandon()
      throw error
    }
  }

  mutating func abandon() {
    for writer in writers.values { writer.abandon() }
    writers = [:]
    for file in added { try? disk.remove(Path.join(directory, file.fileName)) }
    (added, removed) = ([], [])
  }

  private mutating func begin(_ key: Key) throws(CompactionError) {
    revision += 1
    let identity = RollupIdentity(
      partition: partition,
      tenant: tenant,
      unit: key.unit,
      span: key.span,
      revision: revision,
      until: plan.coverage[key.unit]?.until ?? 0
    )
    do throws(SystemError) {
      writers[key] = try RollupWriter(disk: disk, directory: directory, identity: identity)
    } catch {
      throw .system(error)
    }
  }

  private mutating func finish(_ key: Key) throws(CompactionError) {
    guard let writer = writers.removeValue(forKey: key) else { return }
    if let old = old(key) { removed.append(old.file) }
    guard writer.windowCount > 0 else { return writer.abandon() }
    let definitions = BlockDefinitions(
      tenant: tenant,
      tenantName: catalog.tenant(tenant)?.name ?? [],
      fields: writer.fields.sorted().compactMap { catalog.field($0) },
      fieldSets: [],
      series: catalog.series(writer.series).compactMap { $0 }
    )
    do throws(SystemError) {
      added.append(try writer.finish(definitions: definitions))
    } catch {
      writer.abandon()
      throw .system(error)
    }
  }

  // MARK: Series

  /// Who has rows on the days, and who has windows in the files that are written anew.
  private mutating func survey() throws(CompactionError) -> [SeriesID: Work] {
    let perDay = RollupUnit.nanosecondsPerDay
    let ranges = plan.days.map { TimeRange(start: $0 * perDay, end: ($0 + 1) * perDay) }
    var work: [SeriesID: Work] = [:]
    let open = Dictionary(uniqueKeysWithValues: blocks.map { ($0.summary.fileName, $0) })
    for block in list.summaries where block.identity.tenant == tenant {
      let ranges = ranges.filter { block.meets($0) }
      guard !ranges.isEmpty else { continue }
      guard let reader = open[block.fileName] else {
        leaveOut(ranges, "\(block.fileName) is not open")
        continue
      }
      var groupCount = 0
      do throws(BlockError) {
        try reader.forEachGroup { entry in
          groupCount += 1
          for range in ranges
          where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
            work[entry.series, default: Work()].days.insert(range.start / perDay)
            work[entry.series]?.fieldSets.insert(entry.fieldSet)
          }
        }
      } catch {
        leaveOut(ranges, "\(reader.path): \(error.text)")
        continue
      }
      if groupCount < block.groupCount {
        damagedGroupCount += block.groupCount - groupCount
        leaveOut(ranges.filter { hasWindows($0.start / perDay) }, Self.damaged(reader.path))
      }
    }
    for old in oldReaders {
      try readingWhatIsSound { () throws(BlockError) in
        for entry in try old.entries() where work[entry.series] == nil {
          work[entry.series] = Work()
        }
      }
    }
    return work
  }

  /// The files that are written anew.
  private var oldReaders: [RollupReader] {
    units.flatMap { unit in
      Set(days(unit).map { unit.span(ofDay: $0) }).sorted().compactMap {
        old(Key(unit: unit, span: $0))
      }
    }
  }

  /// Goes on without what is damaged; what cannot be read now may be whole.
  private mutating func readingWhatIsSound(
    _ body: () throws(BlockError) -> Void
  ) throws(CompactionError) {
    do throws(BlockError) {
      try body()
    } catch {
      if error.isRefusal { throw .block(error) }
      damagedGroupCount += 1
    }
  }

  /// The columns that a series has in its rows or windows, ascending.
  private mutating func fields(
    of series: SeriesID,
    _ work: Work
  ) throws(CompactionError) -> [(field: FieldID, type: ColumnType)] {
    var fields: [FieldID: ColumnType] = [:]
    for set in work.fieldSets {
      for column in fieldSets.columns(of: set)?.fields ?? [] { fields[column.field] = column.type }
    }
    for old in oldReaders {
      try readingWhatIsSound { () throws(BlockError) in
        for entry in try old.entries(of: series) {
          for column in try old.fields(entry) { fields[column.field] = column.type }
        }
      }
    }
    return fields.sorted { $0.key < $1.key }.map { (field: $0.key, type: $0.value) }
  }

  private mutating func write(_ series: SeriesID, _ work: Work) throws(CompactionError) {
    guard let measurement = measurementOf(series) else { return }
    let fields = try fields(of: series, work)
    let gone = list.rollups.state.rawFrom[measurement] ?? .min
    let places = units.map { (unit: $0, days: Set(days($0))) }
    var start = 0
    while start < fields.count {
      let step = Array(fields[start..<min(fields.count, start + Self.columnsPerStep)])
      start += step.count
      let lacking = try lackingDays(series, work, step)
      for day in lacking.map(\.day) {
        rawFrom[measurement] = max(rawFrom[measurement] ?? 0, day + 1)
      }
      // Not where some rows are gone that windows have.
      func isFolded(_ day: Int64, _ unit: RollupUnit) -> Bool {
        !isCovered(day, unit) || day >= gone && !lacking.contains(Windows(day: day, unit: unit))
      }
      var hours: [Int64: [RollupColumn]] = [:]
      for day in plan.days where work.days.contains(day) {
        let fresh = places.filter { $1.contains(day) && isFolded(day, $0) }.map(\.unit)
        guard !fresh.isEmpty else { continue }
        guard let minutes = fold(series, day, step) else { continue }
        if fresh.contains(.minute) { try append(minutes, series, .minute, day) }
        if fresh.contains(.hour) { hours[day] = minutes.map(\.hours) }
      }
      // What is not folded anew stays as it is.
      for day in days(.minute) where !isFolded(day, .minute) {
        let key = Key(unit: .minute, span: RollupUnit.minute.span(ofDay: day))
        try append(try oldColumns(key, series, step), series, .minute, day)
      }
      for day in days(.hour) where lacksHours(day) && isCovered(day, .minute) {
        guard day < gone || lacking.contains(Windows(day: day, unit: .minute)) else { continue }
        let key = Key(unit: .minute, span: RollupUnit.minute.span(ofDay: day))
        hours[day] = try oldColumns(key, series, step).map(\.hours)
      }
      let wanted = Set(plan.days)
      for span in Set(days(.hour).map { RollupUnit.hour.span(ofDay: $0) }).sorted() {
        let key = Key(unit: .hour, span: span)
        let old = try oldColumns(key, series, step)
        let columns = step.map { column in
          Self.merged(column, key, old, hours) { day in
            wanted.contains(day) && isFolded(day, .hour) || hours[day] != nil
          }
        }
        try append(columns, to: key, series)
      }
    }
  }

  /// Those of a unit on a day.
  private struct Windows: Hashable {
    var day: Int64
    var unit: RollupUnit
  }

  /// The windows of doubtful days that have more rows than blocks.
  private mutating func lackingDays(
    _ series: SeriesID,
    _ work: Work,
    _ columns: [(field: FieldID, type: ColumnType)]
  ) throws(CompactionError) -> Set<Windows> {
    var lacking: Set<Windows> = []
    for day in plan.days where list.rollups.state.isDoubtful(day) {
      let found = work.days.contains(day) ? fold(series, day, columns) : []
      guard let found else { continue }
      for unit in RollupUnit.allCases where isCovered(day, unit) {
        let key = Key(unit: unit, span: unit.span(ofDay: day))
        let perDay = RollupUnit.nanosecondsPerDay / unit.nanoseconds
        for column in try oldColumns(key, series, columns) {
          let rows = column.place(of: day * perDay)..<column.place(of: (day + 1) * perDay)
          let count = column.windows[rows].reduce(0) { $0 + $1.count }
          let left = found.first { $0.field == column.field && $0.type == column.type }
          if count > left?.windows.reduce(0, { $0 + $1.count }) ?? 0 {
            lacking.insert(Windows(day: day, unit: unit))
          }
        }
      }
    }
    return lacking
  }

  /// Whether a unit has been made of a day.
  private func isCovered(_ day: Int64, _ unit: RollupUnit) -> Bool {
    guard let coverage = list.rollups.state.coverage[unit] else { return false }
    return coverage.from <= day && day < coverage.until
  }

  /// Whether windows of an hour were never made of a day, or are lost: those of minutes may be
  /// there when its rows are not.
  private func lacksHours(_ day: Int64) -> Bool {
    !isCovered(day, .hour) || old(Key(unit: .hour, span: RollupUnit.hour.span(ofDay: day))) == nil
  }

  /// A column of a file of hours: days that are new, and what the old file had of the others.
  private static func merged(
    _ column: (field: FieldID, type: ColumnType),
    _ key: Key,
    _ old: [RollupColumn],
    _ hours: [Int64: [RollupColumn]],
    isNew: (Int64) -> Bool
  ) -> RollupColumn {
    var result = RollupColumn(field: column.field, type: column.type)
    let kept = old.first { $0.field == column.field && $0.type == column.type }
    for day in key.unit.days(ofSpan: key.span) {
      if isNew(day) {
        guard let found = hours[day]?.first(where: { $0.field == column.field }) else { continue }
        result.append(found, found.windows.indices)
      } else if let kept {
        result.append(kept, kept.place(of: day * 24)..<kept.place(of: (day + 1) * 24))
      }
    }
    return result
  }

  /// - Returns: `nil` when the day cannot be read, which is noted.
  private mutating func fold(
    _ series: SeriesID,
    _ day: Int64,
    _ columns: [(field: FieldID, type: ColumnType)]
  ) -> [RollupColumn]? {
    guard unreadable[day] == nil else { return nil }
    let before = damagedGroupCount
    do throws(BlockError) {
      let folded = try RollupDay(series: series, day: day)
        .fold(columns, blocks, damagedGroupCount: &damagedGroupCount)
      guard damagedGroupCount > before, hasWindows(day) else { return folded }
      unreadable[day] = Self.damaged("series \(series.rawValue)")
    } catch {
      unreadable[day] = error.text
    }
    return nil
  }

  /// Windows of rows that cannot be read now would be less than those that are there.
  private mutating func leaveOut(_ ranges: [TimeRange], _ why: String) {
    for range in ranges {
      let day = range.start / RollupUnit.nanosecondsPerDay
      if unreadable[day] == nil { unreadable[day] = why }
    }
  }

  private static func damaged(_ what: String) -> String { "\(what): groups are damaged" }

  private func hasWindows(_ day: Int64) -> Bool {
    RollupUnit.allCases.contains { unit in
      isCovered(day, unit) && old(Key(unit: unit, span: unit.span(ofDay: day))) != nil
    }
  }

  /// What a file that is written anew has of some columns, without what is deleted. A damaged group
  /// is lost.
  private mutating func oldColumns(
    _ key: Key,
    _ series: SeriesID,
    _ columns: [(field: FieldID, type: ColumnType)]
  ) throws(CompactionError) -> [RollupColumn] {
    guard let old = old(key) else { return [] }
    let fields = columns.map(\.field)
    var result: [RollupColumn] = []
    var entries: [RollupEntry] = []
    try readingWhatIsSound { () throws(BlockError) in
      entries = try old.entries(of: series, fields: fields)
    }
    for entry in entries {
      try readingWhatIsSound { () throws(BlockError) in
        result += try old.read(entry, fields: Set(fields))
      }
    }
    let state = list.rollups.state
    let deleted = state.deletedRanges(of: series, tenant)
    if !deleted.isEmpty {
      result = result.map { column in
        column.windows(where: { !state.isDeleted(column.numbers[$0], key.unit, by: deleted) })
      }
    }
    return result.sorted { $0.field < $1.field }
  }

  private func append(
    _ columns: [RollupColumn],
    _ series: SeriesID,
    _ unit: RollupUnit,
    _ day: Int64
  ) throws(CompactionError) {
    try append(columns, to: Key(unit: unit, span: unit.span(ofDay: day)), series)
  }

  private func append(
    _ columns: [RollupColumn],
    to key: Key,
    _ series: SeriesID
  ) throws(CompactionError) {
    guard let writer = writers[key] else { return }
    do throws(SystemError) {
      try writer.append(columns, of: series)
    } catch {
      throw .system(error)
    }
  }
}
