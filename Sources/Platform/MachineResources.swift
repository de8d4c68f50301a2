internal import Glibc

/// What this process may use of the machine: the defaults of memory budgets and thread counts.
public struct MachineResources: Equatable, Sendable {
  /// RAM in bytes: the machine's, or the limit of the process' control group when that is lower.
  public var memoryByteCount: Int
  /// Processors that the process may run on, at least 1.
  public var coreCount: Int

  public init(memoryByteCount: Int, coreCount: Int) {
    self.memoryByteCount = memoryByteCount
    self.coreCount = coreCount
  }

  public static func current() -> MachineResources {
    let physical = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    let groups = ControlGroup.folders()
    let memory = groups.compactMap { folder in
      let text = KernelFile.text("\(folder)/memory.max")
      return Int(text) ?? Int(KernelFile.text("\(folder)/memory.limit_in_bytes"))
    }
    let quotas = groups.compactMap { ControlGroup.cores(quota: KernelFile.text("\($0)/cpu.max")) }
    return MachineResources(
      memoryByteCount: memory.filter { $0 > 0 }.reduce(physical, min),
      coreCount: max(1, quotas.reduce(allowedCoreCount(), min))
    )
  }

  /// Processors that are there and in the affinity mask.
  private static func allowedCoreCount() -> Int {
    let online = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let status = KernelFile.text("/proc/self/status")
    return ControlGroup.affinityCount(status: status).map { min($0, online) } ?? online
  }
}

/// Control groups, which is how containers are told their limits, and the mask of processors.
package enum ControlGroup {
  /// The folders of this process' groups and of all above them, in either version.
  static func folders() -> [String] {
    folders(membership: KernelFile.text("/proc/self/cgroup"))
  }

  /// - Parameter membership: lines of `/proc/self/cgroup`, `0::/path` or `4:memory:/path`.
  package static func folders(membership: String) -> [String] {
    var folders: [String] = []
    for line in membership.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let isMemory = parts[1].split(separator: ",").contains("memory")
      guard parts[1].isEmpty || isMemory else { continue }
      let root = parts[1].isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
      var names = parts[2].split(separator: "/")
      while true {
        folders.append(([Substring(root)] + names).joined(separator: "/"))
        if names.popLast() == nil { break }
      }
    }
    return folders
  }

  /// Whole processors that a quota such as `150000 100000` (microseconds a period) amounts to,
  /// rounded up; `nil` for `max` or anything else.
  package static func cores(quota: String) -> Int? {
    let parts = quota.split(separator: " ").map { Int($0) }
    guard parts.count == 2, let allowed = parts[0], let period = parts[1] else { return nil }
    guard allowed > 0, period > 0 else { return nil }
    return max(1, (allowed - 1) / period + 1)
  }

  /// Bits of the line `Cpus_allowed:` of `/proc/self/status`: hexadecimal words, commas between.
  package static func affinityCount(status: String) -> Int? {
    let label = "Cpus_allowed:"
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(label) }) else {
      return nil
    }
    let count = line.dropFirst(label.count).reduce(0) {
      $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0)
    }
    return count > 0 ? count : nil
  }
}
