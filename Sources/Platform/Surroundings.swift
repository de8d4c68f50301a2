/// What lies around the process on this machine: for checks before a server is started.
public enum Surroundings {
  /// The type of the file system that holds `path`, such as `ext4`; `nil` when it is not told.
  ///
  /// - Parameter path: absolute.
  public static func fileSystemType(of path: String) -> String? {
    fileSystemType(of: path, mounts: KernelFile.text("/proc/self/mountinfo"))
  }

  /// - Parameter mounts: lines of `/proc/self/mountinfo`:
  ///   `36 35 98:0 /root /mount/point rw shared:1 - ext4 /dev/sda1 rw`.
  package static func fileSystemType(of path: String, mounts: String) -> String? {
    var best: (length: Int, type: String)?
    for line in mounts.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 5, let dash = words.firstIndex(of: "-"), dash + 1 < words.count else {
        continue
      }
      let point = unescaped(words[4])
      let isAbove = point == "/" || path == point || path.hasPrefix(point + "/")
      // Of several mounts at one place the last one is seen.
      if isAbove, point.utf8.count >= best?.length ?? 0 {
        best = (point.utf8.count, String(words[dash + 1]))
      }
    }
    return best?.type
  }

  /// `\040` is a space.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The names of the programs that run, as far as this process may see them.
  public static func programNames() -> Set<String> {
    let processes = (try? RealDisk().list("/proc")) ?? []
    return Set(
      processes.filter { $0.allSatisfy(\.isNumber) }.compactMap { process in
        let name = KernelFile.text("/proc/\(process)/comm")
        return name.split(separator: "\n").first.map(String.init)
      }
    )
  }

  /// An absolute path for `path`, with `.` and `..` taken away as text; the folder need not be
  /// there.
  public static func absolutePath(_ path: String) -> String {
    let start = path.hasPrefix("/") ? "" : (ProcessEnvironment.value(of: "PWD") ?? "")
    var names: [Substring] = []
    for name in (start + "/" + path).split(separator: "/") where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return "/" + names.joined(separator: "/")
  }
}
