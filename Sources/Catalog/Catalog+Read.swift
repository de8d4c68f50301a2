public import Model
internal import Synchronization

extension Catalog {
  /// A tenant, or `nil` when its definition was lost.
  public func tenant(_ id: TenantID) -> TenantDefinition? {
    state.withLock { $0.tenantDefinition(id) }
  }

  /// All tenants, ascending.
  public func tenants() -> [TenantDefinition] {
    state.withLock { state in
      state.tenants.all.compactMap { state.tenantDefinition(TenantID($0)) }
    }
  }

  /// The measurement of that name.
  public func measurement(tenant: TenantID, named name: [UInt8]) -> MeasurementID? {
    state.withLock { $0.findMeasurement(tenant, name).map { MeasurementID($0) } }
  }

  public func measurement(_ id: MeasurementID) -> MeasurementDefinition? {
    state.withLock { $0.measurementDefinition(id) }
  }

  /// The measurements of a tenant, ascending by id.
  public func measurements(of tenant: TenantID) -> [MeasurementDefinition] {
    state.withLock { state in
      state.measurements.measurements(of: tenant.rawValue)
        .compactMap { state.measurementDefinition(MeasurementID($0)) }
    }
  }

  public func field(_ id: FieldID) -> FieldDefinition? {
    state.withLock { $0.fieldDefinition(id) }
  }

  /// The field of that name.
  public func field(measurement: MeasurementID, named name: [UInt8]) -> FieldDefinition? {
    state.withLock { state in
      guard let symbol = state.symbols.find(name, state.keyed),
        let id = state.fields.find(
          measurement: measurement.rawValue,
          name: symbol,
          state.keyed
        )
      else { return nil }
      return state.fieldDefinition(FieldID(id))
    }
  }

  /// The fields of a measurement, ascending by id.
  public func fields(of measurement: MeasurementID) -> [FieldDefinition] {
    state.withLock { state in
      state.fields.fields(of: measurement.rawValue)
        .compactMap { state.fieldDefinition(FieldID($0)) }
    }
  }

  /// A field set with its columns' types; `nil` when it or one of its fields is not defined.
  public func fieldSet(_ id: FieldSetID) -> FieldSetDefinition? {
    state.withLock { $0.fieldSetDefinition(id) }
  }

  /// The exponents of a scale table, by column; empty for ``ScaleTableID/zero``, `nil` for one that
  /// is not defined.
  public func scales(_ id: ScaleTableID) -> [UInt8]? {
    if id == .zero { return [] }
    return state.withLock { state in
      guard state.scales.fieldSet(of: id.rawValue) != nil else { return nil }
      return Array(state.scales.exponents(of: id.rawValue))
    }
  }

  /// A series with its names; `nil` when it or its measurement is not defined.
  public func series(_ id: SeriesID) -> SeriesDefinition? {
    state.withLock { $0.seriesDefinition(id) }
  }

  /// Many series, parallel to `ids`; a lock for each thousand.
  public func series(_ ids: [SeriesID]) -> [SeriesDefinition?] {
    inPieces(ids) { state, id in state.seriesDefinition(id) }
  }

  /// Maps many ids without holding the lock for long: receivers and the committer wait for it.
  private func inPieces<ID, Value: Sendable>(
    _ ids: [ID],
    _ transform: (borrowing CatalogState, ID) -> Value
  ) -> [Value] {
    var result: [Value] = []
    result.reserveCapacity(ids.count)
    for start in stride(from: 0, to: ids.count, by: 1_000) {
      let piece = ids[start..<min(start + 1_000, ids.count)]
      state.withLock { state in
        for id in piece { result.append(transform(state, id)) }
      }
    }
    return result
  }

  /// The partition that a series' rows go to.
  public func partition(of id: SeriesID) -> PartitionID? {
    state.withLock { state in
      guard state.series.measurement(of: id.rawValue) != nil else { return nil }
      return PartitionID(UInt16(state.series.partition(of: id.rawValue)))
    }
  }

