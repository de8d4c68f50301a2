internal import Bytes
internal import Model

extension Definition {
  /// Appends this definition as a record of the log.
  func append(sequence: UInt64, durableVersion: UInt64, to writer: inout ByteWriter) {
    LogRecord.append(
      kind: kind.rawValue,
      sequence: sequence,
      durableVersion: durableVersion,
      to: &writer
    ) { encode(into: &$0) }
  }

  /// Appends the body.
  func encode(into writer: inout ByteWriter) {
    switch self {
    case .tenant(let id, let name):
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeLengthPrefixed(name)
    case .measurement(let id, let tenant, let name):
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeVarint(UInt64(tenant.rawValue))
      writer.writeLengthPrefixed(name)
    case .field(let field):
      writer.writeVarint(UInt64(field.id.rawValue))
      writer.writeVarint(UInt64(field.measurement.rawValue))
      writer.writeByte(field.type.rawValue)
      writer.writeLengthPrefixed(field.name)
    case .fieldSet(let id, let measurement, let fields):
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeVarint(UInt64(measurement.rawValue))
      Self.encodeRuns(of: fields, into: &writer)
    case .series(let id, let measurement, let partition, let tags):
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeVarint(UInt64(measurement.rawValue))
      writer.writeVarint(UInt64(partition.rawValue))
      writer.writeVarint(UInt64(tags.count))
      for tag in tags {
        writer.writeLengthPrefixed(tag.key)
        writer.writeLengthPrefixed(tag.value)
      }
    case .layout(let partition, let id, let series, let fieldSet):
      writer.writeVarint(UInt64(partition.rawValue))
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeVarint(UInt64(series.rawValue))
      writer.writeVarint(UInt64(fieldSet.rawValue))
    case .scaleTable(let id, let fieldSet, let exponents):
      writer.writeVarint(UInt64(id.rawValue))
      writer.writeVarint(UInt64(fieldSet.rawValue))
      writer.writeLengthPrefixed(exponents)
    case .reservation(let partition, let end):
      writer.writeVarint(UInt64(partition.rawValue))
      writer.writeVarint(UInt64(end))
    case .loss(let loss):
      loss.encode(into: &writer)
    }
  }

  /// A field set as runs of consecutive ids: fields of one line are mostly defined together, so a
  /// set of 100,000 columns is a few bytes.
  private static func encodeRuns(of fields: [FieldID], into writer: inout ByteWriter) {
    writer.writeVarint(UInt64(fields.count))
    var index = 0
    var previousEnd: UInt32 = 0
    while index < fields.count {
      let start = fields[index].rawValue
      var length: UInt32 = 1
      while index + Int(length) < fields.count,
        fields[index + Int(length)].rawValue == start + length
      {
        length += 1
      }
      precondition(start >= previousEnd, "the fields of a set ascend")
      writer.writeVarint(UInt64(start - previousEnd))
      writer.writeVarint(UInt64(length))
      previousEnd = start + length
      index += Int(length)
    }
  }
}

extension LossNotice {
  fileprivate func encode(into writer: inout ByteWriter) {
    writer.writeVarint(sequences.lowerBound)
    writer.writeVarint(sequences.upperBound)
    for floor in [tenants, measurements, fields, fieldSets, series, scaleTables] {
      writer.writeVarint(UInt64(floor))
    }
    writer.writeVarint(UInt64(layouts.count))
    for floor in layouts { writer.writeVarint(UInt64(floor)) }
  }
}
