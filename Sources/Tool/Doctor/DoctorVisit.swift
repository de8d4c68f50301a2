internal import Blocks
package import Engine
internal import Model
package import Platform
package import Server

/// The checks of `varve doctor`, in the order in which they are told.
package struct DoctorVisit {
  private let disk: any Disk
  private let clock: any Clock
  private let data: String
  package private(set) var findings: [DoctorFinding] = []

  package init(disk: any Disk, clock: any Clock, data: String) {
    self.disk = disk
    self.clock = clock
    self.data = Surroundings.absolutePath(data)
  }

  package var hasFailed: Bool { findings.contains { $0.state == .fail } }

  private mutating func tell(
    _ state: DoctorFinding.State,
    _ topic: String,
    _ text: String,
    _ remedy: String = ""
  ) {
    findings.append(DoctorFinding(state: state, topic: topic, text: text, remedy: remedy))
  }

  package func rendered(asJSON: Bool) -> String {
    if asJSON {
      var table = TextTable(["state", "topic", "text", "remedy"])
      for finding in findings {
        table.add([
          .text(finding.state.rawValue), .text(finding.topic), .text(finding.text),
          .text(finding.remedy),
        ])
      }
      return table.json.text + "\n"
    }
    let width = findings.reduce(0) { max($0, $1.topic.count) }
    return findings.map { finding in
      TerminalText.padded(finding.state.rawValue, to: 6)
        + TerminalText.padded(finding.topic, to: width + 2) + TerminalText.escape(finding.text)
        + (finding.remedy.isEmpty ? "" : "; \(TerminalText.escape(finding.remedy))") + "\n"
    }
    .joined()
  }

  // MARK: The configuration

  /// - Parameters:
  ///   - faults: what ends a start.
  ///   - warnings: what does not.
  package mutating func checkConfiguration(_ path: String, faults: [String], warnings: [String]) {
    for fault in faults {
      tell(.fail, "configuration", fault, "varve config check \(path) names every fault")
    }
    for warning in warnings { tell(.warn, "configuration", warning) }
    if faults.isEmpty, warnings.isEmpty { tell(.ok, "configuration", path) }
  }

  /// Nobody has said where the data lies.
  package mutating func missDirectory() {
    tell(.fail, "directory", "no data directory is named", "give \"data: DIR\" or --data DIR")
  }

  // MARK: The machine

  /// - Parameter budgets: what the server would run with.
  package mutating func checkMachine(_ budgets: EngineConfiguration) {
    checkFiles()
    checkClock()
    checkMemory(budgets)
  }

  private mutating func checkFiles() {
    let limit = ProcessLimits.raiseOpenFileCount()
    let text = "\(Quantity.grouped(limit)) open files are allowed"
    let remedy = "raise it: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit"
    tell(
      limit < 1_024 ? .fail : limit < 16_384 ? .warn : .ok,
      "files",
      text,
      limit < 16_384 ? remedy : ""
    )
  }

  /// Times before this are surely wrong: the clock starts there after a lost battery.
  private static let clockMin: Timestamp = 1_735_689_600_000_000_000

  private mutating func checkClock() {
    let now = clock.now()
    guard now > Self.clockMin else {
      tell(
        .fail,
        "clock",
        "it is \(TimeFormat.short(now)) UTC here",
        "set the clock: rows from the future are refused"
      )
      return
    }
    let keepers: Set = [
      "chronyd", "ntpd", "systemd-timesyn", "ptp4l", "openntpd", "ntpd-rs", "ntp-daemon",
    ]
    let isKept = !Surroundings.programNames().isDisjoint(with: keepers)
    tell(
      isKept ? .ok : .warn,
      "clock",
      "it is \(TimeFormat.short(now)) UTC"
        + (isKept ? "" : ", and no program is seen that keeps it right"),
      isKept ? "" : "run chrony or systemd-timesyncd, here or on the host of this container"
    )
  }

  private mutating func checkMemory(_ budgets: EngineConfiguration) {
    let machine = MachineResources.current()
    // A partition may hold twice its open rows while it cuts.
    let most =
      2 * budgets.openRowByteCountMax + budgets.inFlightByteCountMax
      + budgets.queryThreadCount * budgets.queryByteCountMax + budgets.feed.readersByteCountMax
    let text =
      "\(ByteSize(byteCount: machine.memoryByteCount)) and \(machine.coreCount) cores; budgets "
      + "take \(ByteSize(byteCount: most)) at most, names apart"
    let isTight = most > machine.memoryByteCount / 10 * 7
    tell(
      most > machine.memoryByteCount ? .fail : isTight ? .warn : .ok,
      "memory",
      text,
      isTight ? "give the machine more, or the server less: --open-rows, --query-memory" : ""
    )
  }

  // MARK: The data directory

  /// The data directory, or the nearest folder above it that is there.
  private var existingFolder: String {
    var folder = data
    while folder != "/", (try? disk.space(at: folder)) == nil {
      folder = Path.directory(of: folder)
    }
    return folder
  }

  package mutating func checkDirectory() {
    let names: [String]
    do throws(SystemError) {
      names = try disk.list(data)
      // A file has nothing below, not even itself.
      if try disk.byteCount(of: data) != nil, try disk.byteCount(of: data + "/.") == nil {
        throw SystemError(code: SystemError.Code.notDirectory, operation: "list", path: data)
      }
    } catch {
      tell(.fail, "directory", "\(data): \(error.reason)", "name a folder that this user may read")
      return
    }
    checkSpace()
    checkFileSystem()
    measureDisk()
    guard names.contains("VARVE") else {
      if names.contains(where: { $0 != "lost+found" && $0 != "lock" }) {
        tell(.fail, "directory", "\(data) holds other things", "choose an empty folder")
      } else {
        tell(.ok, "directory", "\(data) is new: the first start makes it")
      }
      return
    }
    checkLock(names)
    checkContents()
    checkQuarantine()
  }

  private mutating func checkSpace() {
    guard let space = try? disk.space(at: existingFolder), space.total > 0 else {
      tell(.fail, "space", "\(existingFolder) does not tell its free space", "look at the disk")
      return
    }
    let percent = Int(Double(space.free) / Double(space.total) * 100)
    let text =
      "\(ByteSize(byteCount: space.free)) of \(ByteSize(byteCount: space.total)) free (\(percent)%)"
    if space.free < 64 << 20 {
      tell(.fail, "space", text, "make room: a full disk refuses writes until there is some")
    } else if percent < 10 {
      tell(.warn, "space", text, "make room, or choose another disk")
    } else {
      tell(.ok, "space", text)
    }
  }

  private mutating func checkFileSystem() {
    let type = Surroundings.fileSystemType(of: existingFolder)
    switch type {
    case nil: tell(.warn, "file system", "its type is not told")
    case "ext4", "xfs", "btrfs", "zfs", "f2fs", "ext3": tell(.ok, "file system", type ?? "")
    case "tmpfs", "ramfs":
      tell(
        .warn,
        "file system",
        "\(type ?? ""): it lies in memory and is gone after a restart",
        "use a disk"
      )
    case "overlay", "aufs":
      tell(
        .warn,
        "file system",
        "\(type ?? ""): the container's own layer, gone with the container",
        "mount a volume for the data directory"
      )
    case .some(let name) where name.hasPrefix("nfs") || name.hasPrefix("cifs") || name == "smb3":
      tell(
        .fail,
        "file system",
        "\(name): locks and syncs over a network are not to be relied on",
        "use a local disk"
      )
    case .some(let name) where name == "vfat" || name == "exfat" || name.hasPrefix("ntfs"):
      tell(.fail, "file system", "\(name): a crash may lose what was synced", "use ext4 or xfs")
    case .some(let name):
      tell(.warn, "file system", "\(name): not one that is tried often", "prefer ext4 or xfs")
    }
  }

  private static let syncCount = 40

  /// Appends 4 KiB and syncs, again and again; and allocates a mapped page as the ring does.
  private mutating func measureDisk() {
    let path = Path.join(existingFolder, ".varve-doctor.tmp")
    defer { try? disk.remove(path) }
    var times: [UInt64] = []
    do throws(SystemError) {
      let file = try disk.append(to: path)
      defer { file.close() }
      let bytes = [UInt8](repeating: 0x5a, count: 4_096)
      for _ in 0..<Self.syncCount {
        let start = clock.monotonic()
        try file.append(bytes)
        try file.sync()
        times.append(clock.monotonic() &- start)
      }
      try disk.remove(path)
      _ = try disk.map(path).extent(at: 0, byteCount: 4_096)
    } catch {
      tell(
        .fail,
        "disk",
        "\(error)",
        error.code == SystemError.Code.notPermitted
          ? "let this user write there: chown, or User= in the systemd unit"
          : "look at the disk and its mount options"
      )
      return
    }
    times.sort()
    let (half, most) = (Double(times[times.count / 2]) / 1e6, Double(times[times.count - 1]) / 1e6)
    let text =
      "fdatasync takes \(Quantity.decimals(half, 2)) ms, at most \(Quantity.decimals(most, 2)) ms"
    if half > 50 {
      tell(.fail, "disk", text, "acknowledgements wait for it: use a faster disk")
    } else if half > 10 {
      tell(.warn, "disk", text, "acknowledgements wait for it: prefer an SSD")
    } else if half < 0.005 {
      tell(.warn, "disk", text, "so fast that nothing is synced: is it a disk in memory?")
    } else {
      tell(.ok, "disk", text)
    }
  }

  private mutating func checkLock(_ names: [String]) {
    guard names.contains("lock") else {
      tell(.ok, "in use", "no process has it")
      return
    }
    do throws(SystemError) {
      try disk.lock(DataDirectory(data).lock).release()
      tell(.ok, "in use", "no process has it")
    } catch {
      if error.isHeld {
        tell(
          .ok,
          "in use",
          "a varve process has it; compact and import --data must wait for its end"
        )
      } else {
        tell(.fail, "in use", "\(error)", "let this user write there")
      }
    }
  }

  private mutating func checkContents() {
    let snapshot: DirectorySnapshot
    do throws(EngineError) {
      snapshot = try DirectorySnapshot(disk: disk, path: data, readsLog: false)
    } catch {
      tell(.fail, "contents", "\(error)", "restore it, or choose another directory")
      return
    }
    let damages = snapshot.findings.filter { $0.severity != .note }
    for damage in damages.prefix(5) {
      tell(.fail, "contents", VerifyText.line(damage).trimmingLineFeed(), "varve verify lists all")
    }
    if damages.count > 5 { tell(.fail, "contents", "and \(damages.count - 5) more damages") }
    let newest = snapshot.partitions.flatMap(\.manifest.blocks).map(\.lastTimestamp).max() ?? 0
    if damages.isEmpty {
      tell(.ok, "contents", "identity, names, manifests and footers of blocks are sound")
    }
    if newest > clock.now() + Limits.futureNanosecondsMax {
      tell(
        .fail,
        "clock",
        "the newest row is of \(TimeFormat.short(newest)), ahead of this clock",
        "set the clock: rows that are on time are refused as future ones"
      )
    }
  }

  private mutating func checkQuarantine() {
    let names = (try? disk.list(DataDirectory(data).quarantine)) ?? []
    guard let last = names.last else {
      tell(.ok, "quarantine", "empty: no start has found damage that it set aside")
      return
    }
    // TIME-ORIGIN, nanoseconds.
    let time = Int64(last.prefix { $0.isNumber }).map { " on \(TimeFormat.short($0))" } ?? ""
    tell(
      .warn,
      "quarantine",
      names.count == 1
        ? "a file was set aside as damaged\(time): \(last)"
        : "\(names.count) files were set aside as damaged, the last one\(time): \(last)",
      "look at the disk's health; remove them when they are not wanted any more"
    )
  }

  /// Every checksum.
  package mutating func checkEverything() {
    let result = DataDirectoryCheck(disk: disk, path: data).run()
    let damages = result.findings.filter { $0.severity != .note }
    for damage in damages.prefix(20) {
      tell(.fail, "verify", VerifyText.line(damage).trimmingLineFeed())
    }
    let report = VerifyReport(result.findings, result.fileCount, result.byteCount)
    if damages.isEmpty { tell(.ok, "verify", report.summary) }
  }

  // MARK: The server

  package mutating func checkDurability(_ mode: DurabilityMode) {
    tell(
      mode == .fsync ? .ok : .warn,
      "durability",
      "\(mode.rawValue): \(mode.risk)",
      mode == .fsync ? "" : "run with --durability fsync unless the loss is acceptable"
    )
  }

  /// Whether an acknowledgement comes back from there, of nothing.
  private static func speaksLines(_ address: Address) -> Bool {
    guard let socket = try? TCPSocket(host: address.host, port: address.port) else { return false }
    defer { socket.shutDown() }
    socket.setReceiveTimeout(seconds: 2)
    let line = Array("#ack doctor\n".utf8)
    guard (try? socket.send(line, 0..<line.count)) != nil else { return false }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64)
    let expected = Array("OK doctor ".utf8)
    while answer.count < expected.count, let count = try? socket.receive(into: &buffer), count > 0 {
      answer += buffer[..<count]
    }
    return answer.starts(with: expected)
  }

  package mutating func checkPorts(lines: Address, http: Address) {
    for (topic, address) in [("line port", lines), ("http port", http)] {
      guard let socket = try? TCPSocket(host: address.host, port: address.port) else {
        tell(.ok, topic, "\(address) is free")
        continue
      }
      socket.shutDown()
      guard topic == "http port" else {
        if Self.speaksLines(address) {
          tell(.ok, topic, "\(address): a server takes lines")
        } else {
          tell(
            .warn,
            topic,
            "\(address) is taken, and nobody there answers an #ack",
            "fine if that is a server that replays; else choose another --line-tcp"
          )
        }
        continue
      }
      let answer =
        try? HTTPClient(url: "http://\(address)", timeoutSeconds: 5).get("/-/ready")
      switch answer?.status {
      case 200: tell(.ok, topic, "\(address): a server answers and is ready")
      case 503:
        let text = TerminalText.escape(answer?.body ?? [], characterCountMax: 120)
        tell(
          .warn,
          topic,
          "\(address): a server answers and is not ready: \(text)",
          "wait for its replay"
        )
      default:
        tell(
          .fail,
          topic,
          "\(address) is taken by something else",
          "choose another --http; InfluxDB listens there too"
        )
      }
    }
  }
}

extension String {
  fileprivate func trimmingLineFeed() -> String { hasSuffix("\n") ? String(dropLast()) : self }
}
