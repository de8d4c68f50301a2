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
    .bytes(
      "retention.cold-bytes",
      0...(1 << 60),
      \.engine.retention.coldByteCount,
      "Bytes of cold blocks; beyond it the oldest go. 0 none.",
      """
      The same for what lies in `cold.directory`. A block stays there as long as an earlier one of \
      the same times is kept, whose values it has replaced.
      """
    ),
    .sizeRules(
      "retention.cold-rules",
      \.engine.retention.coldRules,
      "Bytes of tenants in the cold store.",
      """
      `acme/=200GiB, test/=1GiB`: the oldest blocks of a tenant beyond so many bytes there go.
      """
    ),
    .duration(
      "retention.rollup-minute",
      0...3_153_600_000_000_000_000,
      \.engine.rollups.minute.ageNanoseconds,
      "Age of windows of a minute; 0 makes none.",
      """
      Each day that is over is folded into windows of a minute (count, sum, min, max, first and \
      last of each field), which live as long as this says, however short `retention.age` is. Raw \
      points are removed only once they are in such windows on the disk, and then by whole days. \
      Steps of whole minutes are answered from them. 0, the default, makes none and leaves those \
      that are there.
      """
    ),
    .duration(
      "retention.rollup-hour",
      0...3_153_600_000_000_000_000,
      \.engine.rollups.hour.ageNanoseconds,
      "Age of windows of an hour; 0 makes none.",
      """
      The same of an hour: 3y costs about as much as 18 days of windows of a minute. Steps of \
      whole hours are answered from them.
      """
    ),
    .bytes(
      "retention.rollup-minute-bytes",
      0...(1 << 60),
      \.engine.rollups.minute.byteCount,
      "Bytes of minute windows; the oldest go beyond. 0 none.",
      """
      The oldest days of all tenants go, until the rest is small enough; the newest stays. Windows \
      of an hour, and raw points that are left, answer for them.
      """
    ),
    .bytes(
      "retention.rollup-hour-bytes",
      0...(1 << 60),
      \.engine.rollups.hour.byteCount,
      "Bytes of hour windows; the oldest go beyond. 0 none.",
      """
      The same of an hour, 30 days at a time.
      """
    ),
    .retentionRules(
      "retention.rollup-minute-rules",
      \.engine.rollups.minute.rules,
      "Other ages of windows of a minute.",
      """
      Rules as those of `retention.rules`, ages only; `retention.rollup-minute` stands behind the \
      last. Once any rule asks for windows they are made of everything, and the rules say how \
      long they are in sight.
      """
    ),
    .retentionRules(
      "retention.rollup-hour-rules",
      \.engine.rollups.hour.rules,
      "Other ages of windows of an hour.",
      """
      The same for `retention.rollup-hour`.
      """
    ),
  ]
}
