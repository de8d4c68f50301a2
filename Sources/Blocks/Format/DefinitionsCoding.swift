internal import Bytes
internal import Model

/// The payload of a block's definitions section (docs/format/block.md, "definitions"). All numbers
/// are varints; every name is stored once and then referred to by its number.
///
///     | names | tenant id | tenant name | measurements | fields | field sets | series |
///     names        := | count | length, bytes | ...
///     measurements := | count | id, name | ...
///     fields       := | count | id gap, measurement, name, type u8 | ...
///     field sets   := | count | id gap, measurement, columns, (gap, fields) until all columns |
///     ... series       := | count | id gap, measurement, tags, (key, value) for each tag | ...
///
/// - `name`, `key`, `value`: an index into names. `measurement`: an index into measurements.
/// - `gap`: the id less the one after the id before it; lists ascend.
struct DefinitionsWriter: ~Copyable {
  private var names: [[UInt8]: Int] = [:]
  private var nameBytes = OutputBuffer()
  private var measurements: [MeasurementID: Int] = [:]
  private var measurementBytes = OutputBuffer()
  private var body = OutputBuffer()

  /// The payload of the section.
  static func payload(of definitions: BlockDefinitions) -> [UInt8] {
    var writer = DefinitionsWriter()
    return writer.encode(definitions)
  }

  private mutating func encode(_ definitions: BlockDefinitions) -> [UInt8] {
    let tenantName = nameIndex(definitions.tenantName)
    for series in definitions.series where measurements[series.measurement] == nil {
      measurements[series.measurement] = measurements.count
      measurementBytes.writeVarint(UInt64(series.measurement.rawValue))
      measurementBytes.writeVarint(nameIndex(series.measurementName))
    }
    // What no series of the block can have is not the block's to tell.
    write(definitions.fields.filter { measurements[$0.measurement] != nil })
    write(definitions.fieldSets.filter { measurements[$0.measurement] != nil })
    write(definitions.series)

    var result = OutputBuffer(reserving: nameBytes.count + measurementBytes.count + body.count + 40)
    result.writeVarint(UInt64(names.count))
    nameBytes.withBytes { result.writeBytes($0) }
    result.writeVarint(UInt64(definitions.tenant.rawValue))
    result.writeVarint(tenantName)
    result.writeVarint(UInt64(measurements.count))
    measurementBytes.withBytes { result.writeBytes($0) }
    body.withBytes { result.writeBytes($0) }
    return result.array()
  }

  private mutating func write(_ fields: [FieldDefinition]) {
    body.writeVarint(UInt64(fields.count))
    var next: UInt64 = 0
    for field in fields {
      writeGap(to: field.id.rawValue, &next)
      body.writeVarint(measurementIndex(field.measurement))
      body.writeVarint(nameIndex(field.name))
      body.writeByte(field.type.rawValue)
    }
  }

  private mutating func write(_ fieldSets: [BlockDefinitions.FieldSet]) {
    body.writeVarint(UInt64(fieldSets.count))
    var next: UInt64 = 0
    for set in fieldSets {
      writeGap(to: set.id.rawValue, &next)
      body.writeVarint(measurementIndex(set.measurement))
      body.writeVarint(UInt64(set.fields.count))
      var index = 0
      var end: UInt64 = 0
      while index < set.fields.count {
        let first = UInt64(set.fields[index].rawValue)
        precondition(first >= end, "fields must ascend and be distinct")
        var count = 1
        while index + count < set.fields.count,
          UInt64(set.fields[index + count].rawValue) == first + UInt64(count)
        {
          count += 1
        }
        body.writeVarint(first - end)
        body.writeVarint(UInt64(count))
        end = first + UInt64(count)
        index += count
      }
    }
  }

  private mutating func write(_ series: [SeriesDefinition]) {
    body.writeVarint(UInt64(series.count))
    var next: UInt64 = 0
    for definition in series {
      writeGap(to: definition.id.rawValue, &next)
      body.writeVarint(measurementIndex(definition.measurement))
      body.writeVarint(UInt64(definition.tags.count))
      for tag in definition.tags {
        body.writeVarint(nameIndex(tag.key))
        body.writeVarint(nameIndex(tag.value))
      }
    }
  }

  private mutating func writeGap(to id: UInt32, _ next: inout UInt64) {
    precondition(UInt64(id) >= next, "definitions must ascend by id")
    body.writeVarint(UInt64(id) - next)
    next = UInt64(id) + 1
  }

  private func measurementIndex(_ id: MeasurementID) -> UInt64 {
    guard let index = measurements[id] else { preconditionFailure("an unknown measurement") }
    return UInt64(index)
  }

  private mutating func nameIndex(_ name: [UInt8]) -> UInt64 {
    if let index = names[name] { return UInt64(index) }
    let index = names.count
    names[name] = index
    nameBytes.writeVarint(UInt64(name.count))
    nameBytes.writeBytes(name.span)
    return UInt64(index)
  }
}

/// Reads what ``DefinitionsWriter`` wrote.
enum DefinitionsReader {
  /// Columns of all field sets together: a run of fields takes few bytes, so that their number says
  /// nothing about the memory that a damaged count would ask for.
  static let columnCountMax = 64 << 20

