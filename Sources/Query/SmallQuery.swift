internal import Catalog
public import Model
public import Platform

/// Which requests are answered within a moment, so that handing them to another thread would cost
/// more than answering them: few series, minute windows, few values.
///
/// What is not known beforehand ends such a query when it shows: rows that no window stands for,
/// rollups, the cold store.
public enum SmallQuery {
  /// What a request may be thought to take.
  public static let nanosecondsMax: UInt64 = 700_000

  /// Series at most; their number is known before any is looked at.
  private static let seriesCountMax = 64
  // What is reckoned with, well above what is measured: a series' section of an hour, a window, a
  // number and its text, a series beside them.
  private static let nanosecondsPerHour = 3_500
  private static let nanosecondsPerWindow = 50
  private static let nanosecondsPerValue = 30
  private static let nanosecondsPerSeries = 4_000
  /// Cells of a series that may have to be decoded where the ring has no windows.
  private static let cellCountMax = 20_000

  /// Answers a request on the calling thread if that is surely quick.
  ///
  /// - Parameters:
  ///   - views: throws where a view is not there at once.
  ///   - options: with a deadline, which is looked at before every series.
  /// - Returns: `nil` for a request that is not small, takes longer or cannot be answered:
  ///   ``RangeQuery`` then tells why.
  public static func run(
    _ request: RangeRequest,
    tenant: TenantID,
    catalog: some QueryCatalog,
    views: some ViewProvider,
    clock: any Clock,
    options: QueryOptions
  ) -> RangeAnswer? {
    guard let grid = request.grid, grid.step % Nanoseconds.perMinute == 0,
      case .named(let names) = request.fields, request.conditions.isEmpty
    else { return nil }
    let count = Selection.seriesCountMax(request, catalog, tenant: tenant)
    guard count <= seriesCountMax,
      isSmall(request, grid, seriesCount: count, fieldCount: names.count)
    else { return nil }
    var options = options
    options.cellCountMax = cellCountMax
    return try? RangeQuery.run(
      request,
      tenant: tenant,
      catalog: catalog,
      views: views,
      clock: clock,
      options: options
    )
  }

  private static func isSmall(
    _ request: RangeRequest,
    _ grid: StepGrid,
    seriesCount: Int,
    fieldCount: Int
  ) -> Bool {
    // Buckets are at most so many that nothing here can overflow.
    let minutes = Int(clamping: (grid.range.end - grid.range.start) / Nanoseconds.perMinute)
    guard minutes <= 1 << 20, fieldCount <= 1 << 10 else { return false }
    let hours = minutes / 60 + 2
    let columns = seriesCount * fieldCount
    let values = columns * grid.count * (request.aggregates.count + 1)
    let cost =
      seriesCount * (nanosecondsPerSeries + hours * nanosecondsPerHour)
      + columns * minutes * nanosecondsPerWindow + values * nanosecondsPerValue
    return cost <= Int(nanosecondsMax)
  }
}
