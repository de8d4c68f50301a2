internal import ArgumentParser
internal import Query

/// A first word that names no command: told with the one that was probably meant.
package enum UnknownCommand {
  /// `nil` when the words name a command, or none at all.
  package static func message(_ arguments: [String]) -> String? {
    var commands = VarveCommands.all
    var path = "varve"
    for word in arguments {
      guard !word.hasPrefix("-"), word != "help", !commands.isEmpty else { return nil }
      let names = commands.map { $0._commandName }
      guard let command = commands.first(where: { $0._commandName == word }) else {
        let hint = NearName.suggestion(for: word, among: names).map { "did you mean \($0)? " } ?? ""
        return "there is no command \(path) \(TerminalText.escape(word)); \(hint)"
          + "\(path) --help lists all"
      }
      commands = command.configuration.subcommands
      path += " " + word
    }
    return nil
  }
}
