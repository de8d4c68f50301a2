internal import Engine

extension MetricsPage {
  /// What moved into the cold store, and what reading it cost.
  static func cold(_ sources: Sources, into page: inout MetricsText) {
    let numbers = sources.engine.cold
    page.section("Cold tier")
    page.counter(
      "varve_cold_moves_total",
      "Blocks that were moved into the cold store.",
      numbers.moveCount
    )
    page.counter("varve_cold_moved_bytes_total", "Bytes of them.", numbers.movedByteCount)
    page.single(
      "varve_cold_move_seconds_total",
      .counter,
      "Time that moving them took, waits of its pace among it.",
      Double(numbers.movingNanoseconds) / 1e9
    )
    page.counter(
      "varve_cold_move_failures_total",
      "Moves that failed; the block stayed where it was and is tried again.",
      numbers.failureCount
    )
    page.gauge(
      "varve_cold_waiting_blocks",
      "Blocks that are to be moved.",
      numbers.waitingBlockCount
    )
    page.gauge("varve_cold_waiting_bytes", "Bytes of them.", numbers.waitingByteCount)
    page.gauge(
      "varve_cold_barred_blocks",
      "Blocks that are not moved until the next start, because they are damaged.",
      numbers.barredBlockCount
    )
    page.counter(
      "varve_cold_requests_total",
      "Reads of the cold store, several pages each.",
      numbers.requestCount
    )
    page.counter("varve_cold_read_bytes_total", "Bytes that they gave.", numbers.readByteCount)
    page.counter(
      "varve_cold_read_failures_total",
      "Reads that failed: the store did not answer, or the object is missing or damaged.",
      numbers.readFailureCount
    )
    page.counter(
      "varve_cold_cache_hits_total",
      "Pages that were in memory when they were asked for.",
      numbers.cacheHitCount
    )
    page.gauge("varve_cold_cache_bytes", "Memory of such pages.", numbers.cacheByteCount)
    page.family(
      "varve_cold_unreadable_objects",
      .gauge,
      "Objects that could not be read when they were last asked for, at most 16 by name.",
      labels: ["object", "reason"]
    )
    for trouble in numbers.troubles {
      page.sample(1.0, [("object", trouble.object), ("reason", trouble.reason)])
    }
  }
}
