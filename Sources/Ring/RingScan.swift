public import Model
internal import Platform

/// Looks up one series after another in a snapshot. Made for series that ascend: then every index
/// is gone through once, and frozen files are read from front to back. One thread.
///
/// Answers what ``RingSnapshot`` answers.
public final class RingScan {
  private struct Hour {
    let layered: LayeredHour
    let file: ForwardFile?
    /// Where the last lookups ended: in the frozen file's index, and by layer and minute.
    var frozenPlace = 0
    var places: [Int] = []

    init(_ layered: LayeredHour) {
      self.layered = layered
      file = layered.frozen.map { ForwardFile($0.file) }
    }
  }

  private var hours: [Hour]
  /// Where the last hour that was asked for stands.
  private var latest = 0

  public let coveredHours: [Int64]

  public init(_ snapshot: RingSnapshot) {
    hours = snapshot.hours.map(Hour.init)
    coveredHours = snapshot.coveredHours
  }

  /// As ``RingSnapshot/record(series:minute:)``.
  public func record(series: SeriesID, minute: Int64) -> RingLookup {
    guard minute >= 0, let hour = index(of: SlotLayout.hour(ofMinute: minute)),
      hours[hour].layered.isCovered
    else { return .damaged }
    let layers = hours[hour].layered.layers
    let minutesPerHour = Int(SlotLayout.minutesPerHour)
    if hours[hour].places.isEmpty {
      hours[hour].places = Array(repeating: 0, count: layers.count * minutesPerHour)
    }
    for layer in layers.indices.reversed() {
      let minuteIndex = layers[layer].index(ofMinute: minute)
      let found = IndexEntry.find(
        series,
        in: layers[layer].minutes[minuteIndex].entries,
        from: &hours[hour].places[layer * minutesPerHour + minuteIndex]
      )
      if let found { return layers[layer].record(found, series: series, minute: minute) }
    }
    return hours[hour].layered.beneath(series)
  }

  /// As ``RingSnapshot/frozen(series:hour:)``.
  public func frozen(series: SeriesID, hour: Int64) -> FrozenLookup {
    guard let index = index(of: hour), hours[index].layered.isCovered else { return .damaged }
    guard let frozen = hours[index].layered.frozen else { return .open }
    guard let entry = frozen.entry(of: series, from: &hours[index].frozenPlace) else {
      return .absent
    }
    guard entry.headByteCount > 0,
      let section = FrozenSection(frozen, entry, through: hours[index].file)
    else { return .damaged }
    return .found(section)
  }

  /// As ``RingSnapshot/patches(series:hour:)``.
  public func patches(series: SeriesID, hour: Int64) -> UInt64 {
    guard let index = index(of: hour), hours[index].layered.frozen != nil,
      !hours[index].layered.layers.isEmpty
    else { return 0 }
    return hours[index].layered.minutes(of: series)
  }

  private func index(of hour: Int64) -> Int? {
    if latest < hours.count, hours[latest].layered.hour == hour { return latest }
    if latest + 1 < hours.count, hours[latest + 1].layered.hour == hour {
      latest += 1
      return latest
    }
    guard let found = hours.firstIndex(where: { $0.layered.hour == hour }) else { return nil }
    latest = found
    return found
  }
}

extension FrozenHour {
  /// The same where lookups ascend.
  ///
  /// - Parameter place: where the last lookup ended; moved on.
  func entry(of series: SeriesID, from place: inout Int) -> FrozenEntry? {
    let next = place + 1
    if next < entries.count, entries[next].series == series.rawValue {
      place = next
      return entries[next]
    }
    if place < entries.count, entries[place].series == series.rawValue { return entries[place] }
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].series < series.rawValue { low = middle + 1 } else { high = middle }
    }
    guard low < entries.count else { return nil }
    place = low
    return entries[low].series == series.rawValue ? entries[low] : nil
  }
}
