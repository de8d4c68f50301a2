internal import Bytes
internal import Model

/// The head of a segment, little-endian (docs/format/segment.md):
///
///     | 0 magic u32 | 4 version u8 | 5 zero u8 | 6 partitions u16 | 8 epoch u32 | 12 zero u32 |
///     | 16 sequence u64 | 24 created i64, ns | 32 previous sequence u64 |
///     | 40 previous durable bytes u64 | 48 (first offset u64, previous end u64) x partitions |
///     | CRC32C of all before it u32 |
///
/// It is durable, and so is the file's name, before the segment takes its first record.
struct SegmentHeader: Equatable {
  /// "VRVQ".
  static let magic: UInt32 = 0x5156_5256
  static let version: UInt8 = 1
  private static let fixedByteCount = 48
  /// The longest header: all that must be read to see any.
  static let byteCountMax = byteCount(partitionCount: PartitionID.countMax)
  /// Offsets beyond it are not believed: a partition that takes a million batches a second gets
  /// there after 146,000 years.
  static let offsetMax: UInt64 = 1 << 62

  /// What the header says about one partition.
  struct Partition: Equatable {
    /// No record of the segment has a smaller offset.
    var first: Offset
    /// Every offset below was durable in earlier segments. What lies between it and `first` was
    /// given up: issued, perhaps, but never acknowledged.
    var previousEnd: Offset
  }

  var epoch: Epoch
  var sequence: UInt64
  var created: Timestamp
  /// The segment before this one; 0 when there was none.
  var previousSequence: UInt64
  /// So many bytes of that segment were durable when this one began.
  var previousByteCount: UInt64
  var partitions: [Partition]

  static func byteCount(partitionCount: Int) -> Int { fixedByteCount + 16 * partitionCount + 4 }
  var byteCount: Int { Self.byteCount(partitionCount: partitions.count) }

  /// Why bytes are no segment header.
  enum Fault: Error, Equatable {
    case truncated, magic, checksum, unreadable
    /// The checksum holds: another release wrote it.
    case version(UInt8)
    /// The checksum holds, the segment belongs to another data directory.
    case partitionCount(Int)
    /// The checksum holds, the fields make no sense together.
    case malformed

    var text: String {
      switch self {
      case .truncated: "the segment header is cut short"
      case .magic: "no segment header"
      case .checksum: "the segment header fails its checksum"
      case .unreadable: "the segment header could not be read"
      case .version(let version): "the segment header has version \(version)"
      case .partitionCount(let count): "the segment is one of \(count) partitions"
      case .malformed: "the segment header contradicts itself"
      }
    }
  }

  func encoded() -> [UInt8] {
    precondition((1...PartitionID.countMax).contains(partitions.count))
    var writer = ByteWriter(reserving: byteCount)
    writer.writeInteger(Self.magic)
    writer.writeByte(Self.version)
    writer.writeByte(0)
    writer.writeInteger(UInt16(partitions.count))
    writer.writeInteger(epoch.rawValue)
    writer.writeInteger(UInt32(0))
    writer.writeInteger(sequence)
    writer.writeInteger(created)
    writer.writeInteger(previousSequence)
    writer.writeInteger(previousByteCount)
    for partition in partitions {
      writer.writeInteger(partition.first.rawValue)
      writer.writeInteger(partition.previousEnd.rawValue)
    }
    writer.writeInteger(CRC32C.checksum(writer.bytes))
    return writer.bytes
  }

  /// Reads the header at the start of `bytes`.
  init(_ bytes: Span<UInt8>) throws(Fault) {
    var reader = ByteReader(bytes)
    guard let magic = reader.readInteger(UInt32.self) else { throw .truncated }
    guard magic == Self.magic else { throw .magic }
    guard
      let version = reader.readByte(), reader.readByte() != nil,
      let partitionCount = reader.readInteger(UInt16.self),
      let epoch = reader.readInteger(UInt32.self), reader.readInteger(UInt32.self) != nil,
      let sequence = reader.readInteger(UInt64.self),
      let created = reader.readInteger(Int64.self),
      let previousSequence = reader.readInteger(UInt64.self),
      let previousByteCount = reader.readInteger(UInt64.self)
    else { throw .truncated }
    guard (1...PartitionID.countMax).contains(Int(partitionCount)) else { throw .checksum }
    var partitions: [Partition] = []
    for _ in 0..<partitionCount {
      guard let first = reader.readInteger(UInt64.self),
        let previousEnd = reader.readInteger(UInt64.self)
      else { throw .truncated }
      partitions.append(Partition(first: Offset(first), previousEnd: Offset(previousEnd)))
    }
    let checked = reader.offset
    guard let checksum = reader.readInteger(UInt32.self) else { throw .truncated }
    guard CRC32C.checksum(bytes.extracting(0..<checked)) == checksum else { throw .checksum }
    guard version == Self.version else { throw .version(version) }
    self.init(
      epoch: Epoch(epoch),
      sequence: sequence,
      created: created,
      previousSequence: previousSequence,
      previousByteCount: previousByteCount,
      partitions: partitions
    )
    guard isSane else { throw .malformed }
  }

  init(
    epoch: Epoch,
    sequence: UInt64,
    created: Timestamp,
    previousSequence: UInt64,
    previousByteCount: UInt64,
    partitions: [Partition]
  ) {
    self.epoch = epoch
    self.sequence = sequence
    self.created = created
    self.previousSequence = previousSequence
    self.previousByteCount = previousByteCount
    self.partitions = partitions
  }

  private var isSane: Bool {
    sequence > previousSequence && previousByteCount <= UInt64(Int64.max)
      && epoch.rawValue < .max
      && partitions.allSatisfy {
        $0.first.rawValue <= Self.offsetMax && $0.previousEnd <= $0.first
      }
  }
}
