internal import Glibc

/// What this process uses at one moment. Read from `/proc`: some tens of microseconds.
public struct ProcessStatistics: Equatable, Sendable {
  /// Bytes of memory that lie in RAM now, mapped files included.
  public var residentByteCount: Int
  /// The most that ever did.
  public var residentByteCountMax: Int
  /// Processor time of all threads, user and system, since the start.
  public var cpuSeconds: Double
  public var openFileCount: Int
  /// Descriptors that the process may have open.
  public var openFileCountMax: Int
  /// Bytes of address space.
  public var virtualByteCount: Int

  /// Reads the figures; those that the system does not tell are 0.
  public static func current() -> ProcessStatistics {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    let pages = KernelFile.text("/proc/self/statm").split(separator: " ")
    let residentPages = pages.count > 1 ? Int(pages[1]) ?? 0 : 0
    let virtualPages = pages.first.flatMap { Int($0) } ?? 0
    let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
    var files = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
    // The listing itself holds one descriptor.
    let open = (try? RealDisk().list("/proc/self/fd")) ?? []
    return ProcessStatistics(
      residentByteCount: residentPages * pageByteCount,
      residentByteCountMax: peak(status: KernelFile.text("/proc/self/status")),
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      openFileCount: max(0, open.count - 1),
      openFileCountMax: Int(clamping: files.rlim_cur),
      virtualByteCount: virtualPages * pageByteCount
    )
  }

  /// The line `VmHWM:` of `/proc/self/status`, which is in KiB. `getrusage` would count what the
  /// parent had when it started this program.
  private static func peak(status: String) -> Int {
    let label = "VmHWM:"
    let line = status.split(separator: "\n").first { $0.hasPrefix(label) }
    let digits = line?.dropFirst(label.count).filter { $0.isASCII && $0.isNumber }
    return digits.flatMap { Int($0) }.map { $0 * 1_024 } ?? 0
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}
