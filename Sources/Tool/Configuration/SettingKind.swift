internal import Cold
internal import Server

/// What a ``Setting`` takes.
package enum SettingKind: Hashable, Sendable {
  case directory
  /// An absolute path or `s3://BUCKET/PREFIX`.
  case store
  /// `HOST:PORT`.
  case address
  case choice([String])
  case count(ClosedRange<Int>)
  case bytes(ClosedRange<Int>)
  /// Nanoseconds, whole multiples of `step`.
  case duration(ClosedRange<Int64>, step: Int64)
  /// See ``RetentionText``.
  case retentionRules
  /// The same with sizes alone.
  case sizeRules

  static let noStore = "none"

  /// The value that `text` means, or `nil` when it means none that is allowed.
  package func value(of text: String) -> SettingValue? {
    switch self {
    case .directory: return text.isEmpty || text.utf8.contains(0) ? nil : .text(text)
    case .store:
      return text == Self.noStore || ObjectStores.isLocation(text) ? .text(text) : nil
    case .address: return Address(text).map { .text("\($0)") }
    case .choice(let choices): return choices.contains(text) ? .text(text) : nil
    case .count(let range):
      guard let count = Self.count(text), range.contains(count) else { return nil }
      return .count(count)
    case .bytes(let range):
      guard let byteCount = SettingUnits.byteCount(text), range.contains(byteCount) else {
        return nil
      }
      return .bytes(byteCount)
    case .duration(let range, let step):
      guard let nanoseconds = SettingUnits.nanoseconds(text), range.contains(nanoseconds),
        nanoseconds.isMultiple(of: step)
      else { return nil }
      return .duration(nanoseconds)
    case .retentionRules: return RetentionText.rules(text).map { .text(RetentionText.text($0)) }
    case .sizeRules: return RetentionText.sizes(text).map { .text(RetentionText.text($0)) }
    }
  }

  /// Decimal digits and nothing else: no sign, no leading zero that other readers take for octal.
  private static func count(_ text: String) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return text.utf8.first == 0x30 && text.utf8.count > 1 ? nil : Int(text)
  }

  /// What is expected, for the end of a message: `a size with a unit, 1MiB to 1TiB`.
  package var expectation: String {
    switch self {
    case .directory: "the path of a directory"
    case .store: "the absolute path of a directory, s3://BUCKET/PREFIX, or none"
    case .address: "HOST:PORT, such as 127.0.0.1:9009 or [::1]:9009"
    case .choice(let choices):
      choices.dropLast().joined(separator: ", ") + " or " + (choices.last ?? "")
    case .count: "a whole number, \(range)"
    case .bytes: "a size with its unit such as 64MiB or 1GB, \(range)"
    case .duration(_, let step):
      (step == 1 ? "" : "whole \(step == 1_000_000_000 ? "seconds" : "milliseconds"), ")
        + "a duration with its unit such as 10ms, 2d or 1h30m, \(range)"
    case .sizeRules: "sizes of tenants such as acme/=200GiB, test/=1GiB"
    case .retentionRules:
      "rules such as debug=1d, acme/audit=forever, acme/=90d, acme/=200GiB: ages of 1h or more, "
        + "sizes for whole tenants only"
    }
  }

  /// Both ends: `1MiB to 1TiB`.
  package var range: String {
    switch self {
    case .directory, .store, .address, .choice, .retentionRules, .sizeRules: ""
    case .count(let range):
      "\(Quantity.grouped(range.lowerBound)) to \(Quantity.grouped(range.upperBound))"
    case .bytes(let range):
      "\(SettingValue.bytes(range.lowerBound)) to \(SettingValue.bytes(range.upperBound))"
    case .duration(let range, _):
      "\(SettingValue.duration(range.lowerBound)) to \(SettingValue.duration(range.upperBound))"
    }
  }

  /// What help writes behind the flag.
  package var placeholder: String {
    switch self {
    case .directory: "dir"
    case .store: "dir|s3://bucket/prefix"
    case .address: "host:port"
    case .choice(let choices): choices.joined(separator: "|")
    case .count: "count"
    case .bytes: "size"
    case .duration: "duration"
    case .retentionRules, .sizeRules: "rules"
    }
  }
}
