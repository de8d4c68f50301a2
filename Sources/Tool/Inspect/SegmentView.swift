package import Engine
package import Model
internal import Platform
internal import Queue

/// `varve inspect --segment`: what a segment of the queue has of each partition.
package enum SegmentView {
  private struct Sum {
    var batchCount = 0
    var rowCount = 0
    var pointCount = 0
    var byteCount = 0
    var first: Offset?
    var last: Offset?
    var firstArrival = Timestamp.max
    var lastArrival = Timestamp.min
  }

  package static func make(
    _ log: LogInspection,
    _ name: String,
    limit: Int,
    listsBatches: Bool
  ) throws -> (report: TextReport, findings: [Damage]) {
    let segments = try log.segments()
    let wanted = Path.name(of: name)
    guard
      let segment = segments.first(where: {
        Path.name(of: $0.path) == wanted || "\($0.sequence)" == wanted
      })
    else {
      let numbers = segments.map { "\($0.sequence)" }.joined(separator: ", ")
      throw Failure.notThere(
        log.directory.queue,
        "there is no segment \(name); there are \(numbers)"
      )
    }
    var sums = Array(repeating: Sum(), count: log.partitionCount)
    var batches = TextTable([
      "position>", "partition>", "offset>", "kind", "tenant>", "rows>", "points>", "bytes>",
      "arrival",
    ])
    let progress = ProgressLine("read the segment", unit: .bytes)
    let findings = try log.forEachBatch(
      ofSegment: segment.sequence,
      progress: { progress.update($1, of: segment.byteCount) },
      { header, _, position in
        let byteCount = BatchHeader.byteCount + Int(header.bodyByteCount)
        let index = Int(header.partition.rawValue)
        sums[index].batchCount &+= 1
        // Counts of refused lines are no rows.
        if header.kind == .rows { sums[index].rowCount &+= Int(header.rowCount) }
        sums[index].pointCount &+= Int(header.pointCount)
        sums[index].byteCount &+= byteCount
        sums[index].first = sums[index].first ?? header.offset
        sums[index].last = header.offset
        sums[index].firstArrival = min(sums[index].firstArrival, header.arrival)
        sums[index].lastArrival = max(sums[index].lastArrival, header.arrival)
        guard listsBatches, batches.rows.count < limit else { return }
        batches.add([
          .integer(position), .integer(index), .unsigned(header.offset.rawValue),
          .text("\(header.kind)"), .integer(Int(header.tenant.rawValue)),
          .integer(Int(header.rowCount)), .integer(Int(header.pointCount)), .byteCount(byteCount),
          .time(header.arrival),
        ])
      }
    )
    progress.end()
    var report = TextReport()
    report.fact("segment", .text(segment.path))
    report.fact("number", .unsigned(segment.sequence))
    report.fact("epoch", segment.epoch.map { .integer(Int($0.rawValue)) } ?? .none)
    report.fact("created", segment.created.map { .time($0) } ?? .none)
    report.fact("bytes", .byteCount(segment.byteCount))
    report.fact("batches", .integer(sums.reduce(0) { $0 &+ $1.batchCount }))
    report.fact("rows", .integer(sums.reduce(0) { $0 &+ $1.rowCount }))
    report.fact("points", .integer(sums.reduce(0) { $0 &+ $1.pointCount }))
    var table = TextTable([
      "partition>", "first_offset>", "last_offset>", "batches>", "rows>", "points>", "bytes>",
      "first_arrival", "last_arrival",
    ])
    for (index, sum) in sums.enumerated() where sum.batchCount > 0 {
      table.add([
        .integer(index), sum.first.map { .unsigned($0.rawValue) } ?? .none,
        sum.last.map { .unsigned($0.rawValue) } ?? .none, .integer(sum.batchCount),
        .integer(sum.rowCount), .integer(sum.pointCount), .byteCount(sum.byteCount),
        .time(sum.firstArrival), .time(sum.lastArrival),
      ])
    }
    report.table("partitions", key: "partition_list", table)
    report.table("batches", key: "batch_list", batches)
    return (report, findings)
  }
}
