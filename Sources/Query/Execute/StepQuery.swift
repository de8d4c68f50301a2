internal import Blocks
internal import Model

/// Answers a request with a step: minute windows of the ring where they hold, raw rows elsewhere.
///
/// Groups are answered in passes of as many as their buckets fit the budget; a wide pass is split
/// over the threads that help.
struct StepQuery {
  static let fieldsPerPassMax = 512
  /// Fewer buckets are not worth another thread.
  private static let valuesOfSliceMin = 10_000
  /// Each slice goes through all hours by itself.
  private static let slicesMax = 4
  /// Memory of a decoded chunk group, and of one of its columns, at most.
  static let groupByteCountMax = BlockWriter.cellCountMax * 8
  static let columnByteCountMax = BlockWriter.rowCountMax(columnCount: 1) * 8

  let request: RangeRequest
  let grid: StepGrid
  let selection: Selection
  /// By the partition's number.
  let views: [PartitionView?]
  var helpers: (any QueryHelpers)?

  /// Appends the series of the answer, group by group.
  func run(
    into answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    try context.charge(grid.count * 8)
    var group = 0
    while group < selection.groups.count {
      let width = fieldsPerPass(context)
      let end = group + (width < selection.fields.count ? 1 : groupsPerPass(context))
      let groups = group..<min(end, selection.groups.count)
      var start = 0
      while start < selection.fields.count {
        let fields = Array(selection.fields[start...].prefix(fieldsPerPass(context)))
        try answerPass(groups, fields, &answer, &context)
        start += fields.count
      }
      group = groups.upperBound
    }
  }

  /// Fields that are folded side by side: a quarter of what is left holds their buckets, and
  /// another quarter a chunk group decoded for them.
  private func fieldsPerPass(_ context: QueryContext) -> Int {
    let quarter = context.bytesLeft / 4
    let perField = StepAggregator.byteCount(request.aggregates, grid)
    let decodable =
      quarter >= Self.groupByteCountMax ? Self.fieldsPerPassMax : quarter / Self.columnByteCountMax
    return max(1, min(Self.fieldsPerPassMax, decodable, quarter / perField))
  }

  /// Groups whose buckets take an eighth of what is left: as much again is needed to turn them into
  /// an answer.
  private func groupsPerPass(_ context: QueryContext) -> Int {
    let perGroup = StepAggregator.byteCount(request.aggregates, grid) * selection.fields.count
    return max(1, context.bytesLeft / 8 / perGroup)
  }

  private func answerPass(
    _ groups: Range<Int>,
    _ fields: [FieldDefinition],
    _ answer: inout RangeAnswer,
    _ context: inout QueryContext
  ) throws(QueryError) {
    let taken = StepAggregator.byteCount(request.aggregates, grid) * fields.count * groups.count
    try context.charge(taken)
    let shards = GroupShards(groups, of: selection, isSplit: helpers != nil)
    let contents = try fold(shards, fields, &context)
    // The answer keeps at most what the buckets took; the rest goes back.
    var kept = 0
    for group in groups {
      let (shard, slot) = shards.place(of: group)
      for (field, content) in zip(fields, contents[shard].columns.lazy.map { $0[slot] }) {
        guard let content else { continue }
        answer.series.append(
          RangeAnswer.Series(
            measurement: request.measurement,
            labels: selection.groups[group].labels,
            field: field.name,
            type: field.type,
            content: content
          )
        )
        kept += content.cellByteCount
      }
    }
    // Strings stay: all series of a field share theirs.
    context.release(taken)
    try context.charge(kept)
  }

  /// What a shard has folded: by field, then by slot.
  private struct Folded {
    var columns: [[RangeAnswer.Content?]]
    var context: QueryContext
  }

  private func fold(
    _ shards: GroupShards,
    _ fields: [FieldDefinition],
    _ context: inout QueryContext
  ) throws(QueryError) -> [Folded] {
    let seed = context.fork()
    let slices = fieldSlices(fields, shards)
    let results = Shards.run(shards.count * slices.count, helpers) { index in
      Result { () throws(QueryError) in
        var context = seed
        let (shard, slice) = (index / slices.count, index % slices.count)
        let aggregators = try folded(shards.groups(of: shard), slices[slice], &context)
        return Folded(
          columns: aggregators.map { $0.finishAll() },
          context: context
        )
      }
    }
    var contents: [Folded] = []
    var rowsOpen = 0
    for (index, result) in results.enumerated() {
      var folded = try result.get()
      if index % slices.count == 0 {
        rowsOpen = folded.context.statistics.rowsOpen
        context.join(folded.context)
        contents.append(folded)
      } else {
        // Slices read the same rows.
        let more = max(0, folded.context.statistics.rowsOpen - rowsOpen)
        rowsOpen += more
        folded.context.statistics.rowsOpen = more
        context.join(folded.context)
        contents[contents.count - 1].columns += folded.columns
      }
    }
    return contents
  }

  /// The fields in pieces to be worked on apart, where groups are not and there is enough to do.
  private func fieldSlices(
    _ fields: [FieldDefinition],
    _ shards: GroupShards
  ) -> [[FieldDefinition]] {
    let valueCount = selection.members.count * fields.count * grid.count
    guard helpers != nil, shards.count == 1, selection.filter == nil, fields.count > 1,
      valueCount >= Self.valuesOfSliceMin * 2
    else { return [fields] }
    let count = min(Self.slicesMax, valueCount / Self.valuesOfSliceMin, fields.count)
    return (0..<count).map { index in
      Array(fields[index * fields.count / count..<(index + 1) * fields.count / count])
    }
  }

  /// The buckets of every field of the first group, to be added to.
  func folded(_ context: inout QueryContext) throws(QueryError) -> [StepAggregator] {
    var aggregators: [StepAggregator] = []
    while aggregators.count < selection.fields.count {
      let rest = selection.fields[aggregators.count...]
      let fields = Array(rest.prefix(fieldsPerPass(context)))
      try context.charge(StepAggregator.byteCount(request.aggregates, grid) * fields.count)
      aggregators += try folded([0], fields, &context)
    }
    return aggregators
  }

  /// The buckets of some groups, each in the slot of its place in `groups`.
  private func folded(
    _ groups: [Int],
    _ fields: [FieldDefinition],
    _ context: inout QueryContext
  ) throws(QueryError) -> [StepAggregator] {
    var aggregators = fields.map {
      StepAggregator(
        type: $0.type,
        grid: grid,
        aggregates: request.aggregates,
        slotCount: groups.count
      )
    }
    var scans = PartitionScans(views)
    var fold = SeriesFold(
      request,
      grid: grid,
      fields: fields,
      filter: selection.filter
    )
    // In order of their ids: so are blocks, frozen hours and indexes sorted.
    for (member, slot) in selection.members(of: groups) {
      try context.checkDeadline()
      guard let scan = scans[member.partition] else { continue }
      try fold.fold(member.series, slot, scan, &aggregators, &context)
    }
    return aggregators
  }

  static func stringByteCount(_ aggregators: [StepAggregator]) -> Int {
    aggregators.reduce(0) { $0 + $1.strings.bytes.count }
  }
}

extension RangeAnswer.Content {
  /// Memory of the values, without the bytes of strings.
  fileprivate var cellByteCount: Int {
    switch self {
    case .points(let timestamps, let values): timestamps.count * 8 + values.cellByteCount
    case .buckets(let present, let columns):
      columns.reduce(present.count / 8 + 256) { $0 + $1.values.cellByteCount }
    }
  }
}
