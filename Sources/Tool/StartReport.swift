internal import Engine
internal import Logging
internal import Model
internal import Platform
internal import Server

/// What a server prints when it starts: what it uses, what it can lose and what it can hold.
struct StartReport {
  /// Bytes of an open value, as agents' mixes encode to.
  static let bytesPerOpenValue = 2.2
  /// Bytes of a column's minute in the ring.
  static let bytesPerWindow = 10.6
  static let ringHours = 51.0

  private static let listedDamageCountMax = 20

  private let configuration: EngineConfiguration
  private let freeByteCount: Int?

  init(_ configuration: EngineConfiguration, disk: any Disk) {
    self.configuration = configuration
    freeByteCount = try? disk.space(at: configuration.dataDirectory).free
  }

  /// One thing that is told: in words for people, in numbers for programs.
  struct Fact {
    var name: String
    var text: String
    var values: Logger.Metadata

    init(_ name: String, _ text: String, _ values: Logger.Metadata = [:]) {
      self.name = name
      self.text = text
      self.values = values
    }
  }

  /// A damage or a note.
  struct Finding {
    var text: String
    var isNote: Bool
    var values: Logger.Metadata = [:]
  }

  /// What holds once the ports are taken.
  func started(_ addresses: VarveServer.Addresses) -> [Fact] {
    let free = freeByteCount.map { ", \(ByteSize(byteCount: $0)) free" } ?? ""
    let mode = configuration.durability
    let (partitions, workers) = (configuration.partitionCount, configuration.workerCount)
    let owners = min(workers, partitions)
    var place: Logger.Metadata = [
      "data": "\(configuration.dataDirectory)", "version": "\(BuildInformation.version)",
    ]
    if let freeByteCount { place["free_bytes"] = .stringConvertible(freeByteCount) }
    return [
      Fact("data", configuration.dataDirectory + free, place),
      Fact(
        "durability",
        "\(mode.rawValue): \(mode.risk)",
        ["durability": "\(mode.rawValue)"]
      ),
      Fact(
        "partitions",
        "\(partitions), owned by \(owners) workers",
        ["partitions": .stringConvertible(partitions), "workers": .stringConvertible(owners)]
      ),
      Fact(
        "open rows",
        openRows,
        ["open_rows_bytes": .stringConvertible(configuration.openRowByteCountMax)]
      ),
      Fact("ring", ring, ["ring_hours": .stringConvertible(Int(Self.ringHours))]),
      Fact("lines", "\(addresses.lines)", ["lines": "\(addresses.lines)"]),
      Fact("http", "http://\(addresses.http)", ["http": "http://\(addresses.http)"]),
    ]
  }

  private var openRows: String {
    let perMinute = Self.bytesPerOpenValue * 60
    let columns = Int(Double(configuration.openRowByteCountMax) / perMinute)
    return "\(ByteSize(byteCount: configuration.openRowByteCountMax)), about "
      + "\(Int(perMinute)) bytes a column and minute at a row a second: "
      + "\(Quantity.grouped(columns)) columns between cuts"
  }

  private var ring: String {
    let perColumn = Self.bytesPerWindow * 60 * Self.ringHours
    let size = "\(Int(Self.ringHours)) hours, about \(ByteSize(byteCount: Int(perColumn))) a column"
    guard let freeByteCount else { return size }
    let columns = Int(Double(freeByteCount) / perColumn)
    return "\(size): \(Quantity.grouped(columns)) columns fit the free disk"
  }

  /// What opening the data found.
  func recovered(_ recovery: RecoveryReport) -> [Fact] {
    let found = recovery.ring
    return [
      Fact(
        "recovery",
        "epoch \(recovery.epoch): \(Quantity.grouped(recovery.blocks)) blocks, "
          + "\(Quantity.grouped(recovery.series)) series; "
          + "\(Quantity.grouped(recovery.replayedBatches)) batches with "
          + "\(Quantity.grouped(recovery.replayedRows)) rows replayed in "
          + "\(Quantity.decimals(recovery.seconds, 2)) s",
        [
          "epoch": .stringConvertible(recovery.epoch),
          "blocks": .stringConvertible(recovery.blocks),
          "series": .stringConvertible(recovery.series),
          "replayed_batches": .stringConvertible(recovery.replayedBatches),
          "replayed_rows": .stringConvertible(recovery.replayedRows),
          "seconds": .stringConvertible(recovery.seconds),
          "damages": .stringConvertible(recovery.damages.count { $0.severity != .note }),
          "notes": .stringConvertible(recovery.damages.count { $0.severity == .note }),
        ]
      ),
      Fact(
        "ring",
        Self.ring(found),
        [
          "frozen_hours": .stringConvertible(found.frozenHourCount),
          "frozen_columns": .stringConvertible(found.columnCount),
          "frozen_bytes": .stringConvertible(found.frozenByteCount),
        ]
      ),
      rewind(recovery.log),
    ]
  }

  /// How far `varve queue replay` can go back.
  private func rewind(_ log: RecoveryReport.LogReach) -> Fact {
    let seconds = Double(log.nanoseconds) / 1e9
    let age = TimeSpan(nanoseconds: configuration.queueRetainNanoseconds)
    let size = ByteSize(byteCount: configuration.queueRetainByteCount)
    var values: Logger.Metadata = ["rewind_seconds": .stringConvertible(seconds)]
    var text = "nothing yet: the log begins now"
    if let begin = log.begin, log.nanoseconds >= 1_000_000_000 {
      let since = CivilTime(nanoseconds: begin).rfc3339(decimals: 0)
      text = "you can rewind \(Self.length(seconds)): the log has all since \(since)"
      values["rewind_since"] = "\(since)"
    }
    text += "; what is cut stays for \(age) or \(size) (queue.retain)"
    return Fact("rewind", text, values)
  }

  /// `1.5 hours`, `1 minute`, `12 seconds`.
  private static func length(_ seconds: Double) -> String {
    let (value, unit) =
      seconds >= 3_600
      ? (seconds / 3_600, "hour") : seconds >= 60 ? (seconds / 60, "minute") : (seconds, "second")
    let text = Quantity.text(value)
    return "\(text) \(unit)\(text == "1" ? "" : "s")"
  }

  private static func ring(_ found: RingSummary) -> String {
    guard found.frozenHourCount > 0 else { return "no frozen hours yet" }
    return "\(Quantity.grouped(found.columnCount)) columns in up to "
      + "\(Quantity.grouped(found.frozenHourCount)) frozen hours, "
      + "\(ByteSize(byteCount: found.frozenByteCount)), "
      + "\(Quantity.decimals(found.bytesPerColumnHour, 1)) bytes a column and hour"
  }

  /// A line for each damage or note, up to a few.
  static func findings(_ recovery: RecoveryReport) -> [Finding] {
    var findings = recovery.damages.prefix(listedDamageCountMax).map { damage in
      Finding(
        text: LogText.escape("\(damage)", byteCountMax: 1_024),
        isNote: damage.severity == .note,
        values: [
          "path": "\(damage.path)", "offset": .stringConvertible(damage.offset),
          "length": .stringConvertible(damage.byteCount), "what": "\(damage.what)",
          "range": "\(damage.range)",
        ]
      )
    }
    let more = recovery.damages.count - listedDamageCountMax
    if more > 0 {
      findings.append(
        Finding(
          text: "and \(more) more; varve verify lists all",
          isNote: false,
          values: ["more": .stringConvertible(more)]
        )
      )
    }
    return findings
  }
}
