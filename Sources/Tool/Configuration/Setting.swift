internal import Engine
internal import Server

/// One option of the server. The table of them (``Settings``) makes flags, variables, the file's
/// keys, help and the page of documentation, so that an option is described in one place.
///
/// To add one: a field with its default in `EngineConfiguration`, `ServerConfiguration` or
/// ``ServeConfiguration``, and one entry in the section it belongs to.
package struct Setting: Sendable {
  /// The name in the file, with a dot for each level: `queue.retain.age`.
  package let key: String
  /// Without the two hyphens; the key with hyphens for dots, where nothing else was asked for.
  package let flag: String
  package let kind: SettingKind
  /// One line for help.
  package let summary: String
  /// A paragraph for the page: what it is for, what more or less of it costs.
  package let details: String
  /// How the default follows from the machine; `nil` when it is the same everywhere.
  package let scaling: String?
  private let read: @Sendable (ServeConfiguration) -> SettingValue?
  private let write: @Sendable (SettingValue, inout ServeConfiguration) -> Void

  /// The name in the environment: `VARVE_QUEUE_RETAIN_AGE`.
  package var variable: String { Self.variable(flag: flag) }

  static func variable(flag: String) -> String {
    "VARVE_" + String(flag.uppercased().map { $0 == "-" ? "_" : $0 })
  }

  /// The value that a configuration has.
  package func value(in configuration: ServeConfiguration) -> SettingValue? {
    read(configuration)
  }

  /// - Parameter value: one that ``SettingKind/value(of:)`` of this kind made.
  package func set(_ value: SettingValue, in configuration: inout ServeConfiguration) {
    write(value, &configuration)
  }

  /// The default for help and documentation: `10ms`, `1GiB (a twelfth of the memory)`.
  package var defaultText: String {
    let fixed = value(in: ServeConfiguration(fitting: .large)).map { "\($0)" } ?? "none"
    return scaling ?? fixed
  }

  private init(
    _ key: String,
    flag: String?,
    kind: SettingKind,
    scaling: String?,
    _ summary: String,
    _ details: String,
    read: @escaping @Sendable (ServeConfiguration) -> SettingValue?,
    write: @escaping @Sendable (SettingValue, inout ServeConfiguration) -> Void
  ) {
    self.key = key
    self.flag = flag ?? String(key.map { $0 == "." ? "-" : $0 })
    self.kind = kind
    self.scaling = scaling
    self.summary = summary
    self.details = details
    self.read = read
    self.write = write
  }
}

// MARK: Kinds

extension Setting {
  package typealias Path<Value> = WritableKeyPath<ServeConfiguration, Value> & Sendable

  static func directory(
    _ key: String,
    _ path: any Path<String>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: nil, kind: .directory, scaling: nil, summary, details) { configuration in
      let text = configuration[keyPath: path]
      return text.isEmpty ? nil : .text(text)
    } write: { value, configuration in
      if case .text(let text) = value { configuration[keyPath: path] = text }
    }
  }

  /// A directory or a bucket; empty for none.
  static func store(
    _ key: String,
    _ path: any Path<String>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: nil, kind: .store, scaling: nil, summary, details) { configuration in
      let text = configuration[keyPath: path]
      return .text(text.isEmpty ? SettingKind.noStore : text)
    } write: { value, configuration in
      guard case .text(let text) = value else { return }
      configuration[keyPath: path] = text == SettingKind.noStore ? "" : text
    }
  }

  static func address(
    _ key: String,
    flag: String? = nil,
    _ path: any Path<Address>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: flag, kind: .address, scaling: nil, summary, details) {
      .text("\($0[keyPath: path])")
    } write: { value, configuration in
      guard case .text(let text) = value, let address = Address(text) else { return }
      configuration[keyPath: path] = address
    }
  }

  static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String,
    _ path: any Path<Choice>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    let choices = Choice.allCases.map(\.rawValue)
    return Setting(key, flag: nil, kind: .choice(choices), scaling: nil, summary, details) {
      .text($0[keyPath: path].rawValue)
    } write: { value, configuration in
      guard case .text(let text) = value, let choice = Choice(rawValue: text) else { return }
      configuration[keyPath: path] = choice
    }
  }

  static func count(
    _ key: String,
    _ range: ClosedRange<Int>,
    _ path: any Path<Int>,
    scaled: String? = nil,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: nil, kind: .count(range), scaling: scaled, summary, details) {
      .count($0[keyPath: path])
    } write: { value, configuration in
      if case .count(let count) = value { configuration[keyPath: path] = count }
    }
  }

  static func bytes(
    _ key: String,
    _ range: ClosedRange<Int>,
    _ path: any Path<Int>,
    scaled: String? = nil,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: nil, kind: .bytes(range), scaling: scaled, summary, details) {
      .bytes($0[keyPath: path])
    } write: { value, configuration in
      if case .bytes(let byteCount) = value { configuration[keyPath: path] = byteCount }
    }
  }

  /// A duration that is held in nanoseconds.
  static func duration(
    _ key: String,
    _ range: ClosedRange<Int64>,
    step: Int64 = 1,
    _ path: any Path<Int64>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    let kind = SettingKind.duration(range, step: step)
    return Setting(key, flag: nil, kind: kind, scaling: nil, summary, details) {
      .duration($0[keyPath: path])
    } write: { value, configuration in
      if case .duration(let nanoseconds) = value { configuration[keyPath: path] = nanoseconds }
    }
  }

  /// A duration that is held in whole seconds.
  static func seconds(
    _ key: String,
    _ range: ClosedRange<Int>,
    _ path: any Path<Int>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    let second: Int64 = 1_000_000_000
    let nanoseconds = Int64(range.lowerBound) * second...Int64(range.upperBound) * second
    let kind = SettingKind.duration(nanoseconds, step: second)
    return Setting(key, flag: nil, kind: kind, scaling: nil, summary, details) {
      .duration(Int64($0[keyPath: path]) * second)
    } write: { value, configuration in
      guard case .duration(let nanoseconds) = value else { return }
      configuration[keyPath: path] = Int(nanoseconds / second)
    }
  }

  static func retentionRules(
    _ key: String,
    _ path: any Path<[RetentionRules.Rule]>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    rules(key, .retentionRules, path, summary, details)
  }

  /// Rules with sizes of tenants alone.
  static func sizeRules(
    _ key: String,
    _ path: any Path<[RetentionRules.Rule]>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    rules(key, .sizeRules, path, summary, details)
  }

  private static func rules(
    _ key: String,
    _ kind: SettingKind,
    _ path: any Path<[RetentionRules.Rule]>,
    _ summary: String,
    _ details: String
  ) -> Setting {
    Setting(key, flag: nil, kind: kind, scaling: nil, summary, details) {
      .text(RetentionText.text($0[keyPath: path]))
    } write: { value, configuration in
      guard case .text(let text) = value, let rules = RetentionText.rules(text) else { return }
      configuration[keyPath: path] = rules
    }
  }
}
