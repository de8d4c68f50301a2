package import Engine
internal import Model

/// `/api/v1/ledger`: where the points of each tenant and measurement went.
///
///     {"status":"success","data":{"balanced":true,"totals":{…},"rows":[{"tenant":"default",
///      "measurement":"node","received":12,"stored":10,"duplicate":1,"replaced":0,"rejected":{},
///      "pending":1,"late":0,"expired":0,"deleted":0,"lines_rejected":{"unparsable":1},
///      "balanced":true}]}}
///
/// `measurement` is null for lines whose measurement nobody could read. `late`, and what is
/// gone as `expired` or `deleted`, are parts of `stored`; `lines_rejected` counts lines and stands
/// apart.
package enum LedgerJSON {
  package static func render(_ rows: [LedgerRow]) -> [UInt8] {
    var json = JSONText()
    json.object { json in
      json.key("status")
      json.string("success")
      json.key("data")
      json.object { json in
        json.key("balanced")
        json.boolean(rows.allSatisfy { $0.isBalanced })
        json.key("totals")
        json.object { counts(total(of: rows), into: &$0) }
        json.key("rows")
        json.array { json in
          for row in rows { json.object { render(row, into: &$0) } }
        }
      }
    }
    return json.bytes
  }

  private static func render(_ row: LedgerRow, into json: inout JSONText) {
    json.key("tenant")
    json.string(row.tenant)
    json.key("measurement")
    if let measurement = row.measurement { json.string(measurement) } else { json.null() }
    counts(row, into: &json)
  }

  private static func counts(_ row: LedgerRow, into json: inout JSONText) {
    let entry = row.entry
    let numbers = [
      ("received", entry.received), ("stored", entry.stored), ("duplicate", entry.duplicate),
      ("replaced", entry.replaced), ("pending", row.pending), ("late", entry.late),
      ("expired", entry.expired), ("deleted", entry.deleted),
    ]
    for (name, value) in numbers {
      json.key(name)
      json.integer(value)
    }
    for (name, reasons) in [("rejected", entry.rejected), ("lines_rejected", entry.linesRejected)] {
      json.key(name)
      json.object { json in
        for reason in RefusalReason.allCases {
          guard let count = reasons[reason], count > 0 else { continue }
          json.key(reason.name)
          json.integer(count)
        }
      }
    }
    json.key("balanced")
    json.boolean(row.isBalanced)
  }

  /// All rows added up, under no name.
  package static func total(of rows: [LedgerRow]) -> LedgerRow {
    var total = LedgerRow(
      tenant: [],
      measurement: nil,
      entry: LedgerEntry(tenant: .default, measurement: nil),
      pending: 0
    )
    for row in rows {
      total.entry.received += row.entry.received
      total.entry.stored += row.entry.stored
      total.entry.duplicate += row.entry.duplicate
      total.entry.replaced += row.entry.replaced
      total.entry.late += row.entry.late
      total.entry.expired += row.entry.expired
      total.entry.deleted += row.entry.deleted
      total.entry.rejected.merge(row.entry.rejected) { $0 + $1 }
      total.entry.linesRejected.merge(row.entry.linesRejected) { $0 + $1 }
      total.pending += row.pending
    }
    return total
  }
}
