import Bytes
import Model
import Platform
import Queue
import TestSupport

/// A batch whose body is `bytes`, sealed and not stamped.
func makeBatch(
  _ bytes: [UInt8],
  partition: Int = 0,
  registryVersion: UInt64 = 0,
  rowCount: UInt32 = 1
) -> RowBatch {
  let header = BatchHeader(
    kind: .rows,
    tenant: .default,
    epoch: Epoch(0),
    partition: PartitionID(UInt16(partition)),
    rowCount: rowCount,
    offset: .zero,
    registryVersion: registryVersion,
    arrival: 1_700_000_000_000_000_000,
    bodyByteCount: UInt32(bytes.count),
    bodyChecksum: CRC32C.checksum(bytes),
    pointCount: 2 * rowCount
  )
  return RowBatch(header: header, body: bytes.span)
}

/// What a replay gave.
struct Replayed: Equatable, CustomStringConvertible {
  var epoch: UInt32
  var partition: Int
  var offset: UInt64
  var body: [UInt8]

  init(_ batch: RowBatch) {
    epoch = batch.header.epoch.rawValue
    partition = Int(batch.header.partition.rawValue)
    offset = batch.header.offset.rawValue
    body = bodyBytes(batch)
  }

  var description: String { "p\(partition)@\(offset)e\(epoch):\(body.count)" }
}

func bodyBytes(_ batch: RowBatch) -> [UInt8] {
  withExtendedLifetime(batch) {
    unsafe Array(UnsafeRawBufferPointer(start: batch.body, count: batch.bodyByteCount))
  }
}

/// A log in a faulty disk, with the steps that tests repeat.
struct LogBench {
  static let directory = "/data/queue"

  var disk: FaultyDisk
  var clock = ManualClock(now: 1_000_000)
  var partitionCount: Int
  var options = LogOptions()

  init(
    _ disk: FaultyDisk = FaultyDisk(),
    partitionCount: Int = 3,
    segmentByteCountMax: Int = 1 << 20
  ) {
    self.disk = disk
    self.partitionCount = partitionCount
    options.segmentByteCountMax = segmentByteCountMax
  }

  var zeros: [Offset] { Array(repeating: .zero, count: partitionCount) }

  func open(floors: [Offset]? = nil) throws -> (log: Log, recovery: LogRecovery) {
    try Log.open(
      disk: disk,
      directory: Self.directory,
      partitionCount: partitionCount,
      floors: floors ?? zeros,
      clock: clock,
      options: options
    )
  }

  var reader: LogReader {
    LogReader(disk: disk, directory: Self.directory, partitionCount: partitionCount)
  }

  func replay(from: [Offset]? = nil) throws -> (batches: [Replayed], damages: [Damage]) {
    var batches: [Replayed] = []
    let summary = try reader.replay(from: from ?? zeros) { batches.append(Replayed($0)) }
    return (batches, summary.damages)
  }

  func path(_ sequence: Int) -> String {
    let digits = String(sequence, radix: 16)
    return Self.directory + "/" + String(repeating: "0", count: 16 - digits.count) + digits
      + ".segment"
  }

  var segments: [String] {
    disk.files.keys.filter { $0.hasSuffix(".segment") }.sorted()
  }
}

extension Collection<Damage> {
  /// Those that are more than notes.
  var serious: [Damage] { filter { $0.severity != .note } }
}
