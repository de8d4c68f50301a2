internal import Model

/// Where the newest record of each series of one minute lies: 8 bytes a series, sorted by series.
///
/// A value: a snapshot keeps the array of its time, and publishing copies only touched minutes.
struct MinuteIndex: Sendable {
  private(set) var entries: [IndexEntry] = []

  init() {}

  init(_ entries: [IndexEntry]) { self.entries = entries }

  /// - Complexity: O(log series).
  func entry(of series: SeriesID) -> IndexEntry? { IndexEntry.find(series, in: entries) }

  /// Takes over newer entries, which replace those of the same series.
  ///
  /// - Complexity: O(series of the minute).
  mutating func merge(_ newer: PendingIndex) {
    entries = IndexEntry.merged(entries, newer.entries)
  }
}

/// One series' record of a minute: `series << 32 | offset / 8`; offset 0 stands for a damaged one.
struct IndexEntry: Sendable {
  private let rawValue: UInt64

  /// - Parameter offset: in the slot; a multiple of 8, `nil` for a damaged record.
  init(_ series: SeriesID, offset: Int?) {
    let place = (offset ?? 0) / SlotLayout.alignment
    rawValue = UInt64(series.rawValue) << 32 | UInt64(UInt32(place))
  }

  var series: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
  var offset: Int? {
    let place = Int(rawValue & 0xffff_ffff)
    return place == 0 ? nil : place * SlotLayout.alignment
  }

  static func find(_ series: SeriesID, in entries: [IndexEntry]) -> IndexEntry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].series < series.rawValue { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count, entries[low].series == series.rawValue else { return nil }
    return entries[low]
  }

  /// The same where lookups ascend.
  ///
  /// - Parameter place: where the last lookup ended; moved on.
  static func find(
    _ series: SeriesID,
    in entries: [IndexEntry],
    from place: inout Int
  ) -> IndexEntry? {
    var low = place
    var high = entries.count
    if low > high || low > 0 && entries[low - 1].series >= series.rawValue { low = 0 }
    // A few steps, then halves.
    while low < high, low < place + 8 {
      if entries[low].series >= series.rawValue { high = low } else { low += 1 }
    }
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].series < series.rawValue { low = middle + 1 } else { high = middle }
    }
    place = low
    guard low < entries.count, entries[low].series == series.rawValue else { return nil }
    return entries[low]
  }

  /// Both, sorted; of a series that is in both, the entry of `newer`.
  static func merged(_ older: [IndexEntry], _ newer: [IndexEntry]) -> [IndexEntry] {
    guard let first = newer.first else { return older }
    guard let last = older.last, last.series >= first.series else { return older + newer }
    var result: [IndexEntry] = []
    result.reserveCapacity(older.count + newer.count)
    var index = 0
    for entry in newer {
      while index < older.count, older[index].series < entry.series {
        result.append(older[index])
        index += 1
      }
      if index < older.count, older[index].series == entry.series { index += 1 }
      result.append(entry)
    }
    result.append(contentsOf: older[index...])
    return result
  }
}

/// Entries of one minute that no snapshot has yet, in the order in which they were appended.
///
/// Kept as sorted runs, because a cut goes through the series of a tenant in order: one run a
/// tenant at most, and runs of similar length are merged as they come.
struct PendingIndex: Sendable {
  private var runs: [[IndexEntry]] = []

  var isEmpty: Bool { runs.isEmpty }

  /// All entries, sorted; of a series the newest.
  var entries: [IndexEntry] {
    runs.dropLast().reversed().reduce(runs.last ?? []) { IndexEntry.merged($1, $0) }
  }

  /// - Complexity: O(1) in order of series, else O(log entries) on average.
  mutating func insert(_ entry: IndexEntry) {
    let last = runs.count - 1
    guard last >= 0, let end = runs[last].last else {
      runs.append([entry])
      return
    }
    if entry.series > end.series {
      runs[last].append(entry)
    } else if entry.series == end.series {
      runs[last][runs[last].count - 1] = entry
    } else {
      settle()
      runs.append([entry])
    }
  }

  /// Merges runs until each is at least twice as long as the next, so that there are few.
  private mutating func settle() {
    while runs.count >= 2, runs[runs.count - 2].count < 2 * runs[runs.count - 1].count {
      let newer = runs.removeLast()
      runs[runs.count - 1] = IndexEntry.merged(runs[runs.count - 1], newer)
    }
  }

  /// The newest entry of a series.
  func entry(of series: SeriesID) -> IndexEntry? {
    for run in runs.reversed() {
      if let entry = IndexEntry.find(series, in: run) { return entry }
    }
    return nil
  }
}
