internal import Blocks
internal import Bytes
internal import Catalog
internal import Model
internal import Platform
internal import Ring
internal import Rollup

/// The windows of one series in a closed hour on their way into a frozen file, a group of columns
/// at a time.
///
/// What lies below: the section that was frozen before, or rows from blocks, or nothing. On top of
/// it the minutes that have a record of their own.
struct SeriesHour {
  static let minutesPerHour = HourEncoder.minutesPerHour

  private enum Base {
    case nothing
    case section(FrozenSection)
    case blocks
  }

  /// One minute from above.
  private enum Layer {
    case record(RingRecord, FieldSets.Columns)
    /// Folded again from blocks, because the record is damaged.
    case windows(WindowSet)
  }

  let series: SeriesID
  private let hour: Int64
  private let minutes: UInt64
  private var base: Base
  private var layers: [(minute: Int, layer: Layer)] = []
  private var fields: [(field: FieldID, type: ColumnType)] = []
  private var encoder: HourEncoder
  private var decoder: HourDecoder?
  /// The columns of `base`, where it is a section.
  private var baseColumns: FieldSets.Columns?
  private var next = 0
  private var runs = OutputCollector()
  private var ends: [Int] = []
  private var windows: [Window] = []

  var columnCount: Int { fields.count }
  var isDone: Bool { next == fields.count }

  private static let missing = Window(
    count: 0,
    sum: .zero,
    min: 0,
    max: 0,
    first: 0,
    last: 0,
    firstTimestamp: 0,
    lastTimestamp: 0
  )

  /// - Returns: `nil` when nothing can be made of the series: blocks answer for it then.
  init?(_ id: SeriesID, _ freeze: RingFreeze, _ minutes: UInt64, _ context: FreezeContext) {
    series = id
    hour = freeze.hour
    self.minutes = minutes
    base = .nothing
    if freeze.isRebuild {
      base = .blocks
    } else {
      switch freeze.frozen(id) {
      case .open, .absent: base = .nothing
      case .damaged: base = .blocks
      case .found(let section): base = .section(section)
      }
    }
    var types: [FieldID: ColumnType] = [:]
    var commonSet: FieldSetID?
    var isCommon = true
    func meet(_ set: FieldSetID, _ columns: FieldSets.Columns) {
      if commonSet == set { return }
      if commonSet == nil { commonSet = set } else { isCommon = false }
      for column in columns.fields { types[column.field] = column.type }
    }
    if case .section(let section) = base {
      decoder = try? HourDecoder(section.head, hour: hour)
      if let decoder, let columns = context.fieldSets.columns(of: decoder.fieldSet),
        columns.fields.count == decoder.columnCount, section.runCount == decoder.columnCount
      {
        baseColumns = columns
        meet(decoder.fieldSet, columns)
      } else {
        base = .blocks
      }
    }
    if case .blocks = base {
      isCommon = false
      types.merge(context.fields(of: id, in: hour)) { first, _ in first }
    }
    for minute in 0..<Self.minutesPerHour where minutes & 1 << UInt64(minute) != 0 {
      let number = hour * 60 + Int64(minute)
      if case .found(let record) = freeze.record(series: id, minute: number),
        let set = WindowRecord.fieldSet(of: record.bytes),
        let columns = context.fieldSets.columns(of: set)
      {
        layers.append((minute, .record(record, columns)))
        meet(set, columns)
      } else {
        let set = context.refold(id, minute: number)
        layers.append((minute, .windows(set)))
        isCommon = false
        for (field, column) in set.columns { types[field] = column.type }
      }
    }
    guard !types.isEmpty else { return nil }
    if isCommon, let commonSet, let columns = context.fieldSets.columns(of: commonSet) {
      fields = columns.fields
      encoder = HourEncoder(hour: hour, fieldSet: commonSet, columnCount: fields.count)
    } else {
      fields = types.keys.sorted().map { (field: $0, type: types[$0] ?? .float) }
      guard let set = try? context.catalog.fieldSet(of: fields.map(\.field)) else { return nil }
      encoder = HourEncoder(hour: hour, fieldSet: set, columnCount: fields.count)
    }
  }

  // MARK: Groups

