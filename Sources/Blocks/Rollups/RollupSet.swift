public import Model

/// The rollups of a partition as one manifest names them: immutable, readable from any thread.
public struct RollupSet: Sendable {
  public let state: RollupState
  /// Those that are open.
  public let readers: [RollupReader]
  private let places: [Key: Int]

  private struct Key: Hashable {
    var unit: RollupUnit
    var tenant: TenantID
    var span: Int64
  }

  public static let none = RollupSet(RollupState(), [])

  public init(_ state: RollupState, _ readers: [RollupReader]) {
    self.state = state
    self.readers = readers
    var places: [Key: Int] = [:]
    for (place, reader) in readers.enumerated() {
      let identity = reader.identity
      places[Key(unit: identity.unit, tenant: identity.tenant, span: identity.span)] = place
    }
    self.places = places
  }

  /// Whether a unit has a tenant's file of a day, or needs none as the rows are gone. Days are
  /// covered for all tenants, also for those that no rule was about by then: where they have no
  /// file, rows answer.
  public func hasFile(
    of day: Int64,
    _ unit: RollupUnit,
    _ measurement: MeasurementID,
    _ tenant: TenantID
  ) -> Bool {
    day < state.rawFrom[measurement] ?? .min
      || reader(unit, tenant, span: unit.span(ofDay: day)) != nil
  }

  /// The file that has a tenant's windows of some days; `nil` when there is none, as on days
  /// without rows.
  public func reader(_ unit: RollupUnit, _ tenant: TenantID, span: Int64) -> RollupReader? {
    places[Key(unit: unit, tenant: tenant, span: span)].map { readers[$0] }
  }
}
