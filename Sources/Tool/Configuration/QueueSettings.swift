internal import Engine

/// The queue, which is also the write-ahead log, and the pace of its commits.
package enum QueueSettings: SettingSection {
  package static let title = "Queue"

  package static let settings: [Setting] = [
    .duration(
      "commit.delay",
      0...1_000_000_000,
      \.engine.commitDelayNanoseconds,
      "How long a batch waits for others before a sync.",
      """
      One sync makes all waiting batches durable. A round that is still small is committed after a \
      fifth of it. More of it means fewer syncs and later acknowledgements.
      """
    ),
    .bytes(
      "commit.bytes",
      (64 << 10)...(1 << 30),
      \.engine.commitByteCountMax,
      "Bytes that one sync makes durable at most.",
      "A round of commits is not grown beyond it, however much waits."
    ),
    .duration(
      "commit.sync-interval",
      10_000_000...60_000_000_000,
      \.engine.syncIntervalNanoseconds,
      "Time between syncs with durability interval.",
      "What a power failure may lose in that mode. The other modes do not look at it."
    ),
    .bytes(
      "queue.segment",
      (1 << 20)...(4 << 30),
      \.engine.segmentByteCountMax,
      scaled: "a 64th of the disk, 1MiB to 128MiB",
      "The size of a file of the queue.",
      "Space is given back in whole segments."
    ),
    .duration(
      "queue.retain.age",
      0...315_360_000_000_000_000,
      \.engine.queueRetainNanoseconds,
      "How long the queue keeps segments that are cut.",
      """
      For reading it again, by consumers or by hand; the blocks have the rows already. A segment \
      goes when either limit says so, `queue.retain.age` or `queue.retain.bytes`. Segments that \
      are not cut yet always stay.
      """
    ),
    .bytes(
      "queue.retain.bytes",
      0...(1 << 50),
      \.engine.queueRetainByteCount,
      scaled: "a 32nd of the disk, at most 1GiB",
      "How much the queue keeps of segments that are cut.",
      "See `queue.retain.age`. 0 keeps nothing that is cut."
    ),
    .bytes(
      "queue.dead-letters",
      (128 << 10)...(1 << 40),
      \.engine.deadLetterByteCountMax,
      "Refused lines that are kept to be read back.",
      "The oldest half goes when they are more."
    ),
  ]
}
