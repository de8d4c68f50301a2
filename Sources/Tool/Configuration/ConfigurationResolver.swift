/// Where the value of a setting comes from; the earlier in this list, the stronger.
package enum SettingSource: Hashable {
  case flag(String)
  case environment(String)
  case file(String, line: Int)
  case `default`

  /// For people: `--open-rows`, `VARVE_OPEN_ROWS`, `varve.yaml:3`, `default`.
  package var place: String {
    switch self {
    case .flag(let flag): "--\(flag)"
    case .environment(let variable): variable
    case .file(let path, let line): "\(path):\(line)"
    case .default: "default"
    }
  }

  /// For programs.
  package var kind: String {
    switch self {
    case .flag: "flag"
    case .environment: "environment"
    case .file: "file"
    case .default: "default"
    }
  }
}

/// A setting with the value that holds; `nil` when it has none, which only `data` may.
package struct ResolvedSetting {
  package var setting: Setting
  package var value: SettingValue?
  package var source: SettingSource
}

/// What flags, environment, file and defaults amount to together.
package struct Resolution {
  package var settings: [ResolvedSetting] = []
  package var faults: [ConfigurationFault] = []
  package var configuration: ServeConfiguration

  /// Whether somebody chose the value of a setting.
  package func isGiven(_ key: String) -> Bool {
    settings.contains { $0.setting.key == key && $0.source != .default }
  }
}

/// Puts the four sources of options together: flag > environment > file > default.
package struct ConfigurationResolver {
  /// Texts by key.
  private let flags: [String: String]
  private let variable: (String) -> String?
  private let file: ConfigurationFile?

  package init(
    flags: [String: String],
    file: ConfigurationFile?,
    variable: @escaping (String) -> String?
  ) {
    self.flags = flags
    self.file = file
    self.variable = variable
  }

  /// - Parameter machine: what defaults scale by, found once the data directory is known.
  package func resolve(machine: (_ data: String?) -> MachineFacts) -> Resolution {
    let data = Settings.byKey["data"].flatMap { given($0)?.text }
    var result = Resolution(configuration: ServeConfiguration(fitting: machine(data)))
    result.faults = file?.faults ?? []
    for setting in Settings.all {
      let defaultValue = setting.value(in: result.configuration)
      var resolved = ResolvedSetting(setting: setting, value: defaultValue, source: .default)
      if let given = given(setting) {
        resolved.source = given.source
        if let value = setting.kind.value(of: given.text) {
          resolved.value = value
          setting.set(value, in: &result.configuration)
        } else {
          result.faults.append(.value(given.text, of: setting, at: given.source.place))
        }
      }
      result.settings.append(resolved)
    }
    return result
  }

  /// The strongest source that gives the setting. A variable that is empty counts as not set.
  private func given(_ setting: Setting) -> (text: String, source: SettingSource)? {
    if let text = flags[setting.key] { return (text, .flag(setting.flag)) }
    if let text = variable(setting.variable), !text.isEmpty {
      return (text, .environment(setting.variable))
    }
    if let file, let entry = file.entries.first(where: { $0.key == setting.key }) {
      return (entry.text, .file(file.path, line: entry.line))
    }
    return nil
  }
}
