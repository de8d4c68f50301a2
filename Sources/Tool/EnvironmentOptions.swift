package import ArgumentParser

/// Completes a command line from `VARVE_*` variables: `--line-tcp` is `VARVE_LINE_TCP`, a flag is
/// set by 1, true, yes or on. What stands on the command line wins.
///
/// The options of the server are not among those that it completes: their table reads the
/// environment itself, so that it can tell where each value comes from.
package struct EnvironmentOptions {
  package struct Fault: Error, Equatable {
    package var message: String

    package init(message: String) { self.message = message }
  }

  package struct Completed: Equatable {
    package struct Addition: Equatable {
      package var variable: String
      package var argument: String
    }

    /// What was typed, with ``additions`` behind it.
    package var arguments: [String]
    package var additions: [Addition]

    /// The variable without which `arguments` would parse, when there is just one.
    func culprit(parses: ([String]) -> Bool) -> String? {
      additions.first { addition in
        parses(arguments.filter { $0 != addition.argument })
      }?.variable
    }
  }

  private struct Option {
    /// Without the two hyphens.
    var name: String
    var isFlag: Bool

    var variable: String { Setting.variable(flag: name) }
  }

  private let commands: [any ParsableCommand.Type]
  private let value: (String) -> String?

  package init(commands: [any ParsableCommand.Type], value: @escaping (String) -> String?) {
    self.commands = commands
    self.value = value
  }

  /// Adds an argument for every option of the command that is not given and whose variable is set.
  package func complete(_ arguments: [String]) throws(Fault) -> Completed {
    guard let command = command(of: arguments) else {
      return Completed(arguments: arguments, additions: [])
    }
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    let given = arguments[..<end]
    var additions: [Completed.Addition] = []
    for option in Self.options(of: command) {
      let spelled = "--\(option.name)"
      guard !given.contains(where: { $0 == spelled || $0.hasPrefix(spelled + "=") }),
        let value = value(option.variable), !value.isEmpty
      else { continue }
      if option.isFlag {
        guard try isSet(value, option) else { continue }
        additions.append(.init(variable: option.variable, argument: spelled))
      } else {
        additions.append(.init(variable: option.variable, argument: "\(spelled)=\(value)"))
      }
    }
    return Completed(
      arguments: given + additions.map(\.argument) + arguments[end...],
      additions: additions
    )
  }

  /// The command that the first words name, a subcommand of a command included.
  private func command(of arguments: [String]) -> (any ParsableCommand.Type)? {
    var found: (any ParsableCommand.Type)?
    var candidates = commands
    for word in arguments {
      guard let next = candidates.first(where: { $0._commandName == word }) else { break }
      found = next
      candidates = next.configuration.subcommands
    }
    return found
  }

  private func isSet(_ value: String, _ option: Option) throws(Fault) -> Bool {
    switch value.lowercased() {
    case "1", "true", "yes", "on": return true
    case "0", "false", "no", "off": return false
    default:
      throw Fault(message: "\(option.variable) is \"\(value)\"; expected 1 or 0")
    }
  }

  /// The variables that commands and their subcommands read.
  package static func variables(of commands: [any ParsableCommand.Type]) -> [String] {
    commands.flatMap { command in
      options(of: command).map(\.variable) + variables(of: command.configuration.subcommands)
    }
  }

  /// The options of a command and of its groups, as their property wrappers name them: `_lineTcp`
  /// is `--line-tcp`.
  private static func options(of command: any ParsableArguments.Type) -> [Option] {
    Mirror(reflecting: command.init()).children.flatMap { child -> [Option] in
      guard let label = child.label, label.hasPrefix("_") else { return [] }
      if let group = child.value as? any ArgumentGroup {
        return group.members == ConfigurationFlags.self ? [] : options(of: group.members)
      }
      let kind = "\(type(of: child.value))"
      guard kind.hasPrefix("Option<") || kind.hasPrefix("Flag<") else { return [] }
      return [Option(name: kebab(label.dropFirst()), isFlag: kind.hasPrefix("Flag<"))]
    }
  }

  /// `lineTcp` → `line-tcp`.
  private static func kebab(_ label: Substring) -> String {
    var result = ""
    for character in label {
      if character.isUppercase { result += "-" }
      result += character.lowercased()
    }
    return result
  }
}

/// An option group whose members can be asked for without knowing their type.
private protocol ArgumentGroup {
  var members: any ParsableArguments.Type { get }
}

extension OptionGroup: ArgumentGroup {
  fileprivate var members: any ParsableArguments.Type { Value.self }
}
