internal import Catalog
internal import Model

/// What the names of a request stand for: the series and fields to read, in the answer's order.
struct Selection {
  /// Series that are answered as one.
  struct Group {
    var labels: Labels
    /// Where its series stand in ``Selection/members``.
    var members: Range<Int>
  }

  struct Member {
    var series: SeriesID
    var partition: PartitionID
  }

  var fields: [FieldDefinition] = []
  var groups: [Group] = []
  /// The series of all groups, those of each together, ascending.
  var members: [Member] = []
  /// Which rows are wanted; `nil` for all.
  var filter: RowFilter?

  /// Looks the names up. A name that nobody knows selects nothing.
  init(
    _ request: RangeRequest,
    _ catalog: some QueryCatalog,
    _ context: inout QueryContext
  ) throws(QueryError) {
    guard
      let measurement = catalog.measurement(tenant: context.tenant, named: request.measurement)
    else { return }
    fields = Self.fields(request.fields, of: measurement, catalog)
    guard !fields.isEmpty else { return }
    if !request.conditions.isEmpty {
      filter = try RowFilter(request.conditions) { name in
        catalog.field(measurement: measurement, named: name)
      }
      guard filter != nil else { return }
    }
    let ids = Self.series(of: measurement, request.tags, catalog)
    // What is charged here is what the selection and the work on it take, about.
    try context.charge(ids.count * 96)
    let found = catalog.labels(of: ids)
    try context.charge(found.tags.count * 120 + found.numbers.count * 8)
    let sorter = LabelSorter(found.tags)
    var entries = found.entries
    if Self.hasChoices(request.tags) {
      entries.removeAll { entry in
        !Self.meets(found.numbers[entry.place].lazy.map { found.tags[Int($0)] }, request.tags)
      }
    }
    group(entries, found, sorter, request.groupBy)
  }

  /// One series, known by its definition.
  init(_ series: SeriesDefinition, partition: PartitionID, fields: [FieldDefinition]) {
    self.fields = fields
    groups = [Group(labels: Labels(series.tags), members: 0..<1)]
    members = [Member(series: series.id, partition: partition)]
  }

