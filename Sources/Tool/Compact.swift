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
    StandardOutput.write(
      "\(Quantity.grouped(plan.pointCount)) points in \(ByteSize(byteCount: plan.byteCount)) to "
        + "compact, \(ByteSize(byteCount: plan.scratchByteCount)) of scratch space at most\n"
    )
    try perform(compaction, plan, clock)
  }

  private func perform(
    _ compaction: OfflineCompaction,
    _ plan: OfflineCompaction.Plan,
    _ clock: RealClock
  ) throws {
    let isTerminal = StandardOutput.isTerminal
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
      throw Failure("\(error)")
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    StandardOutput.write(
      "\(Quantity.grouped(progress.pointsDone)) points: "
        + "\(ByteSize(byteCount: progress.bytesRead)) became "
        + "\(ByteSize(byteCount: progress.bytesWritten)) in "
        + "\(Quantity.decimals(Double(clock.now() - start) / 1e9, 1)) s\n"
    )
    for fault in faults {
      StandardOutput.writeError("partition \(fault.partition) was left: \(fault.text)\n")
    }
    if !faults.isEmpty { throw ExitCode(1) }
  }
}
