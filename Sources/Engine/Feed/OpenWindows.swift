internal import Model
internal import Query

/// The open windows that the feed tells of, so that each row is folded into them once. Bounded:
/// what has no room is folded whole whenever it is told of.
struct OpenWindows {
  private static let byteCountMax = 64 << 20

  private struct Key: Hashable {
    var series: UInt32
    var minute: Int64
  }

  private struct Entry {
    var window: OpenWindow
    /// The rows that are in it.
    var seen: StoreView.Seen
  }

  private var entries: [Key: Entry] = [:]
  private var byteCount = 0

  /// The window of `pair`, every aggregate of `fields`.
  ///
  /// Cost: of a window that is known, about what decoding these fields of its new rows takes.
  mutating func answer(
    _ pair: FeedPair,
    of series: SeriesDefinition,
    in partition: PartitionID,
    fields: [FieldDefinition],
    view: StoreView,
    query: inout WindowQuery
  ) throws(QueryError) -> RangeAnswer {
    let known = take(pair)
    if pair.kind != .restated, var known, known.window.fields.map(\.id) == fields.map(\.id),
      let rows = view.rows(of: series.id, since: known.seen, fields: fields, known.window.range)
    {
      known.window.add(rows.batches)
      known.seen = rows.seen
      if pair.kind == .open { keep(known, pair) }
      return known.window.answer()
    }
    let window = try query.open(
      of: series,
      in: partition,
      minute: pair.minute,
      fields: fields,
      view: view.partitionView
    )
    if pair.kind == .open { keep(Entry(window: window, seen: view.seen(of: series.id)), pair) }
    return window.answer()
  }

  private mutating func take(_ pair: FeedPair) -> Entry? {
    let entry = entries.removeValue(forKey: Key(series: pair.series, minute: pair.minute))
    byteCount -= entry?.window.byteCount ?? 0
    return entry
  }

  private mutating func keep(_ entry: Entry, _ pair: FeedPair) {
    if byteCount + entry.window.byteCount > Self.byteCountMax {
      // Those whose readers have left.
      for key in entries.keys where key.minute < pair.minute {
        byteCount -= entries.removeValue(forKey: key)?.window.byteCount ?? 0
      }
    }
    guard byteCount + entry.window.byteCount <= Self.byteCountMax else { return }
    byteCount += entry.window.byteCount
    entries[Key(series: pair.series, minute: pair.minute)] = entry
  }
}
