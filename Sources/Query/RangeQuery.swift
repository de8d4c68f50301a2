internal import Blocks
public import Model
public import Platform

/// Answers a ``RangeRequest`` from one state of each partition.
public enum RangeQuery {
  /// Runs the query on the calling thread; blocks on the disk and on `views`.
  ///
  /// Series and time slices are read one after another, so that memory stays within
  /// ``QueryOptions/byteCountMax`` whatever is stored.
  ///
  /// - Parameters:
  ///   - tenant: `nil` for a tenant that nobody has written to: the answer is empty.
  ///   - helpers: threads that take a share of a wide query.
  ///   - clock: times the query.
  /// - Throws: ``QueryError``: `execution` beyond the budget, `timeout` beyond the deadline,
  ///   `badData` for a page that cannot be continued, or what `views` throws. Stored bytes that
  ///   cannot be read are no error: the answer lacks them and says so.
  public static func run(
    _ request: RangeRequest,
    tenant: TenantID?,
    catalog: some QueryCatalog,
    views: some ViewProvider,
    helpers: (any QueryHelpers)? = nil,
    clock: any Clock,
    options: QueryOptions = QueryOptions()
  ) throws(QueryError) -> RangeAnswer {
    var context = QueryContext(
      tenant: tenant ?? .default,
      catalog: catalog,
      options: options,
      clock: clock
    )
    try context.checkDeadline()
    let asked = request.range
    var request = request
    request.range = request.kept(request.range)
    var answer = RangeAnswer(grid: request.grid, precision: request.precision)
    answer.format = request.format
    if tenant != nil {
      let selection = try Selection(request, catalog, &context)
      let views = try selection.views(from: views, in: request.range)
      request.warnOfHiddenRollups(asked, selection.fields.first?.measurement, views, &context)
      request.warnOfUnread(views, &context)
      if let grid = request.grid {
        let query = StepQuery(
          request: request,
          grid: grid,
          selection: selection,
          views: views,
          helpers: helpers
        )
        try query.run(into: &answer, &context)
      } else {
        let query = RawQuery(
          request: request,
          selection: selection,
          views: views,
          helpers: helpers
        )
        try query.run(into: &answer, &context)
      }
    }
    context.finish(&answer)
    return answer
  }
}

extension RangeRequest {
  /// Says so when rows may be asked for that lie in blocks which cannot be opened now.
  func warnOfUnread(_ views: [PartitionView?], _ context: inout QueryContext) {
    for view in views {
      for block in view?.unread ?? []
      where block.identity.tenant == context.tenant && block.meets(range) {
        context.warn(
          "\(block.fileName): the block cannot be read now; rows of it may be missing"
        )
      }
    }
  }
}
