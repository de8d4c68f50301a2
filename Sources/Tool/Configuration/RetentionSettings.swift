internal import Engine

/// What is removed, and when. Nothing is by default.
package enum RetentionSettings: SettingSection {
  package static let title = "Retention"

  package static let settings: [Setting] = [
    .duration(
      "retention.age",
      0...3_153_600_000_000_000_000,
      \.engine.retention.ageNanoseconds,
      "Age at which points are removed; 0 keeps them.",
      """
      Points older than it, in whole hours, are in no answer any more, and their blocks are \
      removed once all that they hold is as old. Age is counted from the wall clock or from the \
      newest point, whichever is earlier, so that a clock that runs ahead removes nothing. Points \
      that come as old are refused as `expired`. See docs/retention.md.
      """
    ),
    .bytes(
      "retention.bytes",
      0...(1 << 60),
      \.engine.retention.byteCount,
      "Bytes of blocks; beyond it the oldest go. 0 is no bound.",
      """
      Whole blocks go, the oldest first, until the rest is small enough; blocks with points of the \
      last two hours stay. The queue, the ring and the catalog are not counted.
      """
    ),
    .retentionRules(
      "retention.rules",
      \.engine.retention.rules,
      "Other limits for tenants and measurements.",
      """
      Rules with commas between them; the first that fits decides, `retention.age` stands behind \
      the last. `debug=1d` is a measurement of every tenant, `acme/audit=forever` one of the \
      tenant acme, `acme/=90d` all of acme, `scratch_*=6h` all measurements with such a beginning. \
      A size, `acme/=200GiB`, bounds the blocks of a tenant.
      """
    ),
  ]
}
