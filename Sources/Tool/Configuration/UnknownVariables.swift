internal import ArgumentParser
internal import Query

/// Variables named `VARVE_…` that no option reads: most are misspelt.
package enum UnknownVariables {
  /// Read by other parts than options.
  private static let others: Set<String> = ["VARVE_CONFIG", "VARVE_BUILD_COMMIT"]

  package static func warnings(names: [String]) -> [String] {
    let commands = EnvironmentOptions.variables(of: VarveCommands.all)
    let known = Settings.all.map(\.variable) + commands + others
    let all = Set(known)
    return names.sorted().filter { !all.contains($0) && !isOfServiceLinks($0) }.map { name in
      let near = NearName.suggestion(for: name, among: known)
      let hint = near.map { "did you mean \($0)?" } ?? "varve config show lists all options"
      return "the environment variable \(name) sets no option; \(hint)"
    }
  }

  /// What Kubernetes sets for every service, here for one that is called varve.
  private static func isOfServiceLinks(_ name: String) -> Bool {
    name.hasPrefix("VARVE_SERVICE_") || name == "VARVE_PORT" || name.hasPrefix("VARVE_PORT_")
  }
}
