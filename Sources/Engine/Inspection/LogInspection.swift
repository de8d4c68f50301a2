public import Catalog
public import Model
public import Platform
public import Queue

/// Looks into the queue of a data directory, stopped or live, without changing it: what is in the
/// log, by topic and row by row, and what comes next. One thread at a time.
public final class LogInspection {
  /// One row of the log with its names.
  public struct Row {
    public var tenant: TenantID
    public var partition: PartitionID
    public var offset: Offset
    /// When the batch arrived.
    public var arrival: Timestamp
    public var series: SeriesDefinition
    /// The row alone.
    public var values: AlignedRows
  }

  /// What one topic, a tenant's measurement, has in the log.
  public struct Topic: Sendable {
    public var tenant: TenantID
    public var measurement: MeasurementID
    public var rowCount = 0
    public var pointCount = 0
    /// Bytes of its rows; heads of batches apart.
    public var byteCount = 0
    public var firstArrival = Timestamp.max
    public var lastArrival = Timestamp.min
  }

  public let directory: DataDirectory
  public let partitionCount: Int
  private let disk: any Disk
  public private(set) var catalog: Catalog
  private var tables: [LayoutTable]
  private var decoderTables: [PartitionLayouts]
  private var fields: [FieldID: FieldDefinition] = [:]
  private var follower: LogFollower
  /// Rows whose names nobody knows, or that do not decode.
  public private(set) var unreadableRowCount = 0

  public init(disk: any Disk, path: String) throws(EngineError) {
    self.disk = disk
    directory = DataDirectory(path)
    partitionCount = try directory.readIdentity(disk).partitionCount
    catalog = try Self.readCatalog(disk, directory, partitionCount)
    tables = (0..<partitionCount).map { LayoutTable(partition: PartitionID(UInt16($0))) }
    decoderTables = (0..<partitionCount).map {
      PartitionLayouts(partition: PartitionID(UInt16($0)))
    }
    follower = LogFollower(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount
    )
    learn()
  }

  private static func readCatalog(
    _ disk: any Disk,
    _ directory: DataDirectory,
    _ partitionCount: Int
  ) throws(EngineError) -> Catalog {
    try wrap { () throws(SystemError) in
      try Catalog.read(
        disk: disk,
        directory: directory.catalog,
        partitionCount: partitionCount
      ).catalog
    }
  }

  private func learn() {
    var ledger = LedgerBook([])
    for index in 0..<partitionCount {
      catalog.refresh(&tables[index])
      decoderTables[index].refresh(from: catalog, ledger: &ledger)
    }
  }

  /// Reads the names again when a batch knows more of them than were read.
  private func learnUp(to version: UInt64) {
    guard version > catalog.version,
      let newer = try? Self.readCatalog(disk, directory, partitionCount),
      newer.version > catalog.version
    else { return }
    catalog = newer
    for index in 0..<partitionCount {
      tables[index] = LayoutTable(partition: PartitionID(UInt16(index)))
      decoderTables[index] = PartitionLayouts(partition: PartitionID(UInt16(index)))
    }
    fields = [:]
    learn()
  }

  /// The segments, oldest first.
  public func segments() throws(EngineError) -> [SegmentSummary] {
    let reader = LogReader(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount
    )
    return try wrap { () throws(SystemError) in try reader.segments() }
  }

  /// Gives every batch of the log, or of one segment, to `body` once more.
  ///
  /// - Returns: damage on the way.
  public func forEachBatch(
    ofSegment sequence: UInt64? = nil,
    progress: (_ sequence: UInt64, _ byteCount: Int) -> Void = { _, _ in },
    _ body: (_ header: BatchHeader, _ sequence: UInt64, _ position: Int) -> Void
  ) throws(EngineError) -> [Damage] {
    var follower = LogFollower(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount,
      from: sequence ?? 1
    )
    return try wrap { () throws(SystemError) in
      try follower.read(
        progress: progress,
        where: { sequence == nil || $0 == sequence },
        body: { batch, sequence, position in body(batch.header, sequence, position) }
      )
    }
  }

  // MARK: Topics

  /// What each topic has in the log, of batches that arrived at `since` or later.
  public func topics(
    since: Timestamp = .min,
    progress: (_ sequence: UInt64, _ byteCount: Int) -> Void = { _, _ in }
  ) throws(EngineError) -> (topics: [Topic], damages: [Damage]) {
    var topics: [MeasurementID: Topic] = [:]
    var follower = LogFollower(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount
    )
    let damages = try wrap { () throws(SystemError) in
      try follower.read(progress: progress) { batch, _, _ in
        if batch.header.kind == .rows, batch.header.arrival >= since { count(batch, &topics) }
      }
    }
    let sorted = topics.values.sorted {
      ($0.tenant, $0.measurement) < ($1.tenant, $1.measurement)
    }
    return (sorted, damages)
  }

