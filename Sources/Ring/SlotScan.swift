internal import Bytes
internal import Model
internal import Platform

/// The committed bytes of a slot, read and checked from its first to its last record.
///
/// Reads with ``ReadableFile``, not through a mapping: a sector that cannot be read is an error
/// here, and would be a signal there.
struct SlotScan {
  /// What was found, damage included.
  private(set) var view: HourView
  private(set) var damages: [Damage] = []
  /// Minutes whose newest record is damaged.
  private(set) var damagedMinutes: [RingRecovery.DamagedMinute] = []

  private static let chunkByteCount = 1 << 20
  private let path: String

  init(_ location: SlotLocation) {
    path = location.path
    let hour = location.progress.hour
    view = HourView(hour: hour, isCovered: false)
    do throws(SlotFault) {
      let (file, header) = try location.open()
      view.byteCount = Int(location.progress.byteCount)
      try scan(file, cut: location.cut)
      view.isCovered = header.isComplete
    } catch {
      damages.append(error.damage(path: path, hour: hour))
      view = HourView(hour: hour, isCovered: false)
      damagedMinutes = []
    }
  }

  /// Whether the hour can go on: its records are known one by one.
  var isUsable: Bool { view.byteCount > 0 }

  private mutating func scan(_ file: any ReadableFile, cut: UInt64) throws(SlotFault) {
    let end = view.byteCount
    var pending = Array(repeating: PendingIndex(), count: view.minutes.count)
    var chunk: [UInt8] = []
    var chunkStart = 0
    var offset = SlotLayout.headerByteCount
    while offset < end {
      var from = offset - chunkStart
      if chunk.count - from < SlotLayout.recordHeaderByteCount {
        chunk = try file.bytes(at: offset, count: min(Self.chunkByteCount, end - offset))
        (chunkStart, from) = (offset, 0)
      }
      guard let header = RecordHeader(chunk.span.extracting(from..<chunk.count)),
        SlotLayout.hour(ofMinute: header.minute) == view.hour,
        header.recordByteCount <= end - offset
      else {
        // Whose it was cannot be known, so no minute of the hour can be believed to be complete.
        throw SlotFault(offset, end - offset, "bad window record header")
      }
      if chunk.count - from < header.recordByteCount {
        let count = max(header.recordByteCount, min(Self.chunkByteCount, end - offset))
        chunk = try file.bytes(at: offset, count: count)
        (chunkStart, from) = (offset, 0)
      }
      let rest = from + SlotLayout.recordHeaderByteCount..<from + header.recordByteCount
      let isSound = header.holds(chunk.span.extracting(rest))
      if !isSound { report(header, at: offset) }
      if header.cut <= cut {
        let entry = IndexEntry(header.series, offset: isSound ? offset : nil)
        pending[view.index(ofMinute: header.minute)].insert(entry)
      }
      offset += header.recordByteCount
    }
    for minute in pending.indices { view.minutes[minute].merge(pending[minute]) }
    noteDamagedMinutes()
  }

  private mutating func report(_ header: RecordHeader, at offset: Int) {
    damages.append(
      Damage(
        severity: .damage,
        path: path,
        offset: offset,
        byteCount: header.recordByteCount,
        what: "bad window record",
        range: "windows of series \(header.series.rawValue), minute \(header.minute)"
      )
    )
  }

  private mutating func noteDamagedMinutes() {
    for (index, minute) in view.minutes.enumerated() {
      for entry in minute.entries where entry.offset == nil {
        damagedMinutes.append(
          RingRecovery.DamagedMinute(
            series: SeriesID(entry.series),
            minute: view.hour * SlotLayout.minutesPerHour + Int64(index)
          )
        )
      }
    }
  }
}
