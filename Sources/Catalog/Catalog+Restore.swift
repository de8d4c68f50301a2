public import Model

/// Definitions that something durable repeats, for a catalog that lost them.
public struct CatalogDefinitions: Sendable {
  public var tenants: [TenantDefinition] = []
  public var series: [SeriesDefinition] = []
  public var fields: [FieldDefinition] = []
  public var fieldSets: [FieldSetDefinition] = []

  public init() {}
}

/// What a catalog made of definitions that were to be restored.
public struct CatalogRestoration: Sendable {
  /// Definitions that were unknown and are known now.
  public var restoredCount = 0
  /// Why others were not taken, one line each: they contradict what is known or make no sense.
  public var refused: [String] = []
}

extension Catalog {
  /// Re-teaches definitions found in blocks; ids stay what they were there.
  ///
  /// Known definitions are left alone. Restored ones are recorded like new ones, the caller syncs.
  /// Where a name has meanwhile got another id, that id keeps the name for new lines, and the
  /// restored one is known by its id and in the index.
  ///
  /// Definitions come from a disk: none of them traps. A series of an unknown tenant is refused,
  /// for its partition follows from the tenant's name.
  ///
  /// - Complexity: O(definitions), under the lock.
  public func restore(_ definitions: CatalogDefinitions) -> CatalogRestoration {
    update { state in
      var result = CatalogRestoration()
      for tenant in definitions.tenants {
        state.restore(.tenant(tenant.id, name: tenant.name), &result)
      }
      for series in definitions.series {
        state.restore(
          .measurement(series.measurement, tenant: series.tenant, name: series.measurementName),
          &result
        )
      }
      for field in definitions.fields { state.restore(.field(field), &result) }
      for set in definitions.fieldSets {
        state.restore(.fieldSet(set.id, set.measurement, fields: set.fields), &result)
      }
      for series in definitions.series { state.restore(series, &result) }
      if result.restoredCount > 0 { state.restorations += 1 }
      return result
    }
  }

  /// Tells the catalog of a version that something durable (a batch, a manifest) names.
  ///
  /// When its log ends before that version, records were lost: ids that they may have defined are
  /// never handed out again, so that no old row is read as another series. Call it at the start
  /// with the highest version seen, before anything is resolved.
  ///
  /// - Returns: The loss, or `nil` when the version is known.
  public func expect(version expected: UInt64) -> Damage? {
    update { state in
      guard expected > state.version else { return nil }
      let first = state.version + 1
      var damage = Damage(
        severity: .damage,
        path: logPaths[0],
        offset: 0,
        byteCount: 0,
        what: "records at the end that neither copy holds",
        range: "versions \(first) to \(expected)"
      )
      guard expected - state.version <= LogUnion.sequenceJumpMax else {
        damage.what = "version \(expected) is out of reach of version \(state.version)"
        return damage
      }
      state.advance(to: expected)
      state.noteLoss(first..<expected + 1)
      return damage
    }
  }
}

extension CatalogState {
  fileprivate mutating func restore(_ series: SeriesDefinition, _ result: inout CatalogRestoration)
  {
    guard let tenant = tenants.name(series.tenant.rawValue) else {
      let id = series.tenant.rawValue
      result.refused.append("series \(series.id.rawValue) belongs to unknown tenant \(id)")
      return
    }
    let partition = SeriesKey.partition(
      tenant: symbols[tenant],
      measurement: series.measurementName,
      tags: series.tags,
      partitionCount: partitionCount
    )
    restore(.series(series.id, series.measurement, partition, tags: series.tags), &result)
  }

  fileprivate mutating func restore(_ definition: Definition, _ result: inout CatalogRestoration) {
    let hasRoom = symbols.nameByteCount <= Self.arenaCountMax - LogRecord.bodyByteCountMax
    guard definition.isPlausible, hasRoom else {
      result.refused.append("\(definition.kind) definition that no line can have made")
      return
    }
    let wasKnown = knows(definition)
    let fault = apply(definition)
    if !wasKnown, knows(definition) {
      // A reference to what is still unknown stays, like at the reading of the log.
      append(definition)
      result.restoredCount += 1
    } else if let fault {
      result.refused.append(fault.text)
    }
  }

  /// Whether the id of a definition is defined, by this or another one.
  private func knows(_ definition: Definition) -> Bool {
    switch definition {
    case .tenant(let id, _): tenants.isDefined(id.rawValue)
    case .measurement(let id, _, _): measurements.definition(id.rawValue) != nil
    case .field(let field): fields.definition(field.id.rawValue) != nil
    case .fieldSet(let id, _, _): fieldSets.measurement(of: id.rawValue) != nil
    case .series(let id, _, _, _): series.measurement(of: id.rawValue) != nil
    case .layout, .scaleTable, .reservation, .loss: true
    }
  }
}

extension Definition {
  /// Whether the log could carry it.
  fileprivate var isPlausible: Bool {
    switch self {
    case .tenant(_, let name), .measurement(_, _, let name): isName(name)
    case .field(let field): isName(field.name)
    case .fieldSet(_, _, let fields):
      !fields.isEmpty && fields.count <= Self.fieldSetColumnCountMax
        && zip(fields, fields.dropFirst()).allSatisfy { $0 < $1 }
    case .series(_, _, _, let tags):
      tags.count <= Limits.tagsPerSeriesMax
        && tags.allSatisfy { isName($0.key) && isName($0.value) }
        && tags.reduce(0) { $0 + $1.key.count + $1.value.count } < LogRecord.bodyByteCountMax / 2
        && zip(tags, tags.dropFirst()).allSatisfy { $0.key.lexicographicallyPrecedes($1.key) }
    case .layout, .scaleTable, .reservation, .loss: false
    }
  }

  private func isName(_ name: [UInt8]) -> Bool { name.count <= Limits.nameByteCountMax }
}
