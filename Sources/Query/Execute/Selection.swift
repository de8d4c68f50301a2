internal import Model

/// What the names of a request stand for: the series and fields to read, in the answer's order.
struct Selection {
  /// Series that are answered as one.
  struct Group {
    var tags: [Tag]
    /// Ascending.
    var members: [SeriesID]
  }

  /// Definitions that are asked of the catalog at once.
  private static let definitionsPerLook = 4_096

  var fields: [FieldDefinition] = []
  var groups: [Group] = []
  var partitions: [SeriesID: PartitionID] = [:]
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
    var groups: [[Tag]: [SeriesID]] = [:]
    let ids = Self.series(of: measurement, request.tags, catalog)
    for start in stride(from: 0, to: ids.count, by: Self.definitionsPerLook) {
      let some = Array(ids[start..<min(start + Self.definitionsPerLook, ids.count)])
      try add(some, request, catalog, &groups, &context)
    }
    self.groups = groups.map { Group(tags: $0.key, members: $0.value.sorted()) }
    self.groups.sort { $0.tags.lexicographicallyPrecedes($1.tags) }
  }

  /// One series, known by its definition.
  init(_ series: SeriesDefinition, partition: PartitionID, fields: [FieldDefinition]) {
    self.fields = fields
    groups = [Group(tags: series.tags, members: [series.id])]
    partitions = [series.id: partition]
  }

  private mutating func add(
    _ ids: [SeriesID],
    _ request: RangeRequest,
    _ catalog: some QueryCatalog,
    _ groups: inout [[Tag]: [SeriesID]],
    _ context: inout QueryContext
  ) throws(QueryError) {
    for (id, definition) in zip(ids, catalog.series(ids)) {
      guard let definition, definition.tenant == context.tenant,
        let partition = catalog.partition(of: id),
        Self.meets(definition, request.tags)
      else { continue }
      let tags = Self.tags(definition.tags, keptBy: request.groupBy)
      try context.charge(96 + tags.reduce(0) { $0 + 80 + $1.key.count + $1.value.count })
      groups[tags, default: []].append(id)
      partitions[id] = partition
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

  /// The series that may be meant. Values of one key are alternatives: the catalog is asked for
  /// each of the first key that has several.
  private static func series(
    of measurement: MeasurementID,
    _ wanted: [Tag],
    _ catalog: some QueryCatalog
  ) -> [SeriesID] {
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
    guard !alternatives.isEmpty else {
      return catalog.series(measurement: measurement, tags: single)
    }
    return alternatives.flatMap { catalog.series(measurement: measurement, tags: single + [$0]) }
  }

  /// Whether a series has one of the values asked for of every key; an empty value asks for series
  /// without the tag.
  private static func meets(_ definition: SeriesDefinition, _ wanted: [Tag]) -> Bool {
    wanted.allSatisfy { tag in
      let value = definition.tags.first { $0.key == tag.key }?.value ?? []
      return wanted.contains { $0.key == tag.key && $0.value == value }
    }
  }

  private static func tags(_ tags: [Tag], keptBy keys: [[UInt8]]?) -> [Tag] {
    guard let keys else { return tags }
    return tags.filter { keys.contains($0.key) }
  }

  /// One view for each partition that has any of the series.
  func views(
    from provider: some ViewProvider,
    in range: TimeRange
  ) throws(QueryError) -> [PartitionID: PartitionView] {
    var members: [PartitionID: [SeriesID]] = [:]
    for (series, partition) in partitions { members[partition, default: []].append(series) }
    var views: [PartitionID: PartitionView] = [:]
    for (partition, series) in members.sorted(by: { $0.key < $1.key }) {
      views[partition] = try provider.view(of: partition, series: series.sorted(), in: range)
    }
    return views
  }
}
