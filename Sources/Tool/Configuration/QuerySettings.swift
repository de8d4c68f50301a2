internal import Engine

/// What queries may take.
package enum QuerySettings: SettingSection {
  package static let title = "Queries"

  package static let settings: [Setting] = [
    .count(
      "query.threads",
      1...64,
      \.engine.queryThreadCount,
      scaled: "one a processor, at most 8",
      "Threads that answer queries.",
      "Each answers one query at a time, so this many run at once."
    ),
    .bytes(
      "query.memory",
      (1 << 20)...(1 << 40),
      \.engine.queryByteCountMax,
      scaled: "a 32nd of the memory, 16MiB to 256MiB",
      "Memory of one query.",
      """
      Its answer and what it merges. A query that needs more ends with an error that says what to \
      narrow. All queries together take up to `query.threads` times as much.
      """
    ),
    .count(
      "query.waiting-max",
      0...1_000_000,
      \.engine.queryWaitingMax,
      "Queries that may wait for a thread.",
      "One more is answered 503 at once."
    ),
    .duration(
      "query.timeout",
      1_000_000...86_400_000_000_000,
      \.engine.queryTimeoutNanoseconds,
      "How long a query may take.",
      """
      From its arrival, with the time that it waits for a thread. After it the query ends and is \
      answered 503 with `errorType` `timeout`.
      """
    ),
    .duration(
      "query.patience",
      1_000_000...600_000_000_000,
      \.engine.queryWaitNanoseconds,
      "How long a query waits for acknowledged rows.",
      """
      A query answers from all that was acknowledged before it began, so it waits until workers \
      have applied that; after so long it is answered 503.
      """
    ),
  ]
}
