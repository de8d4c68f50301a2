import Cold
import Model
import Platform
import TestSupport

/// Gathers a file in memory.
final class MemorySink: ByteSink {
  private(set) var bytes: [UInt8] = []

  func write(_ bytes: [UInt8]) { self.bytes += bytes }
}

/// Rows of every type, and files made of them.
struct ParquetSample {
  static let columns = [
    ParquetColumn(name: "timestamp", type: .microseconds, isOptional: false),
    ParquetColumn(name: "exact", type: .nanoseconds, isOptional: false),
    ParquetColumn(name: "server", type: .string, isOptional: true),
    ParquetColumn(name: "load", type: .double, isOptional: true),
    ParquetColumn(name: "noise", type: .double, isOptional: true),
    ParquetColumn(name: "count", type: .integer, isOptional: true),
    ParquetColumn(name: "bytes", type: .unsigned, isOptional: true),
    ParquetColumn(name: "up", type: .boolean, isOptional: true),
    ParquetColumn(name: "note", type: .string, isOptional: true),
    ParquetColumn(name: "empty", type: .double, isOptional: true),
  ]

  var rows: ParquetRows

  init(rowCount: Int, seed: UInt64 = 1, server: String = "a1") {
    var random = SeededRandom(seed: seed)
    var strings = StringArena()
    let base: Int64 = 1_795_000_000_000_000
    let times = (0..<rowCount).map { UInt64(base + Int64($0) * 1_000_000) }
    let present = (0..<rowCount).map { $0 % 7 != 3 && $0 % 100 < 60 }
    let notes = (0..<rowCount).map { row in
      strings.append(Array("note \(row % 5) é".utf8)) ?? 0
    }
    var counter: UInt64 = 0
    rows = ParquetRows(
      rowCount: rowCount,
      columns: [
        .cells(times, isPresent: nil),
        .cells(times.map { $0 * 1_000 + 1 }, isPresent: nil),
        .text(Array(server.utf8)),
        .cells(
          (0..<rowCount).map { _ in (Double(random.next() % 1_000) / 10).bitPattern },
          isPresent: present
        ),
        .cells(
          (0..<rowCount).map { _ in (Double(random.next() >> 11) * 0x1p-53).bitPattern },
          isPresent: nil
        ),
        .cells(
          (0..<rowCount).map { _ in
            counter &+= random.next() % 50
            return counter &- 1_000
          },
          isPresent: present.map { !$0 }
        ),
        .cells((0..<rowCount).map { UInt64.max - UInt64($0) }, isPresent: nil),
        .cells((0..<rowCount).map { _ in random.next() & 1 }, isPresent: present),
        .cells(notes, isPresent: present),
        .nothing,
      ],
      strings: strings
    )
  }

  static func file(_ pieces: [ParquetRows]) throws -> [UInt8] {
    let sink = MemorySink()
    var writer = try ParquetWriter(
      ParquetSchema(columns: columns, notes: [.init(key: "k", value: "v")]),
      into: sink
    )
    for piece in pieces { try writer.append(piece) }
    try writer.finish()
    return sink.bytes
  }

  /// The cells that a column has in row order, strings as texts.
  static func contents(_ rows: ParquetRows, _ column: Int) -> [String?] {
    switch rows.columns[column] {
    case .nothing: Array(repeating: nil, count: rows.rowCount)
    case .text(let text):
      Array(repeating: String(decoding: text, as: UTF8.self), count: rows.rowCount)
    case .cells(let cells, let isPresent):
      cells.indices.map { row in
        guard isPresent.map({ $0[row] }) ?? true else { return nil }
        guard columns[column].type == .string else { return "\(cells[row])" }
        return String(decoding: rows.strings.slice(cells[row]) ?? [], as: UTF8.self)
      }
    }
  }

  static func contents(_ values: ParquetValues, _ type: ParquetType) -> [String?] {
    var next = 0
    return (0..<values.rows.count).map { row in
      guard values.rows[row] else { return nil }
      defer { next += 1 }
      guard type == .string else { return "\(values.cells[next])" }
      return String(decoding: values.strings.slice(values.cells[next]) ?? [], as: UTF8.self)
    }
  }
}
