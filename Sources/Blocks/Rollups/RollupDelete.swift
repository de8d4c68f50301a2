internal import Bytes
public import Model

/// A delete that acts on rollups until its days are folded again (docs/format/manifest.md, "deletes
/// of rollups"). Where raw rows are left they answer until then; where they are gone, windows that
/// lie in its range whole are left out.
///
///     | tenant: varint | body of the delete |
public struct RollupDelete: Hashable, Sendable {
  public var tenant: TenantID
  public var record: DeleteRecord

  public init(tenant: TenantID, record: DeleteRecord) {
    self.tenant = tenant
    self.record = record
  }
}

extension RollupState {
  /// Notes a delete of rows: the days of its range are folded again.
  public mutating func delete(_ record: DeleteRecord, of tenant: TenantID, cut: UInt64) {
    guard !record.range.isEmpty else { return }
    note([(record.range.start, record.range.end - 1)], cut: cut)
    deletes.append(RollupDelete(tenant: tenant, record: record))
    forgetDeletes()
    // The log repeats it after a crash.
    if let last = deletes.last, deletes.dropLast().contains(last) { deletes.removeLast() }
  }

  /// Forgets deletes as far as their days have been folded again: windows of what came later are
  /// not theirs.
  public mutating func forgetDeletes() {
    guard !deletes.isEmpty else { return }
    let perDay = RollupUnit.nanosecondsPerDay
    let days = changed.keys.sorted()
    deletes = deletes.compactMap { delete in
      let range = delete.record.range
      let left = days.filter { $0 * perDay < range.end && range.start < ($0 + 1) * perDay }
      guard let first = left.first, let last = left.last else { return nil }
      var delete = delete
      delete.record.range = TimeRange(
        start: max(range.start, first * perDay),
        end: min(range.end, (last + 1) * perDay)
      )
      return delete
    }
  }

  /// The times of which windows of a series are deleted, on days that have changed.
  public func deletedRanges(of series: SeriesID, _ tenant: TenantID) -> [TimeRange] {
    guard !deletes.isEmpty else { return [] }
    return deletes.filter { $0.tenant == tenant && $0.record.contains(series) }
      .map(\.record.range)
  }

  /// Whether a window is deleted.
  ///
  /// - Parameters:
  ///   - number: since the epoch, in `unit`.
  ///   - ranges: of its series, as ``deletedRanges(of:_:)`` gives them.
  public func isDeleted(_ number: Int64, _ unit: RollupUnit, by ranges: [TimeRange]) -> Bool {
    guard !ranges.isEmpty else { return false }
    let start = number * unit.nanoseconds
    guard changed[start / RollupUnit.nanosecondsPerDay] != nil else { return false }
    return ranges.contains { $0.start <= start && start + unit.nanoseconds <= $0.end }
  }

  // MARK: Coding

  func writeDeletes(into buffer: inout OutputBuffer) {
    buffer.writeVarint(UInt64(deletes.count))
    for delete in deletes {
      buffer.writeVarint(UInt64(delete.tenant.rawValue))
      var writer = ByteWriter(reserving: 32 + 5 * delete.record.series.count)
      DeleteCodec.encode(delete.record, into: &writer)
      let bytes = writer.bytes
      buffer.writeBytes(bytes.span)
    }
  }

  /// - Returns: `false` when the bytes end early or hold what the writer never produces.
  mutating func readDeletes(_ reader: inout ByteReader) -> Bool {
    guard let count = reader.readVarint(), count >= 1, count <= UInt64(reader.remaining) else {
      return false
    }
    for _ in 0..<count {
      guard let tenant = reader.readVarint().flatMap(UInt32.init(exactly:)),
        let record = DeleteCodec.decode(&reader)
      else { return false }
      deletes.append(RollupDelete(tenant: TenantID(tenant), record: record))
    }
    return true
  }
}
