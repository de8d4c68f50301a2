extension MetricsPage {
  /// HTTP writes: what they bring, where they wait, and why they are refused.
  static func writes(_ writes: WriteStatistics.Snapshot, into page: inout MetricsText) {
    page.section("HTTP writes")
    page.family(
      "varve_http_write_bytes_total",
      .counter,
      "Bytes of bodies: as they were sent, and once they were inflated.",
      labels: ["form"]
    )
    page.sample(writes.sentByteCount, [("form", "sent")])
    page.sample(writes.inflatedByteCount, [("form", "inflated")])
    page.gauge(
      "varve_http_write_pieces_waiting",
      "Pieces of bodies that wait for a write loop; each holds its socket back.",
      writes.waitingPieceCount
    )
    page.gauge(
      "varve_http_writes_settling",
      "Writes that are parsed to their end and not durable yet.",
      writes.unsettledCount
    )
    page.durations(
      "varve_http_write_wait_duration_seconds",
      "How long a piece of a body waited for its write loop.",
      writes.waits
    )
    page.family(
      "varve_http_writes_refused_total",
      .counter,
      "Writes refused as a whole, by reason; congested, cannot_store, not_ready and stopping are "
        + "answered 503.",
      labels: ["reason"]
    )
    for reason in WriteRefusal.Reason.allCases {
      page.sample(writes.refusals[reason, default: 0], [("reason", reason.rawValue)])
    }
  }
}
