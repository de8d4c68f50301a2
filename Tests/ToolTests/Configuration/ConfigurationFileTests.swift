import Testing
import Tool

/// Goal: the file says what it seems to say, and every slip is told with its line.
struct ConfigurationFileTests {
  private func file(_ text: String) -> ConfigurationFile {
    ConfigurationFile(path: "v.yaml", bytes: Array(text.utf8))
  }

  private func faults(_ text: String) -> [String] { file(text).faults.map(\.message) }

  @Test func groupsNestOrAreWrittenWithDots() {
    let text = """
      # a comment
      data: /var/lib/varve
      queue:
        retain:
          age: 2h
          bytes: "4GiB"
      log.format: json
      line: {tcp: '0.0.0.0:9009'}
      """
    let file = file(text)
    #expect(file.faults.isEmpty)
    #expect(
      file.entries == [
        .init(key: "data", text: "/var/lib/varve", line: 2),
        .init(key: "queue.retain.age", text: "2h", line: 5),
        .init(key: "queue.retain.bytes", text: "4GiB", line: 6),
        .init(key: "log.format", text: "json", line: 7),
        .init(key: "line.tcp", text: "0.0.0.0:9009", line: 8),
      ]
    )
  }

  @Test(arguments: ["", "# nothing\n", "---\n", "queue:\n", "queue:\n  retain:\n", "{}", "~"])
  func whatIsEmptyGivesNothing(text: String) {
    #expect(file(text).entries.isEmpty)
    #expect(faults(text).isEmpty)
  }

  /// YAML would make false, 10 and a number of these.
  @Test(arguments: ["no", "012", "1e3", "0x1F", "2026-11-25", "yes", ".5", "12:30:45"])
  func textStaysText(text: String) {
    #expect(file("data: \(text)").entries == [.init(key: "data", text: text, line: 1)])
  }

  @Test(arguments: [
    ("\nopen_rows: 1GiB", "v.yaml:2: there is no option open_rows; did you mean open-rows?"),
    (
      "queue:\n  retian:\n    age: 1h",
      "v.yaml:2: there is no option queue.retian; did you mean queue.retain?"
    ),
    ("lin:\n  tcp: a:1", "v.yaml:1: there is no option lin; did you mean line?"),
    ("queu: {retain: {age: 1h}}", "v.yaml:1: there is no option queu; did you mean queue?"),
    ("htpp.listen: a:1", "v.yaml:1: there is no option htpp.listen; did you mean http.listen?"),
    (
      "kafka: {topic: a}",
      "v.yaml:1: there is no option kafka; varve config show lists all options"
    ),
    (
      "log.level: warn",
      "v.yaml:1: log.level is \"warn\"; expected debug, info, notice, warning or error; did you "
        + "mean warning?"
    ),
    (
      "a: [1,\nb: 2\n",
      "v.yaml:3: not YAML: did not find expected ',' or ']' while parsing a flow sequence, begun "
        + "in line 1"
    ),
    (
      "a:\n\tb: 2",
      "v.yaml:2: not YAML: found character that cannot start any token while scanning for the next "
        + "token"
    ),
    (
      "queue:\n  retain:\n    ages: 1h",
      "v.yaml:3: there is no option queue.retain.ages; did you mean queue.retain.age?"
    ),
    (
      "open-rows: 64",
      "v.yaml:1: open-rows is \"64\"; expected a size with its unit such as 64MiB or 1GB, 1MiB to "
        + "1TiB"
    ),
    (
      "open-rows: 64M",
      "v.yaml:1: open-rows is \"64M\"; expected a size with its unit such as 64MiB or 1GB, 1MiB "
        + "to 1TiB; did you mean 64MiB?"
    ),
    (
      "cut.interval: 100ms",
      "v.yaml:1: cut.interval is \"100ms\"; expected a duration with its unit such as 10ms, 2d or "
        + "1h30m, 1s to 1d"
    ),
    ("partitions: no", "v.yaml:1: partitions is \"no\"; expected a whole number, 1 to 64"),
    ("partitions: 65", "v.yaml:1: partitions is \"65\"; expected a whole number, 1 to 64"),
    (
      "series.max: 1_000",
      "v.yaml:1: series.max is \"1_000\"; expected a whole number, 1 to 2,147,483,648; did you "
        + "mean 1000?"
    ),
    (
      "durability: fsnyc",
      "v.yaml:1: durability is \"fsnyc\"; expected fsync, interval or os; did you mean fsync?"
    ),
    ("data:", "v.yaml:1: data has no value; expected the path of a directory"),
    ("data: ~", "v.yaml:1: data has no value; expected the path of a directory"),
    ("data: [a, b]", "v.yaml:1: data has several values; expected the path of a directory"),
    ("- data", "v.yaml:1: expected options such as \"data: /var/lib/varve\""),
    ("data", "v.yaml:1: expected options such as \"data: /var/lib/varve\""),
    ("data: a\n\ndata: b", "v.yaml:1: data stands more than once in its group"),
    (
      "queue.retain.age: 1h\nqueue: {retain: {age: 2h}}",
      "v.yaml:2: queue.retain.age stands in line 1 already"
    ),
    ("? [a]\n: b", "v.yaml:1: expected the name of an option"),
  ])
  func eachSlipIsToldWithItsLine(text: String, message: String) {
    #expect(faults(text) == [message])
  }

  @Test(arguments: [
    "data: [", "\tdata: x", "data: \"x", "a: b: c", "--- a\n--- b", "data: *x", "%",
  ])
  func whatIsNotYAMLIsToldWithItsLine(text: String) throws {
    let faults = faults(text)
    #expect(faults.count == 1)
    #expect(try #require(faults.first).hasPrefix("v.yaml:"))
    #expect(try #require(faults.first).contains("not YAML"))
  }

  @Test func aGroupIsNoOption() throws {
    let message = try #require(faults("http: 0.0.0.0:80").first)
    #expect(message.hasPrefix("v.yaml:1: http is a group, not an option; expected http.listen, "))
  }

  @Test func everyFaultIsTold() {
    #expect(faults("a: 1\npartitions: 0\nb: 2").count == 3)
  }

  @Test func bytesThatAreNoTextAreRefused() {
    let file = ConfigurationFile(path: "v.yaml", bytes: [0x64, 0xff, 0x00])
    #expect(file.faults.count == 1)
  }
}
