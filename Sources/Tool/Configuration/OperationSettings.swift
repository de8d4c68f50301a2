internal import Server

/// What operators see of the process, and how it ends.
package enum OperationSettings: SettingSection {
  package static let title = "Operation"

  package static let settings: [Setting] = [
    .choice(
      "log.level",
      \.logLevel,
      "What is logged.",
      "This level and all behind it. What a client could make happen often is logged once a second."
    ),
    .choice(
      "log.format",
      \.logFormat,
      "How log lines look.",
      """
      `text` is for people. `json` writes one object a line with `time` (RFC 3339, UTC), `level`, \
      `logger`, `kind`, `message` and `metadata`. A `kind` is the same in every version, for \
      scripts to look at: [operations](operations.md#what-the-server-says). Log lines go to \
      standard error, with `json` those of the start too.
      """
    ),
    .seconds(
      "stop.timeout",
      3...600,
      \.server.stopSeconds,
      "How long a stop may take.",
      """
      A stop drains clients, cuts every partition and closes the files. After so long the process \
      ends with status 1; nothing is lost, the next start replays what was not cut. Keep it below \
      `TimeoutStopSec` under systemd.
      """
    ),
    .seconds(
      "stop.drain",
      1...60,
      \.server.drainSeconds,
      "How long a stop waits for clients.",
      """
      Clients get the answers that they are owed; who has not taken them by then is hung up on. At \
      most a third of `stop.timeout` counts.
      """
    ),
  ]
}
