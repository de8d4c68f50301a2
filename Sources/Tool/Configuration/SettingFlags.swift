package import ArgumentParser

/// The flags of one section of the table, as swift-argument-parser sees them.
///
/// The library finds options by reflection and hands values back through `Decodable`; this type
/// answers both from the table, so that no option is declared a second time as a property.
package struct SettingFlags<Section: SettingSection>: ParsableArguments, CustomReflectable {
  /// What was typed, by key.
  package private(set) var texts: [String: String] = [:]

  package init() {}

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    for setting in Section.settings {
      let option = try container.decode(
        Option<String?>.self,
        forKey: Key(stringValue: setting.flag)
      )
      texts[setting.key] = option.wrappedValue
    }
  }

  package var customMirror: Mirror {
    Mirror(
      self,
      children: Section.settings.map { setting -> Mirror.Child in
        (label: "_" + setting.flag, value: Self.option(setting))
      }
    )
  }

  private static func option(_ setting: Setting) -> Option<String?> {
    let fallback = setting.defaultText == "none" ? "" : " (default: \(setting.defaultText))"
    return Option(
      name: .customLong(setting.flag),
      help: ArgumentHelp("\(setting.summary)\(fallback)", valueName: setting.kind.placeholder)
    )
  }
}

/// All flags of the server, and the file that they override.
package struct ConfigurationFlags: ParsableArguments {
  @Option(
    name: .customLong(ConfigurationFlags.fileFlag),
    help: "A YAML file with any of these options; see varve config example."
  )
  package var config: String?

  @OptionGroup(title: StorageSettings.title)
  private var storage: SettingFlags<StorageSettings>

  @OptionGroup(title: RetentionSettings.title)
  private var retention: SettingFlags<RetentionSettings>

  @OptionGroup(title: ColdSettings.title)
  private var cold: SettingFlags<ColdSettings>

  @OptionGroup(title: LineSettings.title)
  private var lines: SettingFlags<LineSettings>

  @OptionGroup(title: HTTPSettings.title)
  private var http: SettingFlags<HTTPSettings>

  @OptionGroup(title: QuerySettings.title)
  private var queries: SettingFlags<QuerySettings>

  @OptionGroup(title: StreamSettings.title)
  private var stream: SettingFlags<StreamSettings>

  @OptionGroup(title: QueueSettings.title)
  private var queue: SettingFlags<QueueSettings>

  @OptionGroup(title: OperationSettings.title)
  private var operation: SettingFlags<OperationSettings>

  static let fileFlag = "config"

  package init() {}

  /// What was typed, by key.
  package var texts: [String: String] {
    [
      storage.texts, retention.texts, cold.texts, lines.texts, http.texts, queries.texts,
      stream.texts, queue.texts, operation.texts,
    ].reduce(into: [:]) { all, texts in all.merge(texts) { first, _ in first } }
  }
}
