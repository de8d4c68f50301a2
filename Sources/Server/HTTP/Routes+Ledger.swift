internal import Engine
internal import Query

extension Routes {
  private static let tenantsParameter = "tenants"

  /// `GET /api/v1/ledger`: the accounts of the tenant that asks, or with `tenants=all` those of all
  /// of them, for whoever may administer.
  func ledgerRows(_ call: Call) async throws(QueryError) -> Answer {
    var isOfAll = false
    for (name, value) in try call.items() {
      guard name == Self.tenantsParameter else {
        throw .unknownParameter(name, known: [Self.tenantsParameter])
      }
      guard value == "all" else {
        throw QueryError(
          .badData,
          "tenants: found \"\(excerpt(value))\", expected all; without it the ledger is that of "
            + "the tenant that X-Scope-OrgID names"
        )
      }
      isOfAll = true
    }
    if isOfAll { _ = try permitted(call, .admin) }
    let tenant = Array(call.tenant.utf8)
    let rows = await engine.ledger()
    return .json(LedgerJSON.render(isOfAll ? rows : rows.filter { $0.tenant == tenant }))
  }
}