  /// - Throws: `.malformed(.definitions)` for anything that the writer never produces.
  static func definitions(_ payload: Span<UInt8>) throws(BlockError) -> BlockDefinitions {
    var reader = ByteReader(payload)
    guard let definitions = read(&reader), reader.remaining == 0 else {
      throw .malformed(.definitions)
    }
    return definitions
  }

  private struct Tables {
    var names: [[UInt8]] = []
    var measurements: [(id: MeasurementID, name: [UInt8])] = []
  }

  private static func read(_ reader: inout ByteReader) -> BlockDefinitions? {
    var tables = Tables()
    guard let nameCount = readCount(&reader) else { return nil }
    for _ in 0..<nameCount {
      guard let name = reader.readLengthPrefixed(byteCountMax: Limits.nameByteCountMax) else {
        return nil
      }
      tables.names.append(name)
    }
    guard let tenant = readID(&reader), let tenantName = readItem(&reader, of: tables.names),
      let measurementCount = readCount(&reader)
    else { return nil }
    for _ in 0..<measurementCount {
      guard let id = readID(&reader), let name = readItem(&reader, of: tables.names) else {
        return nil
      }
      tables.measurements.append((MeasurementID(id), name))
    }
    var result = BlockDefinitions(tenant: TenantID(tenant), tenantName: tenantName)
    guard readFields(&reader, tables, &result), readFieldSets(&reader, tables, &result),
      readSeries(&reader, tables, &result)
    else { return nil }
    return result
  }

  private static func readFields(
    _ reader: inout ByteReader,
    _ tables: Tables,
    _ result: inout BlockDefinitions
  ) -> Bool {
    guard let count = readCount(&reader) else { return false }
    var next: UInt64 = 0
    for _ in 0..<count {
      guard let id = readGap(&reader, &next),
        let measurement = readItem(&reader, of: tables.measurements),
        let name = readItem(&reader, of: tables.names), let code = reader.readByte(),
        let type = ColumnType(rawValue: code)
      else { return false }
      result.fields.append(
        FieldDefinition(id: FieldID(id), measurement: measurement.id, name: name, type: type)
      )
    }
    return true
  }

  private static func readFieldSets(
    _ reader: inout ByteReader,
    _ tables: Tables,
    _ result: inout BlockDefinitions
  ) -> Bool {
    guard let count = readCount(&reader) else { return false }
    var next: UInt64 = 0
    var columnsLeft = columnCountMax
    for _ in 0..<count {
      guard let id = readGap(&reader, &next),
        let measurement = readItem(&reader, of: tables.measurements),
        let columnCount = reader.readVarint(),
        columnCount <= UInt64(min(Limits.fieldsPerRowMax, columnsLeft))
      else { return false }
      columnsLeft -= Int(columnCount)
      var fields: [FieldID] = []
      var end: UInt64 = 0
      while fields.count < Int(columnCount) {
        guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max),
          let run = reader.readVarint(), run >= 1, run <= columnCount - UInt64(fields.count),
          end + gap + run <= UInt64(UInt32.max) + 1
        else { return false }
        end += gap
        for field in end..<end + run { fields.append(FieldID(UInt32(field))) }
        end += run
      }
      result.fieldSets.append(
        BlockDefinitions.FieldSet(
          id: FieldSetID(id),
          measurement: measurement.id,
          fields: fields
        )
      )
    }
    return true
  }

  private static func readSeries(
    _ reader: inout ByteReader,
    _ tables: Tables,
    _ result: inout BlockDefinitions
  ) -> Bool {
    guard let count = readCount(&reader) else { return false }
    var next: UInt64 = 0
    for _ in 0..<count {
      guard let id = readGap(&reader, &next),
        let measurement = readItem(&reader, of: tables.measurements),
        let tagCount = reader.readVarint(), tagCount <= UInt64(Limits.tagsPerSeriesMax)
      else { return false }
      var tags: [Tag] = []
      for _ in 0..<tagCount {
        guard let key = readItem(&reader, of: tables.names),
          let value = readItem(&reader, of: tables.names)
        else { return false }
        tags.append(Tag(key: key, value: value))
      }
      result.series.append(
        SeriesDefinition(
          id: SeriesID(id),
          tenant: result.tenant,
          measurement: measurement.id,
          measurementName: measurement.name,
          tags: tags
        )
      )
    }
    return true
  }

  /// A count of items of at least a byte each, so never more than what is left.
  private static func readCount(_ reader: inout ByteReader) -> Int? {
    guard let count = reader.readVarint(), count <= UInt64(reader.remaining) else { return nil }
    return Int(count)
  }

  private static func readID(_ reader: inout ByteReader) -> UInt32? {
    reader.readVarint().flatMap(UInt32.init(exactly:))
  }

  private static func readGap(_ reader: inout ByteReader, _ next: inout UInt64) -> UInt32? {
    guard let gap = reader.readVarint(), gap <= UInt64(UInt32.max),
      let id = UInt32(exactly: next + gap)
    else { return nil }
    next = UInt64(id) + 1
    return id
  }

  private static func readItem<Item>(_ reader: inout ByteReader, of items: [Item]) -> Item? {
    guard let index = reader.readVarint(), index < UInt64(items.count) else { return nil }
    return items[Int(index)]
  }
}
