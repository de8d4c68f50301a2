internal import Engine

/// What moves into the cold tier, and where that is.
package enum ColdSettings: SettingSection {
  package static let title = "Cold tier"

  package static let settings: [Setting] = [
    .store(
      "cold.directory",
      \.engine.cold.location,
      "Where cold blocks lie.",
      """
      A directory, best on another disk, or a bucket; see [tiers.md](tiers.md). Each data \
      directory needs one of its own. The data directory remembers it, so that blocks that were \
      moved stay readable without this option, and for `varve verify`, `inspect` and `export` too. \
      A bucket needs a build with the package trait `S3`.
      """
    ),
    .duration(
      "cold.after",
      0...315_360_000_000_000_000,
      \.engine.cold.afterNanoseconds,
      "Age at which blocks move into the cold tier; 0 for never.",
      """
      Blocks of which the newest row is older, and which compaction is done with, move to \
      `cold.directory`. Blocks of the last three days never move: the ring is made from them.
      """
    ),
    .bytes(
      "cold.local-bytes",
      0...(1 << 50),
      \.engine.cold.localByteCountMax,
      "Bytes of blocks here beyond which the oldest move; 0 never.",
      """
      Above it the oldest blocks move to `cold.directory` before `cold.after`, as far as they are \
      older than three days and compaction is done with them.
      """
    ),
    .retentionRules(
      "cold.rules",
      \.engine.cold.rules,
      "Other limits for tenants and measurements.",
      """
      Rules as those of `retention.rules`; `cold.after` stands behind the last. `acme/=7d` moves \
      the blocks of the tenant acme at that age, `acme/=100GiB` its oldest once it has more bytes \
      here, `audit=forever` keeps blocks with rows of a measurement here unless bytes move them. A \
      block holds all measurements of a tenant: it moves once each has the age that its rule says.
      """
    ),
    .choice(
      "cold.objects",
      \.engine.cold.ownership,
      "Who removes objects that a snapshot shares.",
      """
      A snapshot that is served, or restored elsewhere, shares the objects with the directory that \
      it is of and removes none of them, `shared`. `adopt` makes them its own, for good: only when \
      the other directory is gone. `foreign` makes them another directory's, for good: for a clone \
      of a whole file system or machine, which nothing tells from its original.
      """
    ),
    .bytes(
      "cold.cache-bytes",
      0...(1 << 40),
      \.engine.cold.cacheByteCount,
      scaled: "a 64th of the memory, 4MiB to 256MiB",
      "Memory for pages of cold blocks.",
      """
      Cold blocks are read in pages of 64 KiB; so much of what queries read last is kept.
      """
    ),
  ]
}
