/// The table of options: every section, every option, in the order of help and documentation.
package enum Settings {
  package static let sections: [any SettingSection.Type] = [
    StorageSettings.self, RetentionSettings.self, ColdSettings.self, LineSettings.self,
    HTTPSettings.self, QuerySettings.self, StreamSettings.self, QueueSettings.self,
    OperationSettings.self,
  ]

  package static let all: [Setting] = sections.flatMap { $0.settings }

  package static let byKey: [String: Setting] = Dictionary(
    uniqueKeysWithValues: all.map { ($0.key, $0) }
  )

  /// What stands before a dot of a key: `queue`, `queue.retain`; each once, in the table's order.
  static let groups: [String] = all.reduce(into: []) { groups, setting in
    let names = setting.key.split(separator: ".")
    for count in 1..<max(1, names.count) {
      let group = names.prefix(count).joined(separator: ".")
      if !groups.contains(group) { groups.append(group) }
    }
  }
}

/// Options that belong together, under one title of help and documentation.
package protocol SettingSection: Sendable {
  static var title: String { get }
  static var settings: [Setting] { get }
}
