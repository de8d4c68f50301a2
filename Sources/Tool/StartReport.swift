internal import Engine
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

  /// Printed once the ports are taken.
  func text(_ addresses: VarveServer.Addresses) -> String {
    let free = freeByteCount.map { ", \(ByteSize(byteCount: $0)) free" } ?? ""
    let mode = configuration.durability
    return "\(BuildInformation.name) \(BuildInformation.version)\n"
      + line("data", configuration.dataDirectory + free)
      + line("durability", "\(mode.rawValue): \(mode.risk)")
      + line(
        "partitions",
        "\(configuration.partitionCount), owned by \(configuration.workerCount) workers"
      )
      + line("open rows", openRows)
      + line("ring", ring)
      + line("lines", "\(addresses.lines)")
      + line("http", "http://\(addresses.http)")
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

  /// Printed once the data is open.
  func text(_ recovery: RecoveryReport) -> String {
    var result = line(
      "recovery",
      "epoch \(recovery.epoch): \(Quantity.grouped(recovery.blocks)) blocks, "
        + "\(Quantity.grouped(recovery.series)) series; "
        + "\(Quantity.grouped(recovery.replayedBatches)) batches with "
        + "\(Quantity.grouped(recovery.replayedRows)) rows replayed in "
        + "\(Quantity.decimals(recovery.seconds, 2)) s"
    )
    result += line("ring", Self.ring(recovery.ring))
    for damage in recovery.damages.prefix(Self.listedDamageCountMax) {
      result += line("", "\(damage.severity == .note ? "note" : "damage"): \(damage)")
    }
    let more = recovery.damages.count - Self.listedDamageCountMax
    if more > 0 { result += line("", "and \(more) more; varve verify lists all") }
    return result + line("ready", "taking lines")
  }

  private static func ring(_ found: RingSummary) -> String {
    guard found.frozenHourCount > 0 else { return "no frozen hours yet" }
    return "\(Quantity.grouped(found.columnCount)) columns in up to "
      + "\(Quantity.grouped(found.frozenHourCount)) frozen hours, "
      + "\(ByteSize(byteCount: found.frozenByteCount)), "
      + "\(Quantity.decimals(found.bytesPerColumnHour, 1)) bytes a column and hour"
  }

  private func line(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 12 - name.count)) + value + "\n"
  }
}
