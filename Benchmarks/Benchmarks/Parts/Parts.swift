import Benchmark
import Glibc
import Platform

/// Rows, columns or windows a second of the thread that works on them.
let pointRate = BenchmarkMetric.custom("points/s", polarity: .prefersLarger)
let byteRate = BenchmarkMetric.custom("bytes/s", polarity: .prefersLarger)

/// Every stage of a point's way by itself: parser, queue, sealing, ring and query operators. The
/// codecs have a target of their own.
let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.cpuTotal, .instructions, .mallocCountTotal, pointRate, byteRate],
    units: [pointRate: .kilo, byteRate: .mega],
    warmupIterations: 2,
    maxDuration: .seconds(1)
  )
  parserBenchmarks()
  queueBenchmarks()
  sealBenchmarks()
  ringBenchmarks()
  queryBenchmarks()
}

/// Measures `body`, which works on so many points and bytes; whatever the closure did before is not
/// measured.
///
/// Rates are of wall time where the body waits for a disk, else of the thread's CPU time, which
/// other processes disturb less.
func measure(
  _ benchmark: Benchmark,
  points: Int,
  bytes: Int = 0,
  waits: Bool = false,
  _ body: () throws -> Void
) rethrows {
  let clock = waits ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID
  benchmark.startMeasurement()
  let start = seconds(clock)
  try body()
  let time = max(seconds(clock) - start, 1e-9)
  benchmark.stopMeasurement()
  benchmark.measurement(pointRate, Int(Double(points) / time))
  if bytes > 0 { benchmark.measurement(byteRate, Int(Double(bytes) / time)) }
}

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// A folder of its own, removed with its owner.
final class Folder {
  let path: String

  /// - Parameter inMemory: whether it lies in memory; else where temporary files go.
  init(inMemory: Bool = true) {
    var name = Array("\(inMemory ? "/dev/shm" : "/tmp")/varve-parts-XXXXXX".utf8CString)
    precondition(mkdtemp(&name) != nil, "no folder for temporary files")
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { Self.remove(path) }

  private static func remove(_ path: String) {
    let disk = RealDisk()
    for name in (try? disk.list(path)) ?? [] {
      let inner = Path.join(path, name)
      if unlink(inner) != 0 { remove(inner) }
    }
    rmdir(path)
  }
}
