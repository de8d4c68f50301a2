internal import Model

/// One hour as a snapshot has it: what was committed when it was published.
struct HourView: Sendable {
  let hour: Int64
  /// Whether every sealed row of the hour is in its records.
  var isCovered: Bool
  /// Bytes that hold committed records and the header.
  var byteCount: Int
  /// By minute of the hour.
  var minutes: [MinuteIndex]
  /// Ascending by start; they keep the slot mapped.
  var extents: [SlotExtent]

  init(hour: Int64, isCovered: Bool) {
    self.hour = hour
    self.isCovered = isCovered
    byteCount = 0
    minutes = Array(repeating: MinuteIndex(), count: Int(SlotLayout.minutesPerHour))
    extents = []
  }

  /// The minute's place in ``minutes``.
  func index(ofMinute minute: Int64) -> Int { Int(minute - hour * SlotLayout.minutesPerHour) }

  func record(series: SeriesID, minute: Int64) -> RingLookup {
    guard let entry = minutes[index(ofMinute: minute)].entry(of: series) else { return .absent }
    return record(entry, series: series, minute: minute)
  }

  /// Reads the record that an entry points to.
  func record(_ entry: IndexEntry, series: SeriesID, minute: Int64) -> RingLookup {
    guard let offset = entry.offset, let extent = extent(at: offset),
      let record = extent.record(at: offset, series: series, minute: minute)
    else { return .damaged }
    return .found(record)
  }

  /// The extent that holds the record at `offset` whole: the last one that begins before it.
  private func extent(at offset: Int) -> SlotExtent? {
    var low = 0
    var high = extents.count
    while low < high {
      let middle = (low + high) / 2
      if extents[middle].start <= offset { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : extents[low - 1]
  }
}
