package import Engine
package import Model

/// The rows of one measurement on their way out, in one format.
///
/// A writer is made for a measurement, told its rows series by series in ascending time, and ended.
/// It hands bytes to whoever drives it and opens no file itself.
package protocol ExportWriter {
  /// What the rows of `series` say; appended to `bytes`.
  mutating func write(_ rows: AlignedRows, of series: SeriesDefinition, into bytes: inout [UInt8])
  /// Whatever stands before the first row.
  mutating func begin(into bytes: inout [UInt8])
  /// Whatever stands behind the last row.
  mutating func end(into bytes: inout [UInt8])
  /// Values or series that the format cannot say, left out.
  var unsayableCount: Int { get }
}

extension ExportWriter {
  package mutating func begin(into bytes: inout [UInt8]) {}
  package mutating func end(into bytes: inout [UInt8]) {}
}

/// What a writer must know before the first row.
package struct ExportTable: Sendable {
  package var measurement: [UInt8]
  /// Ascending.
  package var tagKeys: [[UInt8]]
  /// Ascending by name.
  package var fields: [FieldDefinition]

  package init(measurement: [UInt8], tagKeys: [[UInt8]], fields: [FieldDefinition]) {
    self.measurement = measurement
    self.tagKeys = tagKeys
    self.fields = fields
  }
}

/// The formats of `varve export` that are written row by row.
package enum ExportFormat: String, CaseIterable, Sendable {
  case csv, line, jsonl

  package var fileSuffix: String {
    switch self {
    case .csv: ".csv"
    case .line: ".lp"
    case .jsonl: ".jsonl"
    }
  }

  package func writer(_ table: ExportTable) -> any ExportWriter {
    switch self {
    case .csv: CSVWriter(table)
    case .line: LineWriter()
    case .jsonl: JSONLinesWriter()
    }
  }
}

/// Values as texts that read back bit-equal.
enum ExactText {
  /// The shortest digits; `-0.0` keeps its sign. Infinities are `+Inf` and `-Inf`, NaN is `NaN`,
  /// with its bits behind it when they are not the usual ones.
  static func append(_ value: Double, into bytes: inout [UInt8]) {
    if value.isFinite {
      bytes += value.description.utf8
    } else if value.isNaN {
      let usual = value.bitPattern == Double.nan.bitPattern
      bytes += (usual ? "NaN" : "NaN(0x\(String(value.bitPattern, radix: 16)))").utf8
    } else {
      bytes += (value > 0 ? "+Inf" : "-Inf").utf8
    }
  }

  static func append(_ value: Int64, into bytes: inout [UInt8]) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    append(value.magnitude, into: &bytes)
  }

  static func append(_ value: UInt64, into bytes: inout [UInt8]) {
    let start = bytes.count
    var rest = value
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      bytes.append(UInt8(truncatingIfNeeded: digit) + 48)
      rest = quotient
    } while rest > 0
    bytes[start...].reverse()
  }
}