  /// Sorts series into groups, and groups by their tags.
  private mutating func group(
    _ entries: [SeriesLabels.Entry],
    _ found: SeriesLabels,
    _ sorter: LabelSorter,
    _ keys: [[UInt8]]?
  ) {
    var numbers = found.numbers
    var entries = entries
    if let keys {
      let isKept = found.tags.map { keys.contains($0.key) }
      numbers.removeAll(keepingCapacity: true)
      for index in entries.indices {
        let start = numbers.count
        for number in found.numbers[entries[index].place] where isKept[Int(number)] {
          numbers.append(number)
        }
        entries[index].place = start..<numbers.count
      }
    }
    let ranks = numbers.map { sorter.ranks[Int($0)] }
    entries.sort { left, right in
      switch LabelSorter.order(ranks[left.place], ranks[right.place]) {
      case 0: left.series < right.series
      case let order: order < 0
      }
    }
    let table = Labels.Table(tags: found.tags, numbers: numbers)
    members.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      members.append(Member(series: entry.series, partition: entry.partition))
      if index > 0, keys != nil,
        LabelSorter.order(ranks[entries[index - 1].place], ranks[entry.place]) == 0
      {
        groups[groups.count - 1].members = groups[groups.count - 1].members.lowerBound..<index + 1
      } else {
        groups.append(Group(labels: Labels(table, entry.place), members: index..<index + 1))
      }
    }
  }

  /// Known fields in the request's order, or by name.
  private static func fields(
    _ wanted: RangeRequest.Fields,
    of measurement: MeasurementID,
    _ catalog: some QueryCatalog
  ) -> [FieldDefinition] {
    switch wanted {
    case .all:
      catalog.fields(of: measurement).sorted { $0.name.lexicographicallyPrecedes($1.name) }
    case .named(let names):
      names.compactMap { catalog.field(measurement: measurement, named: $0) }
    }
  }

  /// The series that may be meant.
  private static func series(
    of measurement: MeasurementID,
    _ wanted: [Tag],
    _ catalog: some QueryCatalog
  ) -> [SeriesID] {
    lookups(wanted).flatMap { catalog.series(measurement: measurement, tags: $0) }
  }

  /// How many series a request means at most, told without looking at them.
  static func seriesCountMax(
    _ request: RangeRequest,
    _ catalog: some QueryCatalog,
    tenant: TenantID
  ) -> Int {
    guard let measurement = catalog.measurement(tenant: tenant, named: request.measurement) else {
      return 0
    }
    var count = 0
    for tags in lookups(request.tags) {
      let more = catalog.seriesCountMax(measurement: measurement, tags: tags)
      count = count.addingReportingOverflow(more).overflow ? .max : count + more
    }
    return count
  }

  /// What the catalog is asked for. Values of one key are alternatives: one lookup for each of the
  /// first key that has several.
  private static func lookups(_ wanted: [Tag]) -> [[Tag]] {
    var single: [Tag] = []
    var alternatives: [Tag] = []
    for tag in wanted {
      let same = wanted.filter { $0.key == tag.key }
      if same.contains(where: \.value.isEmpty) { continue }
      if same.count == 1 {
        single.append(tag)
      } else if alternatives.isEmpty {
        alternatives = same
      }
    }
    return alternatives.isEmpty ? [single] : alternatives.map { single + [$0] }
  }

  /// Whether more is asked for than one value of each key, which the catalog has looked up.
  private static func hasChoices(_ wanted: [Tag]) -> Bool {
    wanted.contains { tag in
      tag.value.isEmpty || wanted.count { $0.key == tag.key } > 1
    }
  }

  /// Whether a series has one of the values asked for of every key; an empty value asks for series
  /// without the tag.
  private static func meets(_ tags: some Sequence<Tag>, _ wanted: [Tag]) -> Bool {
    wanted.allSatisfy { tag in
      let value = tags.first { $0.key == tag.key }?.value ?? []
      return wanted.contains { $0.key == tag.key && $0.value == value }
    }
  }

  /// One view for each partition that has any of the series, by the partition's number.
  func views(
    from provider: some ViewProvider,
    in range: TimeRange
  ) throws(QueryError) -> [PartitionView?] {
    var series: [[SeriesID]] = []
    for member in members {
      let index = Int(member.partition.rawValue)
      while series.count <= index { series.append([]) }
      series[index].append(member.series)
    }
    var wanted: [(partition: PartitionID, series: [SeriesID])] = []
    for index in series.indices where !series[index].isEmpty {
      wanted.append((PartitionID(UInt16(index)), series[index].sorted()))
    }
    var views = [PartitionView?](repeating: nil, count: series.count)
    for (item, view) in zip(wanted, try provider.views(of: wanted, in: range)) {
      views[Int(item.partition.rawValue)] = view
    }
    return views
  }
}

/// The order of distinct tags, so that series are compared by numbers.
struct LabelSorter {
  /// Parallel to the tags: how many of them come before it.
  let ranks: [UInt32]

  init(_ tags: [Tag]) {
    // Keys are few: the order of values decides, mostly within their first eight bytes.
    let keys = Array(Set(tags.map(\.key))).sorted { $0.lexicographicallyPrecedes($1) }
    let places = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, UInt32($0)) })
    var order: [(key: UInt32, head: UInt64, index: Int)] = []
    order.reserveCapacity(tags.count)
    var last: (key: [UInt8], place: UInt32)?
    for (index, tag) in tags.enumerated() {
      let place: UInt32
      if let last, last.key == tag.key {
        place = last.place
      } else {
        place = places[tag.key] ?? 0
        last = (tag.key, place)
      }
      order.append((place, Self.head(tag.value), index))
    }
    order.sort { left, right in
      if left.key != right.key { return left.key < right.key }
      if left.head != right.head { return left.head < right.head }
      return tags[left.index].value.lexicographicallyPrecedes(tags[right.index].value)
    }
    var ranks = [UInt32](repeating: 0, count: tags.count)
    for (rank, item) in order.enumerated() { ranks[item.index] = UInt32(rank) }
    self.ranks = ranks
  }

  /// The first eight bytes, zeros behind shorter ones: smaller for what comes before.
  private static func head(_ bytes: [UInt8]) -> UInt64 {
    var head: UInt64 = 0
    for index in 0..<8 {
      head = head &<< 8 | UInt64(index < bytes.count ? bytes[index] : 0)
    }
    return head
  }

  /// Below 0 when `left` comes first, 0 for the same tags.
  @inline(__always)
  static func order(_ left: ArraySlice<UInt32>, _ right: ArraySlice<UInt32>) -> Int {
    var (first, second) = (left.startIndex, right.startIndex)
    while first < left.endIndex, second < right.endIndex {
      if left[first] != right[second] { return left[first] < right[second] ? -1 : 1 }
      first += 1
      second += 1
    }
    return left.count - right.count
  }
}
