internal import Bytes
internal import Model

extension Definition {
  /// Columns that a stored field set may claim, so that a few bytes never ask for much memory.
  static let fieldSetColumnCountMax = 1 << 20

  /// Reads the body of a record. Any bytes may come; `nil` when they are not what the writer of
  /// this version writes.
  init?(kind: UInt8, body: Span<UInt8>) {
    guard let kind = Kind(rawValue: kind) else { return nil }
    var reader = ByteReader(body)
    guard let decoded = Self.decode(kind, &reader), reader.remaining == 0 else { return nil }
    self = decoded
  }

  private static func decode(_ kind: Kind, _ reader: inout ByteReader) -> Self? {
    switch kind {
    case .tenant:
      guard let id = reader.readID(), let name = reader.readName() else { return nil }
      return .tenant(TenantID(id), name: name)
    case .measurement:
      guard let id = reader.readID(), let tenant = reader.readID(), let name = reader.readName()
      else { return nil }
      return .measurement(MeasurementID(id), tenant: TenantID(tenant), name: name)
    case .field: return field(&reader)
    case .fieldSet: return fieldSet(&reader)
    case .series: return series(&reader)
    case .layout:
      guard let partition = reader.readPartition(), let id = reader.readID(),
        let series = reader.readID(), let fieldSet = reader.readID()
      else { return nil }
      return .layout(partition, LayoutID(id), SeriesID(series), FieldSetID(fieldSet))
    case .scaleTable:
      guard let id = reader.readID(), let fieldSet = reader.readID(),
        let exponents = reader.readLengthPrefixed(byteCountMax: fieldSetColumnCountMax),
        exponents.allSatisfy({ Int($0) <= DecimalScale.exponentMax })
      else { return nil }
      return .scaleTable(ScaleTableID(id), FieldSetID(fieldSet), exponents: exponents)
    case .reservation:
      guard let partition = reader.readPartition(), let end = reader.readID() else { return nil }
      return .reservation(partition, end: end)
    case .loss:
      return LossNotice(&reader).map { .loss($0) }
    }
  }

  private static func field(_ reader: inout ByteReader) -> Self? {
    guard let id = reader.readID(), let measurement = reader.readID(),
      let code = reader.readByte(), let type = ColumnType(rawValue: code),
      let name = reader.readName()
    else { return nil }
    return .field(
      FieldDefinition(
        id: FieldID(id),
        measurement: MeasurementID(measurement),
        name: name,
        type: type
      )
    )
  }

  private static func fieldSet(_ reader: inout ByteReader) -> Self? {
    guard let id = reader.readID(), let measurement = reader.readID(),
      let count = reader.readVarint(), (1...UInt64(fieldSetColumnCountMax)).contains(count)
    else { return nil }
    var fields: [FieldID] = []
    fields.reserveCapacity(Int(count))
    var end: UInt64 = 0
    while fields.count < Int(count) {
      guard let gap = reader.readVarint(), let length = reader.readVarint(),
        gap <= UInt64(UInt32.max), (1...(count - UInt64(fields.count))).contains(length)
      else { return nil }
      let start = end + gap
      end = start + length
      // A gap of 0 would continue the previous run, which the writer never leaves open.
      guard end < UInt64(UInt32.max), fields.isEmpty || gap > 0 else { return nil }
      for field in start..<end { fields.append(FieldID(UInt32(field))) }
    }
    return .fieldSet(FieldSetID(id), MeasurementID(measurement), fields: fields)
  }

  private static func series(_ reader: inout ByteReader) -> Self? {
    guard let id = reader.readID(), let measurement = reader.readID(),
      let partition = reader.readPartition(), let count = reader.readVarint(),
      count <= UInt64(Limits.tagsPerSeriesMax)
    else { return nil }
    var tags: [Tag] = []
    tags.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let key = reader.readName(), let value = reader.readName() else { return nil }
      guard tags.last.map({ $0.key.lexicographicallyPrecedes(key) }) ?? true else { return nil }
      tags.append(Tag(key: key, value: value))
    }
    return .series(SeriesID(id), MeasurementID(measurement), partition, tags: tags)
  }
}

extension LossNotice {
  fileprivate init?(_ reader: inout ByteReader) {
    guard let start = reader.readVarint(), let end = reader.readVarint(), start < end,
      let tenants = reader.readID(), let measurements = reader.readID(),
      let fields = reader.readID(), let fieldSets = reader.readID(),
      let series = reader.readID(), let scaleTables = reader.readID(),
      let count = reader.readVarint(), count <= UInt64(PartitionID.countMax)
    else { return nil }
    var layouts: [UInt32] = []
    for _ in 0..<count {
      guard let floor = reader.readID() else { return nil }
      layouts.append(floor)
    }
    self.init(
      sequences: start..<end,
      tenants: tenants,
      measurements: measurements,
      fields: fields,
      fieldSets: fieldSets,
      series: series,
      scaleTables: scaleTables,
      layouts: layouts
    )
  }
}

extension ByteReader {
  /// An id, below `UInt32.max`.
  fileprivate mutating func readID() -> UInt32? {
    guard let value = readVarint(), value < UInt64(UInt32.max) else { return nil }
    return UInt32(value)
  }

  fileprivate mutating func readPartition() -> PartitionID? {
    guard let value = readVarint(), value < UInt64(PartitionID.countMax) else { return nil }
    return PartitionID(UInt16(value))
  }

  fileprivate mutating func readName() -> [UInt8]? {
    readLengthPrefixed(byteCountMax: Limits.nameByteCountMax)
  }
}
