import Model
import Testing

/// A value as it was stored.
enum StoredValue: Hashable, CustomStringConvertible {
  /// By bits, so that the sign of zero counts.
  case float(UInt64)
  case integer(Int64)
  case unsigned(UInt64)
  case boolean(Bool)
  case string([UInt8])

  init(_ value: Double) { self = .float(value.bitPattern) }

  var description: String {
    switch self {
    case .float(let bits): Double(bitPattern: bits).description
    case .integer(let value): "\(value)i"
    case .unsigned(let value): "\(value)u"
    case .boolean(let value): "\(value)"
    case .string(let bytes): "\"" + StoredRow.text(bytes, escaping: "\"\\") + "\""
    }
  }
}

/// A row as it was stored, with its names.
struct StoredRow: Hashable, CustomStringConvertible {
  var tenant = TenantID.default
  var measurement: [UInt8]
  /// Sorted by key.
  var tags: [Model.Tag]
  var fields: [[UInt8]: StoredValue]
  var timestamp: Timestamp

  /// Measurement and tags.
  var series: String {
    let tags = tags.map { tag in
      ",\(Self.text(tag.key, escaping: ",= "))=\(Self.text(tag.value, escaping: ",= "))"
    }
    let prefix = tenant == .default ? "" : "[\(tenant.rawValue)]"
    return prefix + Self.text(measurement, escaping: ", ") + tags.joined()
  }

  /// What no other series has: texts of names that are no words may be alike where their bytes are
  /// not, by what stands for bytes that are no UTF-8, by escapes, and by accents that Unicode can
  /// write in two ways.
  var key: String {
    let names = [measurement] + tags.flatMap { [$0.key, $0.value] }
    let isPlain = names.allSatisfy { name in
      name.allSatisfy { byte in
        byte < 0x80 && (Character(Unicode.Scalar(byte)).isLetter || byte &- 0x30 < 10)
      }
    }
    if isPlain { return series }
    let bytes = names.map { $0.map { String($0, radix: 16) }.joined(separator: " ") }
    return "\(series) (\(bytes.joined(separator: ", ")))"
  }

  /// The row as fixtures write it: fields sorted by name.
  var description: String {
    let fields = fields.map { "\(Self.text($0.key, escaping: ",= "))=\($0.value)" }.sorted()
    return "\(series) \(fields.joined(separator: ",")) \(timestamp)"
  }

  static func text(_ bytes: [UInt8], escaping special: String) -> String {
    var result = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      if special.unicodeScalars.contains(scalar) {
        result += "\\" + String(scalar)
      } else if scalar.value < 0x20 || scalar.value == 0x7f {
        result += "<\(scalar.value)>"
      } else {
        result += String(scalar)
      }
    }
    return result
  }
}

extension TestCatalog {
  /// The rows of sealed batches; damaged ones are test failures.
  func rows(of batches: [RowBatch]) -> [StoredRow] {
    batches.filter { $0.header.kind == .rows }.flatMap { rows(of: $0) }
  }

  func rows(of batch: RowBatch) -> [StoredRow] {
    var reader = unsafe RowReader(batch)
    var rows: [StoredRow] = []
    var pointCount = 0
    while let (head, payload) = unsafe reader.next() {
      let layout = layouts[Int(batch.header.partition.rawValue)][Int(head.layout.rawValue)]
      let columns = fieldSets[Int(layout.fieldSet.rawValue)].map { fields[$0].field }
      let exponents = scaleTables[Int(head.scaleTable.rawValue)]
      var cursor = unsafe RowCursor(payload, columnCount: columns.count)
      var values: [[UInt8]: StoredValue] = [:]
      for (column, field) in columns.enumerated() {
        let exponent = exponents.isEmpty ? 0 : Int(exponents[column])
        switch field.type {
        case .float:
          values[field.name] = unsafe .float(
            cursor.nextFloat(divisor: DecimalScale.powers[exponent])
          )
        case .integer:
          values[field.name] = unsafe .integer(Int64(bitPattern: cursor.nextInteger()))
        case .unsigned: values[field.name] = unsafe .unsigned(cursor.nextInteger())
        case .boolean: values[field.name] = unsafe .boolean(cursor.nextInteger() != 0)
        case .string: values[field.name] = unsafe .string(Array(cursor.nextString()))
        }
      }
      #expect(unsafe !cursor.isDamaged)
      let identity = series[Int(layout.series.rawValue)]
      let measurement = measurements[Int(identity.measurement.rawValue)]
      #expect(measurement.tenant == batch.header.tenant)
      pointCount += columns.count
      rows.append(
        StoredRow(
          tenant: measurement.tenant,
          measurement: measurement.name,
          tags: identity.tags,
          fields: values,
          timestamp: head.timestamp
        )
      )
    }
    #expect(unsafe !reader.isDamaged)
    #expect(rows.count == Int(batch.header.rowCount))
    #expect(pointCount == Int(batch.header.pointCount))
    return rows
  }
}
