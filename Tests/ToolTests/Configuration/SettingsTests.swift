import ArgumentParser
import Testing
import Tool

/// Goal: one table, and everything that is made from it agrees with it.
struct SettingsTests {
  @Test func namesAreUniqueInEachForm() {
    #expect(Set(Settings.all.map(\.key)).count == Settings.all.count)
    #expect(Set(Settings.all.map(\.flag)).count == Settings.all.count)
    #expect(Set(Settings.all.map(\.variable)).count == Settings.all.count)
  }

  @Test func noOptionIsAGroupToo() {
    for setting in Settings.all {
      #expect(!Settings.all.contains { $0.key.hasPrefix(setting.key + ".") }, "\(setting.key)")
    }
  }

  @Test func namesAreWrittenAlike() {
    let allowed = Set("abcdefghijklmnopqrstuvwxyz.-")
    for setting in Settings.all {
      #expect(setting.key.allSatisfy(allowed.contains), "\(setting.key)")
      #expect(setting.summary.hasSuffix("."), "\(setting.key)")
      #expect(setting.summary.count <= 60, "\(setting.key)")
      #expect(setting.details.hasSuffix("."), "\(setting.key)")
    }
  }

  /// The default that documentation prints is the one that the server has.
  @Test func everyDefaultLiesInItsRangeAndReadsBack() throws {
    for machine in [MachineFacts.large, .tiny] {
      let configuration = ServeConfiguration(fitting: machine)
      for setting in Settings.all where setting.key != "data" {
        let value = try #require(setting.value(in: configuration))
        #expect(setting.kind.value(of: "\(value)") == value, "\(setting.key) is \(value)")
      }
    }
  }

  /// Each option reaches the field that it is read from, and no other.
  @Test func everyOptionChangesItsOwnFieldAlone() throws {
    for setting in Settings.all {
      var configuration = ServeConfiguration(fitting: .large)
      let value = try #require(Self.other(setting, than: setting.value(in: configuration)))
      setting.set(value, in: &configuration)
      #expect(setting.value(in: configuration) == value, "\(setting.key)")
      let untouched = ServeConfiguration(fitting: .large)
      for other in Settings.all where other.key != setting.key {
        #expect(other.value(in: configuration) == other.value(in: untouched), "\(setting.key)")
      }
    }
  }

  static func other(_ setting: Setting, than value: SettingValue?) -> SettingValue? {
    let values: [SettingValue?] =
      switch setting.kind {
      case .directory: [.text("/elsewhere")]
      case .store: [.text("/elsewhere"), .text("s3://bucket/prefix")]
      case .address: [.text("host:1")]
      case .choice(let choices): choices.map { .text($0) }
      case .count(let range): [.count(range.lowerBound), .count(range.upperBound)]
      case .bytes(let range): [.bytes(range.lowerBound), .bytes(range.upperBound)]
      case .duration(let range, _): [.duration(range.lowerBound), .duration(range.upperBound)]
      case .retentionRules: [.text("debug=1d, acme/=200GiB")]
      case .sizeRules: [.text("acme/=200GiB")]
      }
    return values.compactMap { $0 }.first { $0 != value }
  }

  @Test func everyOptionIsAFlag() throws {
    var arguments: [String] = []
    var expected: [String: String] = [:]
    for setting in Settings.all {
      let value = try #require(Self.other(setting, than: nil))
      arguments += ["--\(setting.flag)", "\(value)"]
      expected[setting.key] = "\(value)"
    }
    let flags = try ConfigurationFlags.parse(arguments + ["--config", "x.yaml"])
    #expect(flags.texts == expected)
    #expect(flags.config == "x.yaml")
  }

  @Test func helpTellsOfEveryOption() {
    let help = ConfigurationFlags.helpMessage(columns: 400)
    for setting in Settings.all {
      #expect(help.contains("--\(setting.flag) <\(setting.kind.placeholder)>"), "\(setting.flag)")
      #expect(help.contains(setting.summary), "\(setting.flag)")
    }
    for section in Settings.sections {
      #expect(help.contains(section.title.uppercased() + ":"), "\(section.title)")
    }
  }

  @Test func aSlipOfAFlagIsToldWithTheNearOne() throws {
    do {
      _ = try ConfigurationFlags.parse(["--open-row", "1GiB"])
      Issue.record("an unknown flag was taken")
    } catch {
      #expect(ConfigurationFlags.message(for: error).contains("--open-rows"))
    }
  }
}

extension MachineFacts {
  /// A small container on a 64 MiB disk.
  static let tiny = MachineFacts(
    memoryByteCount: 64 << 20,
    diskByteCount: 64 << 20,
    coreCount: 1,
    openFileCountMax: 256
  )
}
