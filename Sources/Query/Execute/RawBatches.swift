internal import Model

/// Finds groups of a raw request that surely fit a page together, and reads them piece by piece of
/// their partitions.
struct RawBatches {
  /// Groups that are looked at together: bounds what is held for them.
  private static let groupCountMax = 4_096

  let request: RangeRequest
  let selection: Selection
  let views: [PartitionView?]
  let helpers: (any QueryHelpers)?
  /// Groups of the next look: a few once one has not fitted, for the page is about to end.
  private var lookCount = RawBatches.groupCountMax
  private static let endingLookCount = 16

  init(
    request: RangeRequest,
    selection: Selection,
    views: [PartitionView?],
    helpers: (any QueryHelpers)?
  ) {
    self.request = request
    self.selection = selection
    self.views = views
    self.helpers = helpers
  }

  /// The points of the groups from `start` on that fit; none when not even the first one surely
  /// does.
  mutating func next(
    from start: Int,
    pointCountMax: Int,
    byteCountMax: Int,
    _ context: inout QueryContext
  ) throws(QueryError) -> RawBatch {
    // The bytes of strings are known only when they are read; few series are read as quickly.
    guard selection.fields.allSatisfy({ $0.type != .string }) else { return RawBatch() }
    let groups = start..<min(selection.groups.count, start + lookCount)
    let shards = GroupShards(groups, of: selection, isSplit: helpers != nil)
    let plan = try plan(shards, groups, &context)
    defer { context.release(plan.byteCount) }
    // A prefix whose points fit, whatever rows hold which fields.
    var end = start
    var pointCount = 0
    var byteCount = 0
    let width = selection.fields.count
    while end < groups.upperBound {
      let rows = plan.rowCounts[end - start]
      let (points, overflowed) = rows.multipliedReportingOverflow(by: width)
      guard !overflowed, points <= pointCountMax - pointCount else { break }
      let bytes = points * 16 + (rows == 0 ? 0 : width * RawQuery.seriesByteCount)
      guard bytes <= byteCountMax - byteCount else { break }
      pointCount += points
      byteCount += bytes
      end += 1
    }
    lookCount = end < groups.upperBound ? Self.endingLookCount : Self.groupCountMax
    guard end > start else { return RawBatch() }
    return try read(start..<end, shards, plan, &context)
  }

  /// Whether the condition's field is the only one that is asked for.
  private var hasCells: Bool {
    guard selection.fields.count == 1, request.newest == nil else { return false }
    return selection.filter?.looksOnly(at: selection.fields[0]) ?? false
  }

  /// What is known of groups before they are read.
  private struct Plan: Sendable {
    /// Rows at most, by group from the first one on.
    var rowCounts: [Int]
    /// The rows wanted, by group; `nil` for all.
    var times: [MatchingTimes]?
    var byteCount = 0
  }

  private func plan(
    _ shards: GroupShards,
    _ groups: Range<Int>,
    _ context: inout QueryContext
  ) throws(QueryError) -> Plan {
    var plan = Plan(rowCounts: Array(repeating: request.newest ?? 0, count: groups.count))
    if selection.filter == nil, request.newest != nil { return plan }
    let seed = context.fork()
    let results = Shards.run(shards.count, helpers) { index in
      Result { () throws(QueryError) in
        var context = seed
        return (try look(at: shards.groups(of: index), &context), context)
      }
    }
    if selection.filter != nil {
      plan.times = Array(repeating: MatchingTimes(times: []), count: groups.count)
    }
    for (index, result) in results.enumerated() {
      let (looks, fork) = try result.get()
      context.join(fork)
      for (group, look) in zip(shards.groups(of: index), looks) {
        let place = group - groups.lowerBound
        plan.rowCounts[place] = min(look.rowCount, request.newest ?? .max)
        guard let times = look.times else { continue }
        plan.times?[place] = times
        plan.byteCount += times.byteCount
      }
    }
    return plan
  }

  private func look(
    at groups: [Int],
    _ context: inout QueryContext
  ) throws(QueryError) -> [(rowCount: Int, times: MatchingTimes?)] {
    var looks = [(rowCount: Int, times: MatchingTimes?)](
      repeating: (0, nil),
      count: groups.count
    )
    var scans = PartitionScans(views)
    for (member, slot) in selection.members(of: groups) {
      try context.checkDeadline()
      guard let scan = scans[member.partition] else { continue }
      if let filter = selection.filter {
        let times = try filter.times(
          of: member.series,
          in: request.range,
          from: scan,
          withCells: hasCells,
          &context
        )
        looks[slot] = (times.times.count, times)
      } else {
        let reader = SeriesReader(
          member.series,
          scan,
          request.range,
          selection.fields,
          nil,
          &context
        )
        looks[slot].rowCount = reader.rowCount(in: request.range)
      }
    }
    return looks
  }

  private func read(
    _ groups: Range<Int>,
    _ shards: GroupShards,
    _ plan: Plan,
    _ context: inout QueryContext
  ) throws(QueryError) -> RawBatch {
    let first = groups.lowerBound
    let seed = context.fork()
    let results = Shards.run(shards.count, helpers) { index in
      Result { () throws(QueryError) in
        var context = seed
        let wanted = shards.groups(of: index).filter { $0 < groups.upperBound }
        return (try points(of: wanted, plan, first, &context), context)
      }
    }
    var pieces: [PointPiece] = []
    for result in results {
      let (piece, fork) = try result.get()
      context.join(fork)
      pieces.append(piece)
    }
    return RawBatch(groups, shards, pieces)
  }

  /// The points of some groups of one piece.
  private func points(
    of groups: [Int],
    _ plan: Plan,
    _ first: Int,
    _ context: inout QueryContext
  ) throws(QueryError) -> PointPiece {
    var piece = PointPiece(groupCount: groups.count)
    var scans = PartitionScans(views)
    for (member, slot) in selection.members(of: groups) {
      try context.checkDeadline()
      let times = plan.times?[groups[slot] - first]
      if times?.times.isEmpty == true { continue }
      guard let scan = scans[member.partition] else { continue }
      if hasCells, let times {
        // What the condition has looked at is what is asked for.
        piece.begin(slot)
        piece.append(times.times, [(field: 0, cells: times.cells)])
        continue
      }
      let reader = SeriesReader(
        member.series,
        scan,
        request.range,
        selection.fields,
        times,
        &context
      )
      piece.begin(slot)
      var start = 0
      while start < selection.fields.count {
        let fields = Array(selection.fields[start...].prefix(RawQuery.fieldsPerPassMax))
        if let newest = request.newest {
          try reader.newest(newest, fields, first: start, into: &piece, &context)
        } else if try !reader.appendAligned(fields, first: start, into: &piece, &context) {
          let columns = try reader.points(
            fields,
            in: request.range,
            pointCountMax: .max,
            byteCountMax: .max,
            &context
          )
          for (index, column) in columns.enumerated() { piece.append(column, field: start + index) }
        }
        start += fields.count
      }
    }
    return piece
  }
}
