internal import Model

/// One hour as a snapshot has it: files that lie on top of each other. Of a series' minute the
/// record of the uppermost file counts; what no record says the frozen file says.
struct LayeredHour: Sendable {
  let hour: Int64
  let frozen: FrozenHour?
  /// The slot, unless the hour is frozen, then patches; each on top of those before it.
  let layers: [HourView]
  /// Whether every sealed row of the hour is in one of the files.
  let isCovered: Bool

  func record(series: SeriesID, minute: Int64) -> RingLookup {
    for layer in layers.reversed() {
      let lookup = layer.record(series: series, minute: minute)
      if case .absent = lookup { continue }
      return lookup
    }
    return beneath(series)
  }

  /// What the frozen file says of a minute that has no record.
  func beneath(_ series: SeriesID) -> RingLookup {
    guard let frozen else { return .absent }
    return frozen.holds(series) ? .damaged : .absent
  }

  /// A bit for each minute of the hour that has a record.
  func minutes(of series: SeriesID) -> UInt64 {
    var result: UInt64 = 0
    for layer in layers { result |= layer.minutes(of: series) }
    return result
  }

  var byteCount: Int {
    layers.reduce(Int(frozen?.progress.byteCount ?? 0)) { $0 + $1.byteCount }
  }
}

extension HourView {
  var recordCount: Int { minutes.reduce(0) { $0 + $1.entries.count } }

  /// A bit for each minute of the hour that has a record of a series, damaged ones among them.
  func minutes(of series: SeriesID) -> UInt64 {
    var result: UInt64 = 0
    for (index, minute) in minutes.enumerated() where minute.entry(of: series) != nil {
      result |= 1 << UInt64(index)
    }
    return result
  }
}
