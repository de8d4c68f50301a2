internal import Engine

extension MetricsPage {
  /// The change feed and its readers.
  static func feed(_ feed: FeedMetrics, into page: inout MetricsText) {
    page.section("Change feed")
    page.single("varve_streams", .gauge, "Readers of the change feed.", Double(feed.readerCount))
    page.single(
      "varve_stream_topics",
      .gauge,
      "Different wishes of the readers; each is folded and written once.",
      Double(feed.topicCount)
    )
    page.single(
      "varve_stream_waiting_bytes",
      .gauge,
      "Changes that wait for readers to take them.",
      Double(feed.waitingByteCount)
    )
    page.family(
      "varve_windows_announced_total",
      .counter,
      "Windows announced while somebody listened, wanted or not."
    )
    page.sample(feed.openCount, [("event", "open")])
    page.sample(feed.closedCount, [("event", "closed")])
    page.sample(feed.restatedCount, [("event", "restated")])
    page.single(
      "varve_streams_cut_off_total",
      .counter,
      "Readers that were cut off because they took too little.",
      Double(feed.cutOffCount)
    )
    page.single(
      "varve_stream_resets_total",
      .counter,
      "Readers that were told to start anew.",
      Double(feed.resetCount)
    )
  }
}
