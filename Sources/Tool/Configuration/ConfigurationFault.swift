internal import Query
internal import Server

/// Something in the configuration that cannot be used: where it stands, what is there, what was
/// expected.
package struct ConfigurationFault: Error, Hashable {
  package var message: String

  package init(_ message: String) { self.message = message }

  /// A value that a setting does not take.
  ///
  /// - Parameter place: what the value was given to, `varve.yaml:3: open-rows` or `--open-rows`.
  static func value(_ text: String, of setting: Setting, at place: String) -> ConfigurationFault {
    var message = "\(place) is \"\(LogText.escape(text))\"; expected \(setting.kind.expectation)"
    if let meant = meant(by: text, setting.kind) { message += "; did you mean \(meant)?" }
    return ConfigurationFault(message)
  }

  /// What a value was probably meant to be.
  private static func meant(by text: String, _ kind: SettingKind) -> String? {
    switch kind {
    case .choice(let choices): return NearName.suggestion(for: text, among: choices)
    case .bytes:
      // `64M`, `64Mi` and `64mib` are what other programs write.
      let digits = text.prefix { $0.isNumber || $0 == "." }
      let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
      let names = ["k": "KiB", "m": "MiB", "g": "GiB", "t": "TiB"]
      guard let name = unit.first.flatMap({ names[String($0)] }),
        ["", "i", "b", "ib"].contains(String(unit.dropFirst()))
      else { return nil }
      let meant = String(digits) + name
      return meant != text && kind.value(of: meant) != nil ? meant : nil
    case .count:
      let digits = text.filter { $0 != "_" && $0 != "," && $0 != "'" }
      return digits != text && kind.value(of: digits) != nil ? digits : nil
    default: return nil
    }
  }
}

extension ConfigurationFault: CustomStringConvertible {
  package var description: String { message }
}
