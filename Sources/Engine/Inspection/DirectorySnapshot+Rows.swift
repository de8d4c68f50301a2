internal import Blocks
public import Catalog
public import Model

extension DirectorySnapshot {
  /// Cells that a piece of rows has at most, as far as groups allow: 4 MiB of them.
  public static let cellCountMax = 1 << 19
  /// A piece of so many cells ends before a group that begins behind all others: rows of one group
  /// need no alignment.
  private static let cellCountWanted = 1 << 12

  /// The tenants of the directory, ascending by name.
  public var tenants: [TenantDefinition] {
    catalog.tenants().sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// The measurements of a tenant, ascending by name.
  public func measurements(of tenant: TenantID) -> [MeasurementDefinition] {
    catalog.measurements(of: tenant).sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  /// The series of a measurement that `isWanted` takes, in an order that depends on nothing but
  /// their tags.
  public func series(
    of measurement: MeasurementID,
    where isWanted: ([Tag]) -> Bool = { _ in true }
  ) -> [SeriesDefinition] {
    catalog.series(catalog.series(measurement: measurement))
      .compactMap { $0 }
      .filter { isWanted($0.tags) }
      .sorted { $0.tags.lexicographicallyPrecedes($1.tags) }
  }

  /// Where some rows lie and how many cells they make.
  struct Place {
    var first: Timestamp
    var last: Timestamp
    var cellCount: Int
    /// `nil` stands for open rows.
    var group: (block: BlockReader, entry: ChunkGroupEntry)?
  }

  /// Gives the rows of a series in `range` to `body`, in pieces of ascending time of about
  /// ``cellCountMax`` cells. Two pieces share no timestamp.
  ///
  /// A group that cannot be read is left out and added to ``findings``.
  ///
  /// - Parameters:
  ///   - fields: `nil` is all of them; rows without any of them are left out.
  ///   - unit: pieces begin at multiples of so many nanoseconds.
  public func forEachPiece<Failure: Error>(
    of series: SeriesDefinition,
    fields: Set<FieldID>? = nil,
    in range: TimeRange,
    alignedTo unit: Int64 = 1,
    _ body: (AlignedRows) throws(Failure) -> Void
  ) throws(Failure) {
    guard let partition = catalog.partition(of: series.id).map({ partitions[Int($0.rawValue)] })
    else { return }
    let places = places(of: series, in: partition, range, fields?.count)
    for slice in slices(of: places, in: range, alignedTo: unit) {
      var batches: [ColumnBatch] = []
      for place in places where slice.meets(first: place.first, last: place.last) {
        guard let (block, entry) = place.group else { continue }
        do throws(BlockError) {
          batches.append(try block.read(entry, fields: fields.map(Array.init), range: slice))
        } catch {
          miss(error, block, entry)
        }
      }
      batches += partition.openRows(of: series.id, fields: fields, in: slice, decoder)
      batches.removeAll { $0.columns.isEmpty }
      let rows = AlignedRows(batches) { field($0, type: $1) }
      if !rows.timestamps.isEmpty { try body(rows) }
    }
  }

  func places(
    of series: SeriesDefinition,
    in partition: SnapshotPartition,
    _ range: TimeRange,
    _ fieldCount: Int?
  ) -> [Place] {
    var places: [Place] = []
    for block in partition.blocks
    where block.summary.identity.tenant == series.tenant && block.summary.meets(range) {
      let known = block.damages.count
      do throws(BlockError) {
        for entry in try block.groups(series: series.id)
        where range.meets(first: entry.firstTimestamp, last: entry.lastTimestamp) {
          let width = min(width(of: entry.fieldSet), fieldCount ?? .max)
          places.append(
            Place(
              first: entry.firstTimestamp,
              last: entry.lastTimestamp,
              cellCount: entry.rowCount * max(1, width),
              group: (block, entry)
            )
          )
        }
      } catch {
        refusedTimes.append(block.summary.times)
        let damage = Damage(
          severity: .unreadable,
          path: block.path,
          offset: 0,
          byteCount: 0,
          what: error.text,
          range: "series \(series.id.rawValue)"
        )
        miss(damage, range)
      }
      note(block.damages.dropFirst(known))
    }
    for (layout, run) in partition.openRuns(of: series.id)
    where range.meets(first: run.oldest, last: run.newest) {
      places.append(
        Place(
          first: run.oldest,
          last: run.newest,
          cellCount: Int(run.rowCount) * min(layout.width, fieldCount ?? .max)
        )
      )
    }
    return places
  }

  private func width(of set: FieldSetID) -> Int {
    if let known = widthCache[set] { return known }
    let width = catalog.fieldSet(set)?.fields.count ?? 1
    widthCache[set] = width
    return width
  }

  /// Parts of `range` that begin where groups do, so that few groups are read twice: between two
  /// groups where the times of none lie across, else where there are enough cells.
  private func slices(
    of places: [Place],
    in range: TimeRange,
    alignedTo unit: Int64
  ) -> [TimeRange] {
    let sorted = places.sorted { $0.first < $1.first }
    guard var start = sorted.first.map({ max(range.start, $0.first) }) else { return [] }
    var slices: [TimeRange] = []
    var cellCount = 0
    var last = Timestamp.min
    for place in sorted {
      let first = place.first - place.first % unit
      let isEnough =
        first > last
        ? cellCount >= Self.cellCountWanted
        : cellCount > 0 && cellCount + place.cellCount > Self.cellCountMax
      if isEnough, first > start {
        slices.append(TimeRange(start: start, end: first))
        start = first
        cellCount = 0
      }
      cellCount += place.cellCount
      last = max(last, place.last)
    }
    slices.append(TimeRange(start: start, end: range.end))
    return slices
  }

  private func miss(_ error: BlockError, _ block: BlockReader, _ entry: ChunkGroupEntry) {
    let (end, isEndless) = entry.lastTimestamp.addingReportingOverflow(1)
    let times = TimeRange(start: entry.firstTimestamp, end: isEndless ? .max : end)
    if error.isRefusal { refusedTimes.append(times) }
    let damage = Damage(
      severity: error.isRefusal ? .unreadable : .damage,
      path: block.path,
      offset: entry.offset,
      byteCount: entry.byteCount,
      what: error.text,
      range: "series \(entry.series.rawValue), \(entry.rowCount) rows, "
        + "\(entry.firstTimestamp) ... \(entry.lastTimestamp)"
    )
    miss(damage, times)
  }
}

// MARK: Contents

extension DirectorySnapshot {
  public func seriesCount(of measurement: MeasurementID) -> Int {
    catalog.series(measurement: measurement).count
  }

  public func fields(of measurement: MeasurementID) -> [FieldDefinition] {
    catalog.fields(of: measurement)
  }

  /// The fields of which a series has rows in `range`; none when it has no rows there.
  ///
  /// - Complexity: a look at the index of each block; groups that lie across an end of the range
  ///   have their timestamps decoded.
  public func fields(of series: SeriesDefinition, in range: TimeRange) -> Set<FieldID> {
    guard let partition = catalog.partition(of: series.id).map({ partitions[Int($0.rawValue)] })
    else { return [] }
    var sets: Set<FieldSetID> = []
    for block in partition.blocks
    where block.summary.identity.tenant == series.tenant && block.summary.meets(range) {
      for entry in (try? block.groups(series: series.id)) ?? [] where !sets.contains(entry.fieldSet)
      {
        let isInside = range.contains(entry.firstTimestamp) || range.contains(entry.lastTimestamp)
        let spansRange = entry.firstTimestamp < range.start && entry.lastTimestamp >= range.end
        let rows = spansRange ? try? block.read(entry, fields: [], range: range) : nil
        if isInside || rows?.timestamps.isEmpty == false { sets.insert(entry.fieldSet) }
      }
    }
    var fields = Set(sets.flatMap { catalog.fieldSet($0)?.fields ?? [] })
    for batch in partition.openRows(of: series.id, fields: nil, in: range, decoder) {
      fields.formUnion(batch.columns.map(\.field))
    }
    return fields
  }
}

extension BlockSummary {
  /// From the first row to the last.
  var times: TimeRange {
    let (end, isEndless) = lastTimestamp.addingReportingOverflow(1)
    return TimeRange(start: firstTimestamp, end: isEndless ? .max : end)
  }
}
