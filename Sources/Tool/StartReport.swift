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

  typealias Facts = KeyValuePairs<String, String>

  /// What holds once the ports are taken.
  func started(_ addresses: VarveServer.Addresses) -> Facts {
    let free = freeByteCount.map { ", \(ByteSize(byteCount: $0)) free" } ?? ""
    let mode = configuration.durability
    let (partitions, workers) = (configuration.partitionCount, configuration.workerCount)
    return [
      "data": configuration.dataDirectory + free,
      "durability": "\(mode.rawValue): \(mode.risk)",
      "partitions": "\(partitions), owned by \(min(workers, partitions)) workers",
      "open rows": openRows,
      "ring": ring,
      "lines": "\(addresses.lines)",
      "http": "http://\(addresses.http)",
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
  func recovered(_ recovery: RecoveryReport) -> Facts {
    [
      "recovery": "epoch \(recovery.epoch): \(Quantity.grouped(recovery.blocks)) blocks, "
        + "\(Quantity.grouped(recovery.series)) series; "
        + "\(Quantity.grouped(recovery.replayedBatches)) batches with "
        + "\(Quantity.grouped(recovery.replayedRows)) rows replayed in "
        + "\(Quantity.decimals(recovery.seconds, 2)) s",
      "ring": Self.ring(recovery.ring),
    ]
  }

  private static func ring(_ found: RingSummary) -> String {
    guard found.frozenHourCount > 0 else { return "no frozen hours yet" }
    return "\(Quantity.grouped(found.columnCount)) columns in up to "
      + "\(Quantity.grouped(found.frozenHourCount)) frozen hours, "
      + "\(ByteSize(byteCount: found.frozenByteCount)), "
      + "\(Quantity.decimals(found.bytesPerColumnHour, 1)) bytes a column and hour"
  }

  /// A line for each damage or note, up to a few.
  static func damages(_ recovery: RecoveryReport) -> [(text: String, isNote: Bool)] {
    var lines = recovery.damages.prefix(listedDamageCountMax).map { damage in
      (text: LogText.escape("\(damage)", byteCountMax: 1_024), isNote: damage.severity == .note)
    }
    let more = recovery.damages.count - listedDamageCountMax
    if more > 0 { lines.append((text: "and \(more) more; varve verify lists all", isNote: false)) }
    return lines
  }
}
