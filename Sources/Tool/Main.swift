internal import ArgumentParser
internal import Platform

/// Reads the command line and the environment, runs the command, turns its end into an exit status:
/// 0 done, 1 failed, 2 wrong usage.
@main
enum Main {
  static func main() async {
    TerminationSignals.ignoreBrokenPipe()
    let arguments = Array(CommandLine.arguments.dropFirst())
    Varve.exit(withError: ExitCode(await run(arguments)))
  }

  private static func run(_ arguments: [String]) async -> Int32 {
    if let message = UnknownCommand.message(arguments) {
      StandardOutput.writeError("Error: \(message)\n")
      return 2
    }
    let environment = EnvironmentOptions(
      commands: Varve.configuration.subcommands,
      value: ProcessEnvironment.value(of:)
    )
    let completed: EnvironmentOptions.Completed
    do throws(EnvironmentOptions.Fault) {
      completed = try environment.complete(arguments)
    } catch {
      StandardOutput.writeError("Error: \(error.message)\n")
      return 2
    }
    do {
      var command = try Varve.parseAsRoot(completed.arguments)
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      return 0
    } catch {
      return report(error, completed)
    }
  }

  private static func report(
    _ error: any Error,
    _ completed: EnvironmentOptions.Completed
  ) -> Int32 {
    if let failure = error as? Failure {
      StandardOutput.writeError("varve: \(failure.message)\n")
      return 1
    }
    if let usage = error as? WrongUsage {
      for message in usage.messages { StandardOutput.writeError("varve: \(message)\n") }
      return 2
    }
    if let code = error as? ExitCode { return code.rawValue }
    let status = Varve.exitCode(for: error)
    let message = Varve.fullMessage(for: error)
    if status == .success {
      StandardOutput.write(message + "\n")
      return 0
    }
    StandardOutput.writeError(message + "\n")
    guard status == .validationFailure else { return 1 }
    if let variable = completed.culprit(parses: { (try? Varve.parseAsRoot($0)) != nil }) {
      StandardOutput.writeError("The value comes from the environment variable \(variable).\n")
    }
    return 2
  }
}

/// A command that did not do what it was asked; the message says why and what helps.
struct Failure: Error {
  var message: String

  init(_ message: String) { self.message = message }
}

/// A command that was asked for something that cannot be meant; a message for each thing, saying
/// where it stands and what was expected.
struct WrongUsage: Error {
  var messages: [String]

  init(_ messages: [String]) { self.messages = messages }
}
