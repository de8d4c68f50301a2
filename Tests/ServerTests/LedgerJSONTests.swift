import Engine
import Model
import Server
import Testing

struct LedgerJSONTests {
  private func row(_ measurement: String?, received: UInt64, pending: UInt64) -> LedgerRow {
    var entry = LedgerEntry(tenant: .default, measurement: nil)
    entry.received = received
    entry.stored = received - pending
    return LedgerRow(
      tenant: Array("default".utf8),
      measurement: measurement.map { Array($0.utf8) },
      entry: entry,
      pending: pending
    )
  }

  @Test func anEmptyLedgerIsBalanced() {
    #expect(
      text([]) == """
        {"status":"success","data":{"balanced":true,"totals":{"received":0,"stored":0,\
        "duplicate":0,\
        "replaced":0,"pending":0,"late":0,"expired":0,"deleted":0,"rejected":{},\
        "lines_rejected":{},"balanced":true},\
        "rows":[]}}
        """
    )
  }

  @Test func oneRowThatDoesNotBalanceIsInTheMetric() {
    var rows = [row("m", received: 5, pending: 2), row("n", received: 3, pending: 0)]
    var page = MetricsText()
    MetricsPage.points(rows, into: &page)
    #expect(page.text.contains("\nvarve_ledger_balanced 1\n"))
    rows[1].entry.duplicate += 1
    page = MetricsText()
    MetricsPage.points(rows, into: &page)
    #expect(page.text.contains("\nvarve_ledger_balanced 0\n"))
    #expect(text(rows).contains("{\"balanced\":false,"))
  }

  @Test func rowsHaveNamesCountsAndReasons() {
    var first = row("no\"de", received: 12, pending: 2)
    first.entry.rejected = [.future: 3, .typeConflict: 1]
    first.entry.received += 4
    first.entry.late = 5
    first.entry.expired = 4
    first.entry.deleted = 3
    var unknown = row(nil, received: 0, pending: 0)
    unknown.entry.linesRejected = [.unparsable: 7]
    let text = text([first, unknown])
    #expect(
      text.contains(
        """
        "rows":[{"tenant":"default","measurement":"no\\"de","received":16,"stored":10,\
        "duplicate":0,\
        "replaced":0,"pending":2,"late":5,"expired":4,"deleted":3,\
        "rejected":{"type_conflict":1,"future":3},\
        "lines_rejected":{},"balanced":true},{"tenant":"default","measurement":null,"received":0,\
        "stored":0,"duplicate":0,"replaced":0,"pending":0,"late":0,"expired":0,"deleted":0,\
        "rejected":{},"lines_rejected":{"unparsable":7},"balanced":true}]
        """
      )
    )
    #expect(
      text.hasPrefix(
        "{\"status\":\"success\",\"data\":{\"balanced\":true,\"totals\":{\"received\":16,"
      )
    )
  }

  @Test func oneUnbalancedRowUnbalancesTheWhole() {
    var bad = row("a", received: 5, pending: 1)
    bad.entry.received += 1
    let text = text([bad, row("b", received: 1, pending: 0)])
    #expect(text.contains("{\"balanced\":false,\"totals\":"))
  }

  @Test func hugeCountsAreStrings() {
    let text = text([row("a", received: (1 << 53) + 1, pending: 0)])
    #expect(text.contains("\"received\":\"9007199254740993\",\"stored\":\"9007199254740993\","))
  }

  @Test func namesThatAreNotUTF8ComeOutReadable() {
    var bad = row("a", received: 1, pending: 0)
    bad.measurement = [0x61, 0xff]
    #expect(text([bad]).contains("\"measurement\":\"a\u{fffd}\""))
  }

  private func text(_ rows: [LedgerRow]) -> String {
    String(decoding: LedgerJSON.render(rows), as: UTF8.self)
  }
}
