import Engine
import Server
import Testing
import Tool

/// Goal: flag > environment > file > default, and each value tells where it comes from.
struct ConfigurationResolverTests {
  private func resolve(
    flags: [String: String] = [:],
    environment: [String: String] = [:],
    file text: String? = nil
  ) -> Resolution {
    ConfigurationResolver(
      flags: flags,
      file: text.map { ConfigurationFile(path: "v.yaml", bytes: Array($0.utf8)) },
      variable: { environment[$0] }
    ).resolve { _ in .tiny }
  }

  private func entry(_ key: String, _ resolution: Resolution) throws -> ResolvedSetting {
    try #require(resolution.settings.first { $0.setting.key == key })
  }

  @Test func theStrongestSourceWins() throws {
    let file = "\n\nopen-rows: 4MiB\nquery.memory: 4MiB\nseries.max: 4"
    let environment = ["VARVE_OPEN_ROWS": "3MiB", "VARVE_QUERY_MEMORY": "3MiB"]
    let resolution = resolve(flags: ["open-rows": "2MiB"], environment: environment, file: file)
    #expect(resolution.faults.isEmpty)
    #expect(resolution.configuration.engine.openRowByteCountMax == 2 << 20)
    #expect(resolution.configuration.engine.queryByteCountMax == 3 << 20)
    #expect(resolution.configuration.engine.seriesMax == 4)
    #expect(try entry("open-rows", resolution).source == .flag("open-rows"))
    #expect(try entry("query.memory", resolution).source == .environment("VARVE_QUERY_MEMORY"))
    #expect(try entry("series.max", resolution).source == .file("v.yaml", line: 5))
    #expect(try entry("partitions", resolution).source == .default)
    #expect(resolution.isGiven("series.max"))
    #expect(!resolution.isGiven("partitions"))
  }

  @Test func anEmptyVariableIsNotSet() throws {
    let resolution = resolve(environment: ["VARVE_SERIES_MAX": ""], file: "series.max: 4")
    #expect(resolution.configuration.engine.seriesMax == 4)
  }

  @Test func faultsOfAllSourcesAreTold() {
    let resolution = resolve(
      flags: ["partitions": "0"],
      environment: ["VARVE_HTTP": "8086"],
      file: "workers: many"
    )
    #expect(
      resolution.faults.map(\.message) == [
        "v.yaml:1: workers is \"many\"; expected a whole number, 1 to 64",
        "--partitions is \"0\"; expected a whole number, 1 to 64",
        "VARVE_HTTP is \"8086\"; expected HOST:PORT, such as 127.0.0.1:9009 or [::1]:9009",
      ]
    )
  }

  @Test func defaultsFollowTheDataDirectorysDisk() {
    var asked: String?
    let resolver = ConfigurationResolver(flags: ["data": "/d"], file: nil, variable: { _ in nil })
    let resolution = resolver.resolve { data in
      asked = data
      return .tiny
    }
    #expect(asked == "/d")
    #expect(resolution.configuration.engine.segmentByteCountMax == 1 << 20)
    #expect(resolution.configuration.engine.dataDirectory == "/d")
    #expect(resolution.configuration.server.lineConnectionCountMax == 128)
  }

  @Test func whatIsShownTellsWhereItComesFrom() {
    let resolution = resolve(flags: ["data": "/d"], file: "log: {format: json}")
    let lines = ConfigurationText.table(resolution).split(separator: "\n").map(String.init)
    #expect(lines.count == Settings.all.count + 1)
    #expect(lines.contains { $0.hasPrefix("data ") && $0.hasSuffix("  --data") })
    #expect(lines.contains { $0.hasPrefix("log.format ") && $0.hasSuffix("v.yaml:1") })
    #expect(lines.contains { $0.hasPrefix("workers ") && $0.contains("default: one a processor") })
    let json = ConfigurationText.json(resolution)
    #expect(
      json.contains(
        "{\"key\":\"open-rows\",\"value\":\"16MiB\",\"bytes\":16777216,\"source\":\"default\""
      )
    )
    #expect(json.contains("\"source\":\"file\",\"from\":\"v.yaml:1\""))
  }

  @Test func variablesThatSetNothingAreToldWithTheNearOne() {
    let names = [
      "VARVE_DATA", "VARVE_OPENROWS", "VARVE_CONFIG", "VARVE_TO", "VARVE_PORT_9009_TCP",
      "VARVE_SERVICE_HOST", "VARVE_XYZZY",
    ]
    #expect(
      UnknownVariables.warnings(names: names) == [
        "the environment variable VARVE_OPENROWS sets no option; did you mean VARVE_OPEN_ROWS?",
        "the environment variable VARVE_XYZZY sets no option; varve config show lists all options",
      ]
    )
  }
}