  private func count(_ batch: RowBatch, _ topics: inout [MeasurementID: Topic]) {
    learnUp(to: batch.header.registryVersion)
    let table = decoderTables[Int(batch.header.partition.rawValue)]
    var reader = unsafe RowReader(batch)
    while let (head, payload) = unsafe reader.next() {
      let index = Int(head.layout.rawValue)
      guard index < table.infos.count, let layout = table.infos[index] else {
        unreadableRowCount += 1
        continue
      }
      var topic =
        topics[layout.measurement]
        ?? Topic(tenant: layout.tenant, measurement: layout.measurement)
      topic.rowCount += 1
      topic.pointCount += layout.width
      topic.byteCount += payload.count + 2
      topic.firstArrival = min(topic.firstArrival, batch.header.arrival)
      topic.lastArrival = max(topic.lastArrival, batch.header.arrival)
      topics[layout.measurement] = topic
    }
    if unsafe reader.isDamaged { unreadableRowCount += 1 }
  }

  // MARK: Rows

  /// Gives the batches that are there and were not given yet to `body`.
  ///
  /// - Returns: damage on the way.
  public func follow(
    progress: (_ sequence: UInt64, _ byteCount: Int) -> Void = { _, _ in },
    _ body: (RowBatch) -> Void
  ) throws(EngineError) -> [Damage] {
    try wrap { () throws(SystemError) in
      try follower.read(progress: progress) { batch, _, _ in body(batch) }
    }
  }

  /// Gives every batch of rows that the log holds to `body`, in its order.
  ///
  /// - Returns: damage on the way.
  func forEachRowBatch(_ body: (RowBatch) -> Void) throws(EngineError) -> [Damage] {
    try forEachChange(rows: body, deletes: { _ in })
  }

  /// Gives every batch of rows and every delete that the log holds, in its order.
  ///
  /// - Returns: damage on the way.
  func forEachChange(
    rows: (RowBatch) -> Void,
    deletes: (RowBatch) -> Void
  ) throws(EngineError) -> [Damage] {
    var follower = LogFollower(
      disk: disk,
      directory: directory.queue,
      partitionCount: partitionCount
    )
    return try wrap { () throws(SystemError) in
      try follower.read { batch, _, _ in
        switch batch.header.kind {
        case .rows: rows(batch)
        case .delete: deletes(batch)
        case .refusals: break
        }
      }
    }
  }

  /// How many rows of a batch `isWanted` takes, without decoding them.
  public func rowCount(
    of batch: RowBatch,
    where isWanted: (TenantID, MeasurementID) -> Bool
  ) -> Int {
    guard batch.header.kind == .rows else { return 0 }
    learnUp(to: batch.header.registryVersion)
    let table = tables[Int(batch.header.partition.rawValue)]
    var reader = unsafe RowReader(batch)
    var count = 0
    while let (head, _) = unsafe reader.next() {
      if let layout = table[head.layout], isWanted(layout.tenant, layout.measurement) { count += 1 }
    }
    return count
  }

  /// The rows of a batch that `isWanted` takes, in order of their arrival.
  public func rows(
    of batch: RowBatch,
    where isWanted: (TenantID, MeasurementID) -> Bool
  ) -> [Row] {
    guard batch.header.kind == .rows else { return [] }
    learnUp(to: batch.header.registryVersion)
    let table = decoderTables[Int(batch.header.partition.rawValue)]
    let generation = Generation(start: batch.header.offset)
    generation.apply(batch, table: table, at: 0)
    unreadableRowCount += generation.unreadableRowCount
    let arena = generation.arena.reader()
    // Rows that are not decoded yet point into it.
    defer { withExtendedLifetime(arena) {} }
    let decoder = RowDecoder(catalog: catalog)
    var rows: [(sequence: UInt64, row: Row)] = []
    for index in generation.layouts {
      guard let layout = table.infos[index], isWanted(layout.tenant, layout.measurement),
        let series = catalog.series(layout.series)
      else { continue }
      var references: [RowReference] = []
      arena.collect(generation.runs[index], index: 0, into: &references)
      for reference in references {
        let columns = decoder.columns(of: layout, rows: [reference])
        let row = Row(
          tenant: layout.tenant,
          partition: batch.header.partition,
          offset: batch.header.offset,
          arrival: batch.header.arrival,
          series: series,
          values: AlignedRows([columns]) { field($0, $1) }
        )
        rows.append((reference.sequence, row))
      }
    }
    return rows.sorted { $0.sequence < $1.sequence }.map(\.row)
  }

  private func field(_ id: FieldID, _ type: ColumnType) -> FieldDefinition {
    if let known = fields[id] { return known }
    let found = catalog.fieldOrLost(id, type: type)
    fields[id] = found
    return found
  }

  // MARK: Dead letters

  /// The newest refused lines, newest first.
  public func deadLetters(
    countMax: Int,
    tenant: TenantID? = nil
  ) throws(EngineError) -> [DeadLetter] {
    let log = DeadLetterLog(disk: disk, directory: directory.deadLetters)
    return try wrap { () throws(SystemError) in
      try log.newest(countMax: countMax, tenant: tenant)
    }
  }
}
