internal import Engine
internal import Model
internal import Server

/// What the demo prints.
enum DemoText {
  static func start(_ addresses: VarveServer.Addresses, directory: String) -> String {
    """
    varve demo: a server and its fleet in one process
    data        \(directory), removed at the end
    lines       \(addresses.lines)
    http        http://\(addresses.http)

    """
  }

  static func invitation(_ http: Address) -> String {
    let base = "http://\(http)/api/v1"
    let allServers = "measurement=node&field=cpu_user,load1"
    let oneServer = "measurement=node&tag.server=\(Fleet.name(ofServer: 0))&field=cpu_user"
    return """

      Try, in another terminal:
        curl '\(base)/range?\(oneServer)&start=-2d&step=1h&agg=min,max,avg'
        curl '\(base)/range?\(allServers)&start=-1m&step=10s&group_by=region'
        curl '\(base)/ledger'
      Ctrl-C ends the demo.


      """
  }

  static func report(_ rows: [LedgerRow], sent: LoadProgress, metricCount: Int) -> String {
    var text = "\nledger, in points\n"
    for row in rows {
      let entry = row.entry
      let name = row.measurement.map { String(decoding: $0, as: UTF8.self) } ?? "(unknown)"
      text += "  \(String(decoding: row.tenant, as: UTF8.self))/\(name)\n"
      let parts = [
        ("received", entry.received), ("stored", entry.stored), ("duplicate", entry.duplicate),
        ("replaced", entry.replaced), ("rejected", entry.rejectedPoints), ("pending", row.pending),
        ("late, of stored", entry.late),
      ]
      for (name, count) in parts {
        let digits = Quantity.grouped(count)
        text +=
          "    " + name + String(repeating: " ", count: max(1, 36 - name.count - digits.count))
          + digits + "\n"
      }
      text += row.isBalanced ? "    balanced\n" : "    NOT balanced\n"
    }
    let latencies = sent.latencies
    text +=
      "acknowledged \(Quantity.grouped(sent.rowsAccepted * metricCount)) points, p99 "
      + "\(Quantity.decimals(Double(latencies.percentile(0.99)) / 1e6, 1)) ms\n"
    for complaint in sent.complaints { text += "trouble      \(complaint)\n" }
    return text
  }
}