  /// Encodes the next columns.
  ///
  /// - Returns: how many windows were worked on.
  mutating func encodeGroup(_ context: FreezeContext) -> Int {
    let group = next..<min(next + FreezeContext.columnsPerGroup, fields.count)
    next = group.upperBound
    let wanted = fields[group]
    var strings = StringArena()
    windows.removeAll(keepingCapacity: true)
    windows.append(
      contentsOf: repeatElement(Self.missing, count: group.count * Self.minutesPerHour)
    )
    if !fillFromSection(wanted, &strings) {
      base = .blocks
      for index in windows.indices { windows[index].count = 0 }
    }
    if case .blocks = base {
      BlockHour(series: series, hour: hour, skipping: minutes).fold(
        Array(wanted),
        context.blocks,
        into: &windows,
        &strings
      )
    }
    for (minute, layer) in layers { fill(minute, layer, wanted, context, &strings) }
    // Taken out, so that the coder may change while its windows are lent.
    let filled = windows
    windows = []
    for column in 0..<group.count {
      let start = column * Self.minutesPerHour
      let span = filled.span.extracting(start..<start + Self.minutesPerHour)
      encoder.encode(
        span,
        type: fields[group.lowerBound + column].type,
        strings: strings,
        into: &runs.buffer
      )
      ends.append(runs.buffer.count)
    }
    windows = filled
    return group.count * Self.minutesPerHour
  }

  /// Takes the columns of the section below.
  ///
  /// - Returns: `false` when it is damaged.
  private mutating func fillFromSection(
    _ wanted: ArraySlice<(field: FieldID, type: ColumnType)>,
    _ strings: inout StringArena
  ) -> Bool {
    guard case .section(let section) = base, let baseColumns, var decoder else { return true }
    var runs: [Int] = []
    var places: [Int] = []
    for (place, column) in wanted.enumerated() {
      guard let run = baseColumns.index[column.field] else { continue }
      runs.append(run)
      places.append(place)
    }
    var column = Array(repeating: Self.missing, count: Self.minutesPerHour)
    var texts = strings
    strings = StringArena()
    var result = windows
    windows = []
    let isSound = section.withRuns(runs) { index, bytes in
      let type = wanted[wanted.startIndex + places[index]].type
      guard
        (try? decoder.decode(bytes, type: type, into: &column, strings: &texts)) != nil
      else { return false }
      let start = places[index] * Self.minutesPerHour
      for minute in 0..<Self.minutesPerHour where minutes & 1 << UInt64(minute) == 0 {
        result[start + minute] = column[minute]
      }
      return true
    }
    strings = texts
    windows = result
    self.decoder = decoder
    return isSound
  }

  private mutating func fill(
    _ minute: Int,
    _ layer: Layer,
    _ wanted: ArraySlice<(field: FieldID, type: ColumnType)>,
    _ context: FreezeContext,
    _ strings: inout StringArena
  ) {
    switch layer {
    case .windows(let set): fill(minute, set, wanted, &strings)
    case .record(let record, let columns):
      var indexes: [Int] = []
      var places: [Int] = []
      for (place, column) in wanted.enumerated() {
        guard let index = columns.index[column.field] else { continue }
        indexes.append(index)
        places.append(place)
      }
      var found: [Window?] = []
      found.reserveCapacity(indexes.count)
      do throws(WindowError) {
        try WindowRecord.decode(
          record.bytes,
          types: columns.types,
          wanted: indexes,
          minute: hour * 60 + Int64(minute),
          into: &found,
          strings: &strings
        )
        for (place, window) in zip(places, found) {
          windows[place * Self.minutesPerHour + minute] = window ?? Self.missing
        }
      } catch {
        fill(minute, context.refold(series, minute: hour * 60 + Int64(minute)), wanted, &strings)
      }
    }
  }

  private mutating func fill(
    _ minute: Int,
    _ set: WindowSet,
    _ wanted: ArraySlice<(field: FieldID, type: ColumnType)>,
    _ strings: inout StringArena
  ) {
    for (place, column) in wanted.enumerated() {
      guard let found = set.columns[column.field] else { continue }
      var window = found.window
      if column.type == .string {
        window.first = strings.append(set.strings.slice(window.first)) ?? 0
        window.last = strings.append(set.strings.slice(window.last)) ?? 0
      }
      windows[place * Self.minutesPerHour + minute] = window
    }
  }

  // MARK: Writing

  /// Writes the section, once all groups are encoded.
  mutating func write(to writer: FrozenWriter) throws(SystemError) {
    var head = OutputBuffer()
    encoder.encodeHead(into: &head)
    let headBytes = head.array()
    let ends = ends
    try runs.buffer.withBytes { (bytes) throws(SystemError) in
      try writer.append(series: series, head: headBytes.span, runs: bytes, ends: ends)
    }
  }
}

/// The runs of a series, kept while its groups are encoded step by step.
final class OutputCollector {
  var buffer = OutputBuffer(reserving: 4_096)
}

extension FreezeContext {
  /// The windows of a minute from blocks.
  func refold(_ series: SeriesID, minute: Int64) -> WindowSet {
    let range = TimeRange(
      start: minute * Nanoseconds.perMinute,
      end: (minute + 1) * Nanoseconds.perMinute
    )
    let stored = StoredRows(blocks: blocks).batches(of: series, fields: nil, range: range)
    return WindowSet(folding: stored.batches)
  }
}
