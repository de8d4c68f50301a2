internal import Model

/// The names of the ring's files.
enum SlotName {
  static let suffix = ".slot"

  /// Whether a file of this name is the ring's.
  static func isOurs(_ name: String) -> Bool {
    [suffix, ".frozen", ".patch", FrozenWriter.temporarySuffix].contains { name.hasSuffix($0) }
  }

  /// The names that a file may have: two for a slot, one for all others.
  static func files(of progress: RingProgress, slotCount: Int) -> [String] {
    switch progress.kind {
    case .slot: files(hour: progress.hour, slotCount: slotCount)
    case .frozen: ["\(number(progress.hour, slotCount)).\(progress.number).frozen"]
    case .patch: ["\(number(progress.hour, slotCount)).\(progress.number).patch"]
    }
  }

  private static func number(_ hour: Int64, _ slotCount: Int) -> String {
    let slot = hour % Int64(slotCount)
    return "\(slot < 10 ? "0" : "")\(slot)"
  }

  /// The two names of an hour's slot: `07.slot` and `07.spare.slot`. The second is for an hour that
  /// takes the slot while a manifest still names the first.
  static func files(hour: Int64, slotCount: Int) -> [String] {
    let number = number(hour, slotCount)
    return ["\(number)\(suffix)", "\(number).spare\(suffix)"]
  }
}
