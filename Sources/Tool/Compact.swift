internal import ArgumentParser
internal import Engine
internal import Platform

/// Merges the blocks of a stopped server's data directory.
struct Compact: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Merge the blocks of a data directory into large, cold ones.",
    discussion: """
      For a stopped server: refuses a directory in use, applies what the log still holds, then \
      merges the blocks of each partition. Every step is durable before its inputs go, so it may \
      be stopped at any time and goes on where it was. A partition with a damaged block is left as \
      it is. Exit status: 0 done, 1 failed or a partition was left.
      """
  )

  @Option(help: "The data directory.")
  var data: String

  @Flag(help: "Print what was done as JSON.")
  var json = false

  func run() throws {
    let disk = RealDisk()
    let clock = RealClock()
    let compaction: OfflineCompaction
    let plan: OfflineCompaction.Plan
    guard (try? disk.byteCount(of: Path.join(data, "VARVE"))) != nil else {
      throw Failure("\(data) is no data directory: it holds no file VARVE")
    }
    do throws(SystemError) {
      let machine = MachineResources.current()
      let configuration = EngineConfiguration.scaled(
        dataDirectory: data,
        machineMemory: machine.memoryByteCount,
        disk: try disk.space(at: data).total,
        cores: machine.coreCount
      )
      compaction = OfflineCompaction(configuration, disk: disk, clock: clock)
    } catch {
      throw Failure("cannot use \(data) as data directory: \(error)")
    }
    ProcessLimits.raiseOpenFileCount()
    do throws(EngineError) {
      try compaction.applyLog()
      plan = try compaction.plan()
    } catch {
      throw Failure("\(error)")
    }
    if !json {
      StandardOutput.write(
        "\(Quantity.grouped(plan.pointCount)) points in \(ByteSize(byteCount: plan.byteCount)) to "
          + "compact, \(ByteSize(byteCount: plan.scratchByteCount)) of scratch space at most\n"
      )
    }
    try perform(compaction, plan, clock)
  }

  private func perform(
    _ compaction: OfflineCompaction,
    _ plan: OfflineCompaction.Plan,
    _ clock: RealClock
  ) throws {
    let isTerminal = StandardOutput.isErrorTerminal
    let start = clock.now()
    let progress: OfflineCompaction.Progress
    let faults: [OfflineCompaction.Fault]
    do throws(EngineError) {
      (progress, faults) = try compaction.run { progress in
        guard isTerminal else { return }
        let seconds = Double(clock.now() - start) / 1e9
        let fraction = Double(progress.pointsDone) / Double(max(1, plan.pointCount))
        let left = fraction > 0 ? seconds * (1 - fraction) / fraction : 0
        StandardOutput.writeError(
          "\r\u{1b}[K\(Int(fraction * 100)) %, \(Int(left.rounded(.up))) s left"
        )
      }
    } catch {
      guard case .system(let failure) = error, failure.isDiskFull else { throw Failure("\(error)") }
      throw Failure(
        "\(error); free \(ByteSize(byteCount: plan.scratchByteCount)) of scratch space and run it "
          + "again: what was merged stays so, the rest is as it was"
      )
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    let seconds = Double(clock.now() - start) / 1e9
    if json {
      StandardOutput.write(Self.json(plan, progress, faults, seconds).text + "\n")
    } else {
      StandardOutput.write(
        "\(Quantity.grouped(progress.pointsDone)) points: "
          + "\(ByteSize(byteCount: progress.bytesRead)) became "
          + "\(ByteSize(byteCount: progress.bytesWritten)) in "
          + "\(Quantity.decimals(seconds, 1)) s\n"
      )
    }
    for fault in faults where !json {
      StandardOutput.writeError("partition \(fault.partition) was left: \(fault.text)\n")
    }
    if !faults.isEmpty { throw ExitCode(1) }
  }

  private static func json(
    _ plan: OfflineCompaction.Plan,
    _ progress: OfflineCompaction.Progress,
    _ faults: [OfflineCompaction.Fault],
    _ seconds: Double
  ) -> JSONValue {
    var left = TextTable(["partition", "reason"])
    for fault in faults { left.add([.integer(fault.partition), .text(fault.text)]) }
    return .object([
      (key: "points", value: .integer(Int64(progress.pointsDone))),
      (key: "bytes_before", value: .integer(Int64(progress.bytesRead))),
      (key: "bytes_after", value: .integer(Int64(progress.bytesWritten))),
      (key: "scratch_bytes_max", value: .integer(Int64(plan.scratchByteCount))),
      (key: "seconds", value: .double(seconds)),
      (key: "left", value: left.json),
    ])
  }
}
