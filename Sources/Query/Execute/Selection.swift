internal import Model

/// What the names of a request stand for: the series and fields to read, in the answer's order.
struct Selection {
  /// Series that are answered as one.
  struct Group {
    var tags: [Tag]
    /// Ascending.
    var members: [SeriesID]
  }

  var fields: [FieldDefinition] = []
  var groups: [Group] = []
  var partitions: [SeriesID: PartitionID] = [:]

  /// Looks the names up. A name that nobody knows selects nothing.
  init(
    _ request: RangeRequest,
    _ tenant: TenantID,
    _ catalog: some QueryCatalog,
    _ context: inout QueryContext
  ) throws(QueryError) {
    guard let measurement = catalog.measurement(request.measurement, of: tenant) else { return }
    fields = Self.fields(request.fields, among: catalog.fields(of: measurement))
    guard !fields.isEmpty else { return }
    var groups: [[Tag]: [SeriesID]] = [:]
    for id in catalog.series(of: measurement, with: request.tags.filter { !$0.value.isEmpty }) {
      guard let definition = catalog.definition(of: id), definition.tenant == tenant,
        let partition = catalog.partition(of: id),
        Self.lacksEmptyTags(definition, request.tags)
      else { continue }
      let tags = Self.tags(definition.tags, keptBy: request.groupBy)
      try context.charge(96 + tags.reduce(0) { $0 + 80 + $1.key.count + $1.value.count })
      groups[tags, default: []].append(id)
      partitions[id] = partition
    }
    self.groups = groups.map { Group(tags: $0.key, members: $0.value.sorted()) }
    self.groups.sort { $0.tags.lexicographicallyPrecedes($1.tags) }
  }

  /// Known fields in the request's order, or by name.
  private static func fields(
    _ wanted: RangeRequest.Fields,
    among known: [FieldDefinition]
  ) -> [FieldDefinition] {
    switch wanted {
    case .all: known.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    case .named(let names):
      names.compactMap { name in known.first { $0.name == name } }
    }
  }

  /// An empty value in a request asks for series that do not have the tag.
  private static func lacksEmptyTags(_ definition: SeriesDefinition, _ wanted: [Tag]) -> Bool {
    wanted.allSatisfy { tag in
      !tag.value.isEmpty || !definition.tags.contains { $0.key == tag.key }
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
