internal import CBuild

/// What this binary is, for `/metrics`, `/health`, `/ping` and `varve --version`.
public enum BuildInformation {
  public static let name = "varve"
  public static let version = "0.1.0"

  /// The commit it was built from, where the builder named one in `VARVE_BUILD_COMMIT`.
  public static let commit: String? = {
    let text = unsafe String(cString: varve_build_commit())
    return text.isEmpty ? nil : text
  }()

  /// The compiler's version, as exactly as it can be asked for.
  public static let swift: String = {
    #if compiler(>=6.5)
      "6.5 or later"
    #elseif compiler(>=6.4)
      "6.4"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }()

  /// `debug` is many times slower: whoever measures should know.
  public static let mode: String = {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }()

  public static let architecture: String = {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "arm64"
    #else
      "other"
    #endif
  }()

  /// `varve 0.1.0 (commit 1a2b3c4, Swift 6.3, release, x86_64)`.
  public static let text: String = {
    let origin = commit.map { "commit \($0), " } ?? ""
    return "\(name) \(version) (\(origin)Swift \(swift), \(mode), \(architecture))"
  }()
}
