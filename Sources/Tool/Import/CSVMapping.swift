package import Model

/// What the columns of a CSV file are.
///
///     column := "measurement" | "time" [":" unit] | "tag:" key | "field:" name [":" type] | "-"
///
/// A header that is written so needs nothing else; `--map NAME=column,...` says it for other ones.
/// A field without a type is boolean for `true` and `false`, a float for numbers, else a string.
package struct CSVMapping: Sendable {
  package enum Column: Sendable, Equatable {
    case measurement
    /// `ns`, `us`, `ms`, `s`, `auto`; RFC 3339 whatever it is.
    case time(String)
    case tag([UInt8])
    case field([UInt8], ColumnType?)
    case ignored
  }

  package struct Fault: Error, Equatable {
    package var message: String
  }

  private var columns: [String: Column] = [:]

  /// - Parameter texts: each one or more of `NAME=column` with commas between.
  package init(_ texts: [String]) throws(Fault) {
    for text in texts {
      for pair in text.split(separator: ",") {
        guard let equals = pair.firstIndex(of: "="), equals > pair.startIndex else {
          throw Fault(message: "--map \"\(pair)\": expected NAME=COLUMN, as in value=field:value")
        }
        let meaning = String(pair[pair.index(after: equals)...])
        guard let column = Self.column(meaning) else {
          throw Fault(
            message: "--map \"\(pair)\": \"\(meaning)\" is no column; expected measurement, time, "
              + "time:ns, tag:KEY, field:NAME, field:NAME:TYPE or -"
          )
        }
        columns[String(pair[..<equals])] = column
      }
    }
  }

  /// The columns of a header.
  ///
  /// - Parameter hasMeasurement: whether the measurement is given elsewhere.
  package func columns(
    of header: [[UInt8]],
    hasMeasurement: Bool
  ) throws(Fault) -> [Column] {
    var result: [Column] = []
    for cell in header {
      let name = String(decoding: cell, as: UTF8.self)
      guard let column = columns[name] ?? Self.column(bytes: cell) else {
        let shown = TerminalText.escape(name)
        throw Fault(
          message:
            "nobody says what the column \"\(shown)\" is; add --map '\(shown)=tag:\(shown)', "
            + "'\(shown)=field:\(shown)' or '\(shown)=-' to leave it out"
        )
      }
      result.append(column)
    }
    let hasField = result.contains { if case .field = $0 { true } else { false } }
    guard hasField else { throw Fault(message: "the header has no field column") }
    guard hasMeasurement || result.contains(.measurement) else {
      throw Fault(
        message: "no column is the measurement; give --measurement NAME or --map COLUMN=measurement"
      )
    }
    return result
  }

  private static func column(_ text: String) -> Column? { column(bytes: Array(text.utf8)) }

  private static func column(bytes: [UInt8]) -> Column? {
    switch String(decoding: bytes, as: UTF8.self) {
    case "measurement": return .measurement
    case "time": return .time("auto")
    case "-": return .ignored
    default: break
    }
    if bytes.starts(with: "time:".utf8) {
      let unit = String(decoding: bytes.dropFirst(5), as: UTF8.self)
      return ImportPrecision(rawValue: unit).map { _ in .time(unit) }
    }
    if bytes.starts(with: "tag:".utf8) {
      return bytes.count > 4 ? .tag(Array(bytes.dropFirst(4))) : nil
    }
    guard bytes.starts(with: "field:".utf8), bytes.count > 6 else { return nil }
    let name = bytes.dropFirst(6)
    if let colon = name.lastIndex(of: UInt8(ascii: ":")) {
      let word = String(decoding: name[(colon + 1)...], as: UTF8.self)
      if let type = ColumnType.allCases.first(where: { $0.name == word }), colon > 6 {
        return .field(Array(name[..<colon]), type)
      }
    }
    return .field(Array(name), nil)
  }
}
