internal import Glibc

/// The terminal or pipe that a command writes to. Unbuffered, so that a line is seen when it is
/// written, whatever stands at the other end.
public enum StandardOutput {
  /// Writes to standard output. What a closed pipe does not take is dropped.
  public static func write(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// Writes to standard error.
  public static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

  /// Whether a person watches, so that a line may be drawn over.
  public static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let (start, count) = (written, bytes.count - written)
      let result = try? SystemCall.run("write", "output") {
        unsafe bytes.withUnsafeBytes { buffer in
          guard let base = buffer.baseAddress else { return 0 }
          return unsafe Glibc.write(descriptor, base + start, count)
        }
      }
      guard let result, result > 0 else { return }
      written += result
    }
  }
}

/// The environment of the process.
public enum ProcessEnvironment {
  /// The value of a variable, or `nil` when it is not set.
  public static func value(of name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  /// The names of all variables that the process was started with and that begin so, in no order.
  public static func names(withPrefix prefix: String) -> [String] {
    KernelFile.text("/proc/self/environ").split(separator: "\0").compactMap { entry in
      let name = entry.prefix { $0 != "=" }
      return name.hasPrefix(prefix) ? String(name) : nil
    }
  }
}

/// What the kernel lets the process have.
public enum ProcessLimits {
  /// Raises the number of files that may be open to what the system allows without privilege.
  ///
  /// - Returns: the limit in force now.
  @discardableResult
  public static func raiseOpenFileCount() -> Int {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(kind, &limit) == 0 else { return 0 }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(kind, &limit)
    _ = unsafe getrlimit(kind, &limit)
    return Int(clamping: limit.rlim_cur)
  }
}
