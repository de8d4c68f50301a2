/// What little path arithmetic the engine needs; a path is a plain string with `/` between names.
public enum Path {
  /// The folder that holds `path`: `a/b` for `a/b/c`, `.` for a bare name, `/` for `/a`.
  public static func directory(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return trimmed.isEmpty ? "/" : "." }
    let directory = trimmingSlashes(trimmed[..<slash])
    return directory.isEmpty ? "/" : String(directory)
  }

  /// The last name of `path`: `c` for `a/b/c`.
  public static func name(of path: String) -> String {
    let trimmed = trimmingSlashes(path)
    guard let slash = trimmed.lastIndex(of: "/") else { return String(trimmed) }
    return String(trimmed[trimmed.index(after: slash)...])
  }

  /// `directory/name`.
  public static func join(_ directory: String, _ name: String) -> String {
    directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
  }

  private static func trimmingSlashes(_ path: some StringProtocol) -> Substring {
    var end = path.endIndex
    while end > path.startIndex, path[path.index(before: end)] == "/" {
      end = path.index(before: end)
    }
    return Substring(path[..<end])
  }
}