  /// The partition that a series of these names would go to, defined or not.
  ///
  /// - Parameter tags: ascending by key.
  public func partition(tenant: [UInt8], measurement: [UInt8], tags: [Tag]) -> PartitionID {
    SeriesKey.partition(
      tenant: tenant,
      measurement: measurement,
      tags: tags,
      partitionCount: partitionCount
    )
  }

  /// Series of a tenant.
  public func seriesCount(of tenant: TenantID) -> Int {
    state.withLock { $0.tenants.seriesCount(tenant.rawValue) }
  }

  /// The series of a measurement that carry all of `tags`, ascending; all of them for no tags.
  ///
  /// - Complexity: O(series of the rarest tag × tags).
  public func series(measurement: MeasurementID, tags: [Tag] = []) -> [SeriesID] {
    state.withLock { state in
      state.series(measurement.rawValue, matching: tags).map { SeriesID($0) }
    }
  }

  /// How many series of a measurement may carry all of `tags` at most: those of the rarest tag.
  ///
  /// - Complexity: O(tags).
  public func seriesCountMax(measurement: MeasurementID, tags: [Tag]) -> Int {
    state.withLock { $0.seriesCountMax(measurement.rawValue, matching: tags) }
  }

  /// The series of a tenant's measurement that carry all of `tags`, ascending.
  public func series(tenant: TenantID, measurement name: [UInt8], tags: [Tag]) -> [SeriesID] {
    state.withLock { state in
      guard let measurement = state.findMeasurement(tenant, name) else { return [] }
      return state.series(measurement, matching: tags).map { SeriesID($0) }
    }
  }

  /// The tag keys of a measurement, ascending.
  public func tagKeys(of measurement: MeasurementID) -> [[UInt8]] {
    state.withLock { $0.tagKeys(measurement.rawValue) }
  }

  /// The values of a tag in a measurement, ascending.
  public func tagValues(of measurement: MeasurementID, key: [UInt8]) -> [[UInt8]] {
    let symbols = state.withLock { $0.tagValueSymbols(measurement.rawValue, key) }
    return inPieces(symbols) { state, symbol in state.symbols[symbol] }
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The series of a measurement whose tag `key` has one of `values`, ascending: what a condition
  /// on the values of ``tagValues(of:key:)``, such as a pattern, comes to.
  public func series(
    measurement: MeasurementID,
    key: [UInt8],
    anyOf values: [[UInt8]]
  ) -> [SeriesID] {
    let found = inPieces(values) { state, value in
      state.series(measurement.rawValue, matching: [Tag(key: key, value: value)])
    }
    return Set(found.joined()).sorted().map { SeriesID($0) }
  }

  /// A layout; `nil` when it, its series or the series' measurement is not defined. One lock a
  /// call: workers use a ``LayoutTable``.
  public func layout(_ partition: PartitionID, _ id: LayoutID) -> LayoutDefinition? {
    precondition(Int(partition.rawValue) < partitionCount)
    return state.withLock { $0.layoutDefinition(Int(partition.rawValue), id.rawValue) }
  }

  /// Brings a worker's table up to date under one lock; costs what is new.
  ///
  /// - Returns: the ids that are new or defined anew.
  @discardableResult
  public func refresh(_ table: inout LayoutTable) -> [LayoutID] {
    let slot = Int(table.partition.rawValue)
    precondition(slot < partitionCount)
    return state.withLock { state in
      var news: [LayoutID] = []
      if table.restorations != state.restorations {
        table.restorations = state.restorations
        table.seen = 0
      }
      for id in state.layouts[slot].ids(after: table.seen) {
        if let found = state.layoutDefinition(slot, id) {
          table.set(id, found)
          news.append(LayoutID(id))
        }
      }
      table.seen = state.layouts[slot].count
      return news
    }
  }

  /// How much the catalog holds.
  public func statistics() -> CatalogStatistics { state.withLock { $0.statistics } }
}
