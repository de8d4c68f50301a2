package import ArgumentParser

/// Completes a command line from `VARVE_*` variables: `--line-tcp` is `VARVE_LINE_TCP`, a flag is
/// set by 1, true, yes or on. What stands on the command line wins.
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

    var variable: String {
      "VARVE_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }
  }

  private let commands: [any ParsableCommand.Type]
  private let value: (String) -> String?

  package init(commands: [any ParsableCommand.Type], value: @escaping (String) -> String?) {
    self.commands = commands
    self.value = value
  }

  /// Adds an argument for every option of the command that is not given and whose variable is set.
  package func complete(_ arguments: [String]) throws(Fault) -> Completed {
    let untouched = Completed(arguments: arguments, additions: [])
    guard let name = arguments.first,
      let command = commands.first(where: { $0._commandName == name })
    else { return untouched }
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

  private func isSet(_ value: String, _ option: Option) throws(Fault) -> Bool {
    switch value.lowercased() {
    case "1", "true", "yes", "on": return true
    case "0", "false", "no", "off": return false
    default:
      throw Fault(message: "\(option.variable) is \"\(value)\"; expected 1 or 0")
    }
  }

  /// The options of a command, as its property wrappers name them: `_lineTcp` is `--line-tcp`.
  private static func options(of command: any ParsableCommand.Type) -> [Option] {
    Mirror(reflecting: command.init()).children.compactMap { child in
      guard let label = child.label, label.hasPrefix("_") else { return nil }
      let kind = "\(type(of: child.value))"
      guard kind.hasPrefix("Option<") || kind.hasPrefix("Flag<") else { return nil }
      return Option(name: kebab(label.dropFirst()), isFlag: kind.hasPrefix("Flag<"))
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
