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

  /// Reads the figures; those that the system does not tell are 0.
  public static func current() -> ProcessStatistics {
    var usage = rusage()
    unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
    let pages = KernelFile.text("/proc/self/statm").split(separator: " ")
    let residentPages = pages.count > 1 ? Int(pages[1]) ?? 0 : 0
    // The listing itself holds one descriptor.
    let files = (try? RealDisk().list("/proc/self/fd")) ?? []
    return ProcessStatistics(
      residentByteCount: residentPages * Int(sysconf(Int32(_SC_PAGESIZE))),
      residentByteCountMax: Int(usage.ru_maxrss) * 1_024,
      cpuSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
      openFileCount: max(0, files.count - 1)
    )
  }

  private static func seconds(_ time: timeval) -> Double {
    Double(time.tv_sec) + Double(time.tv_usec) / 1e6
  }
}
