internal import Engine

/// Where data lies and how much of it memory may hold.
package enum StorageSettings: SettingSection {
  package static let title = "Storage"

  package static let settings: [Setting] = [
    .directory(
      "data",
      \.engine.dataDirectory,
      "The data directory; made when it is not there.",
      """
      Everything that Varve keeps lies below it: the queue, the catalog, blocks, the ring, dead \
      letters. One process uses it at a time. A relative path starts at the working directory. \
      There is no default: it must be given.
      """
    ),
    .choice(
      "durability",
      \.engine.durability,
      "When a row counts as acknowledged.",
      """
      `fsync` acknowledges after the batch is on the disk: nothing acknowledged is lost, whatever \
      stops. `interval` acknowledges when the operating system has it and syncs every \
      `commit.sync-interval`: a power failure may lose that much, a killed process nothing. `os` \
      leaves the time of writing to the kernel: a power failure may lose about half a minute. The \
      server prints at its start which one holds.
      """
    ),
    .count(
      "partitions",
      1...64,
      \.engine.partitionCount,
      "Partitions of a new data directory.",
      """
      Each series belongs to one partition and each partition to one worker, so there should be \
      at least as many as processors. Fixed when the directory is made; an existing directory \
      keeps its own and this option is then ignored.
      """
    ),
    .count(
      "workers",
      1...64,
      \.engine.workerCount,
      scaled: "one a processor, at most 8",
      "Threads that own partitions.",
      """
      A worker applies, folds and cuts the rows of its partitions. More than there are partitions \
      are not started.
      """
    ),
    .count(
      "series.max",
      1...(1 << 31),
      \.engine.seriesMax,
      "Series over all tenants.",
      """
      At the limit only lines of new series are refused, by name; the others go on. A series \
      costs some hundred bytes of memory for its key and its place in the index, besides its rows.
      """
    ),
    .count(
      "field-sets.max",
      1...(1 << 31),
      \.engine.fieldSetsMax,
      "Different sets of fields over all series.",
      """
      Rows of one series with different fields form different sets. A line that needs one more is \
      refused; most senders have a few, one that makes up field names has one a line.
      """
    ),
    .bytes(
      "open-rows",
      (1 << 20)...(1 << 40),
      \.engine.openRowByteCountMax,
      scaled: "a twelfth of the memory, 16MiB to 1GiB",
      "Memory of rows that are not cut yet.",
      """
      Reaching it makes partitions cut; at twice as much workers wait and clients are held back. \
      A value of a row a second takes about 130 bytes a minute here. More of it means larger and \
      fewer blocks.
      """
    ),
    .bytes(
      "in-flight",
      (1 << 20)...(1 << 36),
      \.engine.inFlightByteCountMax,
      scaled: "a 64th of the memory, 8MiB to 128MiB",
      "Batches on their way from the log to the workers.",
      """
      The bound between what is durable and what is applied. At it the committer stops taking, \
      and then sockets are not read.
      """
    ),
    .duration(
      "cut.interval",
      1_000_000_000...86_400_000_000_000,
      \.engine.cutIntervalNanoseconds,
      "Time after which a partition with rows is cut.",
      """
      A cut turns open rows into a block and lets the log go. Shorter means a shorter replay after \
      a crash, and smaller blocks.
      """
    ),
    .bytes(
      "cut.log",
      (1 << 20)...(1 << 42),
      \.engine.cutLogByteCountMax,
      scaled: "an eighth of the disk, 4MiB to 4GiB",
      "Log since the last cuts at which a partition is cut.",
      """
      Bounds what a start has to replay, and the disk that the log takes, when rows come faster \
      than `cut.interval` expects.
      """
    ),
    .bytes(
      "cut.reserve",
      0...(64 << 30),
      \.engine.diskReserveByteCount,
      scaled: "an eighth of the disk, 1MiB to 256MiB, at most `open-rows`",
      "Space that is kept for cuts on a full disk; 0 for none.",
      """
      A file that a cut gets when it finds no space, so that rows become blocks and their log can \
      go. Until it is there again, and a quarter of its size besides, writes are refused.
      """
    ),
    .bytes(
      "ring.extent",
      (64 << 10)...(64 << 20),
      \.engine.ringExtentByteCount,
      scaled: "1MiB, or 64KiB on a disk under 1GiB",
      "Space that an hour of the ring grows by.",
      """
      Minute windows are written into hour files that grow by this much before they are mapped, so \
      that a full disk is an error at a cut. One per partition and open hour.
      """
    ),
    .count(
      "blocks.open-files",
      8...(1 << 20),
      \.engine.blockOpenFileCountMax,
      "Block files that are open at a time.",
      """
      All blocks share so many descriptors: one that was not read for a while is closed and opened \
      again when it is. Must leave room for connections below the limit of the process.
      """
    ),
    .choice(
      "compaction.mode",
      \.engine.compaction.mode,
      "Whether blocks are merged while the server runs.",
      """
      `background` merges the small blocks of cuts into larger ones, on a thread of its own. \
      `none` leaves that to `varve compact` on a stopped server.
      """
    ),
    .count(
      "compaction.cuts",
      2...128,
      \.engine.compaction.cutCount,
      "Neighbouring cuts that become one block.",
      """
      So many blocks of a partition are merged at a time. Fewer mean larger chunks sooner; more \
      mean fewer bytes that are written twice.
      """
    ),
    .count(
      "compaction.cpu",
      1...100,
      \.engine.compaction.processorPercent,
      "Percent of one processor that merges take.",
      """
      The share while there is little to merge; it grows with what waits, up to whole processors, \
      as many as `compaction.threads`.
      """
    ),
    .count(
      "compaction.threads",
      1...64,
      \.engine.compaction.threadCountMax,
      scaled: "one for two processors",
      "Threads that merge when much waits.",
      """
      One merges while little waits; all of them, each another partition, when half of \
      `compaction.debt-max` does.
      """
    ),
    .bytes(
      "compaction.debt-max",
      (1 << 20)...(1 << 44),
      \.engine.compaction.debtByteCountMax,
      scaled: "an eighth of the disk, 16MiB to 4GiB",
      "Blocks that may wait to be merged.",
      """
      From half of it on rows are taken more slowly, in the end as fast as they are merged, so \
      that what waits stays below it; a tenth of what came before is always taken. What cannot be \
      merged does not count.
      """
    ),
    .bytes(
      "compaction.scratch",
      (1 << 20)...(1 << 40),
      \.engine.compaction.scratchByteCountMax,
      scaled: "a 32nd of the disk, 1MiB to 256MiB",
      "Blocks that one merge takes in.",
      """
      The most that one merge has on the disk twice. When so much is not free, with a 32nd of the \
      disk to spare, merges wait.
      """
    ),
    .duration(
      "compaction.cold-after",
      60_000_000_000...315_360_000_000_000_000,
      \.engine.compaction.coldAfterNanoseconds,
      "Age of rows whose blocks are merged once more.",
      """
      Older rows become cold blocks: chunks of 8,192 rows with the strongest codecs. By default \
      that is when minute windows leave the ring.
      """
    ),
  ]
}
