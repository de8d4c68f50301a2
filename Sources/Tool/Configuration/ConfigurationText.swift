internal import Server

/// What `varve config show` prints.
package enum ConfigurationText {
  private static let columnCountMax = 40

  /// Three columns: the option, its value, where that comes from.
  package static func table(_ resolution: Resolution) -> String {
    var rows = [("OPTION", "VALUE", "FROM")]
    for resolved in resolution.settings {
      var place = resolved.source.place
      if resolved.source == .default, let scaling = resolved.setting.scaling {
        place += ": \(scaling)"
      }
      let value = resolved.value.map { LogText.escape("\($0)", byteCountMax: 4_096) }
      rows.append((resolved.setting.key, value ?? "(none)", place))
    }
    let keys = rows.map(\.0.count).max() ?? 0
    let values = min(columnCountMax, rows.map(\.1.count).max() ?? 0)
    return rows.map { key, value, place in
      pad(key, keys) + "  " + pad(value, values) + "  " + place + "\n"
    }.joined()
  }

  private static func pad(_ text: String, _ count: Int) -> String {
    text + String(repeating: " ", count: max(0, count - text.count))
  }

  /// `{"options":[{"key":…,"value":…,"source":…}]}`. Sizes and durations have their number too.
  package static func json(_ resolution: Resolution) -> String {
    var text = JSONText()
    text.object { text in
      text.key("options")
      text.array { text in
        for resolved in resolution.settings { text.object { write(resolved, into: &$0) } }
      }
    }
    return String(decoding: text.bytes, as: UTF8.self) + "\n"
  }

  private static func write(_ resolved: ResolvedSetting, into text: inout JSONText) {
    func pair(_ key: String, _ value: String) {
      text.key(key)
      text.string(value)
    }
    pair("key", resolved.setting.key)
    text.key("value")
    switch resolved.value {
    case nil: text.null()
    case .count(let count): text.integer(UInt64(count))
    case .text(let value): text.string(value)
    case .bytes(let byteCount):
      text.string("\(SettingValue.bytes(byteCount))")
      text.key("bytes")
      text.integer(UInt64(byteCount))
    case .duration(let nanoseconds):
      text.string("\(SettingValue.duration(nanoseconds))")
      text.key("seconds")
      text.number(Double(nanoseconds) / 1e9)
    }
    pair("source", resolved.source.kind)
    pair("from", resolved.source.place)
    pair("default", resolved.setting.defaultText)
    pair("flag", "--" + resolved.setting.flag)
    pair("variable", resolved.setting.variable)
    pair("summary", resolved.setting.summary)
  }
}
