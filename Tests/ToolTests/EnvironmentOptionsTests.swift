import ArgumentParser
import Testing
import Tool

/// A command with one option of each kind.
private struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "sample")

  @Option var data: String
  @Option var lineTcp = "127.0.0.1:9009"
  @Option var workers: Int?
  @Flag var dryRun = false
  @Argument var files: [String] = []
}

struct EnvironmentOptionsTests {
  private func complete(
    _ arguments: [String],
    _ environment: [String: String]
  ) throws -> [String] {
    try EnvironmentOptions(commands: [Sample.self], value: { environment[$0] })
      .complete(arguments).arguments
  }

  @Test func everyOptionHasAVariable() throws {
    let environment = [
      "VARVE_DATA": "/d", "VARVE_LINE_TCP": "h:1", "VARVE_WORKERS": "3", "VARVE_DRY_RUN": "1",
    ]
    let arguments = try complete(["sample"], environment)
    #expect(
      arguments == ["sample", "--data=/d", "--line-tcp=h:1", "--workers=3", "--dry-run"]
    )
    let command = try Sample.parse(Array(arguments.dropFirst()))
    #expect(command.data == "/d")
    #expect(command.lineTcp == "h:1")
    #expect(command.workers == 3)
    #expect(command.dryRun)
  }

  @Test func theCommandLineWins() throws {
    let environment = ["VARVE_DATA": "/env", "VARVE_WORKERS": "3"]
    #expect(
      try complete(["sample", "--data", "/line", "--workers=5"], environment)
        == ["sample", "--data", "/line", "--workers=5"]
    )
  }

  @Test func anEmptyVariableIsNone() throws {
    #expect(try complete(["sample"], ["VARVE_DATA": ""]) == ["sample"])
  }

  @Test func additionsStandBeforeTheTerminator() throws {
    #expect(
      try complete(["sample", "--", "--data"], ["VARVE_DATA": "/d"])
        == ["sample", "--data=/d", "--", "--data"]
    )
  }

  @Test(arguments: ["0", "false", "no", "OFF"])
  func aFlagCanBeSwitchedOff(value: String) throws {
    #expect(try complete(["sample"], ["VARVE_DRY_RUN": value]) == ["sample"])
  }

  @Test func aFlagTakesNothingElse() {
    #expect(
      throws: EnvironmentOptions.Fault(message: "VARVE_DRY_RUN is \"maybe\"; expected 1 or 0")
    ) {
      try complete(["sample"], ["VARVE_DRY_RUN": "maybe"])
    }
  }

  @Test func otherCommandsAreLeftAlone() throws {
    #expect(try complete(["--help"], ["VARVE_DATA": "/d"]) == ["--help"])
    #expect(try complete([], ["VARVE_DATA": "/d"]) == [])
  }

  @Test func groupsAndSubcommandsAreCompletedToo() throws {
    let environment = ["VARVE_SOURCE": "/d", "VARVE_DEPTH": "3", "VARVE_DATA": "/other"]
    let options = EnvironmentOptions(commands: [Outer.self], value: { environment[$0] })
    let completed = try options.complete(["outer", "inner", "file"])
    #expect(completed.arguments == ["outer", "inner", "file", "--depth=3", "--source=/d"])
    #expect(try options.complete(["outer"]).arguments == ["outer"])
  }

  @Test func theServersOptionsReadTheEnvironmentThemselves() throws {
    let environment = ["VARVE_DATA": "/d", "VARVE_OPEN_ROWS": "64MiB"]
    let options = EnvironmentOptions(commands: VarveCommands.all, value: { environment[$0] })
    #expect(try options.complete(["serve"]).arguments == ["serve"])
  }

  @Test func everyVariableHasOneMeaning() {
    let names = EnvironmentOptions.variables(of: VarveCommands.all)
    #expect(names.contains("VARVE_TO"))
    #expect(!names.contains("VARVE_QUEUE_RETAIN_AGE"))
  }
}

private struct Shared: ParsableArguments {
  @Option var source = ""
}

private struct Outer: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "outer", subcommands: [Inner.self])

  struct Inner: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "inner")

    @Option var depth = 1
    @OptionGroup var shared: Shared
    @Argument var files: [String] = []
  }
}
