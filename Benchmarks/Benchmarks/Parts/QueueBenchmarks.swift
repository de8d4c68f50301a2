import Benchmark
import Model
import Platform
import Queue

/// A log and what is appended to it, a megabyte at a time.
final class QueueBench {
  let folder: Folder
  let log: Log
  let groups: [[RowBatch]]
  private var next = 0

  init(inMemory: Bool) throws {
    folder = Folder(inMemory: inMemory)
    log = try Log.open(
      disk: RealDisk(),
      directory: folder.path,
      partitionCount: 1,
      floors: [.zero],
      clock: RealClock()
    ).log
    let parser = try ParserBench()
    let batches = parser.parse(Lines.wide.text(rows: 60))
    parser.close()
    groups = stride(from: 0, to: batches.count, by: 16).map {
      Array(batches[$0..<min(batches.count, $0 + 16)])
    }
  }

  /// The next sixteen batches.
  var group: [RowBatch] {
    next = (next + 1) % groups.count
    return groups[next]
  }
}

func queueBenchmarks() {
  for (place, inMemory) in [("memory", true), ("disk", false)] {
    for syncs in [false, true] {
      Benchmark("queue: append 16 batches\(syncs ? ", fsync" : "") (\(place))") {
        benchmark,
        bench in
        let group = bench.group
        let points = group.reduce(0) { $0 + Int($1.header.pointCount) }
        let bytes = group.reduce(0) { $0 + $1.record.count }
        try measure(benchmark, points: points, bytes: bytes, waits: true) {
          try bench.log.append(group)
          if syncs { try bench.log.sync() }
        }
      } setup: {
        try QueueBench(inMemory: inMemory)
      }
    }
  }
  Benchmark("queue: replay") { benchmark, bench in
    let reader = LogReader(disk: RealDisk(), directory: bench.folder.path, partitionCount: 1)
    var points = 0
    let bytes = bench.groups.reduce(0) { $0 + $1.reduce(0) { $0 + $1.record.count } }
    let total = bench.groups.reduce(0) { $0 + $1.reduce(0) { $0 + Int($1.header.pointCount) } }
    try measure(benchmark, points: total, bytes: bytes, waits: true) {
      _ = try reader.replay(from: [.zero]) { batch in points += Int(batch.header.pointCount) }
    }
    precondition(points == total, "a batch is missing")
  } setup: { () throws -> QueueBench in
    let bench = try QueueBench(inMemory: true)
    for group in bench.groups { try bench.log.append(group) }
    try bench.log.sync()
    return bench
  }
}
