import Bytes
import Codecs
import ColumnData
import Glibc
import Model

/// Seconds of CPU time that this thread has used.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The median of five runs of `body`.
func medianSeconds(_ body: () -> Void) -> Double {
  let times = (0..<5).map { _ in
    let start = threadSeconds()
    body()
    return threadSeconds() - start
  }
  return times.sorted()[2]
}

func fixed(_ value: Double, _ decimals: Int, _ width: Int) -> String {
  let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
  let rounded = Int((value * scale).rounded())
  var text = "\(rounded / Int(scale))"
  if decimals > 0 {
    let rest = "\(rounded % Int(scale))"
    text += "." + String(repeating: "0", count: decimals - rest.count) + rest
  }
  return String(repeating: " ", count: max(0, width - text.count)) + text
}

/// Bits a value and millions of values a second of one way to store a column.
struct Measured {
  var bits = 0.0
  var encode = 0.0
  var decode = 0.0

  static func of(
    _ columns: [[Cell]],
    rows: Int,
    encode: (Span<Cell>, Int, inout OutputBuffer) -> Void
  ) -> Measured {
    var result = Measured()
    var buffer = OutputBuffer(reserving: 16 << 20)
    var chunks: [(bytes: [UInt8], count: Int)] = []
    var valueCount = 0
    for (column, cells) in columns.enumerated() {
      for start in stride(from: 0, to: cells.count, by: rows) {
        let end = min(cells.count, start + rows)
        buffer.removeAll()
        encode(cells.span.extracting(start..<end), column, &buffer)
        chunks.append((buffer.array(), end - start))
        valueCount += end - start
      }
    }
    result.bits = Double(chunks.reduce(0) { $0 + $1.bytes.count } * 8) / Double(valueCount)
    let encodeSeconds = medianSeconds {
      for (column, cells) in columns.enumerated() {
        for start in stride(from: 0, to: cells.count, by: rows) {
          let end = min(cells.count, start + rows)
          buffer.removeAll()
          encode(cells.span.extracting(start..<end), column, &buffer)
        }
      }
    }
    var strings = StringArena()
    var target = [Cell](repeating: 0, count: rows)
    let decodeSeconds = medianSeconds {
      for chunk in chunks {
        do throws(ChunkError) {
          try decodeChunk(chunk.bytes, chunk.count, into: &target, &strings)
        } catch {
          fatalError("a chunk does not decode: \(error)")
        }
      }
    }
    result.encode = Double(valueCount) / encodeSeconds / 1e6
    result.decode = Double(valueCount) / decodeSeconds / 1e6
    return result
  }
}

/// Decodes a chunk into memory that is already there.
func decodeChunk(
  _ bytes: [UInt8],
  _ count: Int,
  into target: inout [Cell],
  _ strings: inout StringArena
) throws(ChunkError) {
  try target.withUnsafeMutableBufferPointer { memory throws(ChunkError) in
    let part = UnsafeMutableBufferPointer(rebasing: memory[..<count])
    var output = OutputSpan(buffer: part, initializedCount: 0)
    try ColumnChunk.decode(bytes.span, type: .float, into: &output, strings: &strings)
    _ = output.finalize(for: part)
  }
}

enum ClassReport {
  static func run(_ kinds: [ColumnClass] = ColumnClass.allCases) {
    print("bits a value · encode · decode, M values/s of one core (CPU time, median of five)")
    let head = ["head 60", "young 1024", "cold 8192", "Gorilla 120", "zstd 8192"]
    print("| class | " + head.joined(separator: " | ") + " |")
    print("| --- |" + String(repeating: " --- |", count: head.count))
    for kind in kinds {
      let columns = (0..<8).map { kind.cells(16_384, seed: UInt64($0)) }
      let cells =
        strengths.map { strength, rows in
          var encoder = ColumnEncoder(strength: strength)
          var hints = columns.map { _ in ColumnHint() }
          return Measured.of(columns, rows: rows) { cells, column, buffer in
            encoder.encode(
              cells,
              type: .float,
              strings: StringArena(),
              hint: &hints[column],
              into: &buffer
            )
          }
        } + [
          Measured.of(columns, rows: 120) { cells, _, buffer in
            ColumnChunk.encode(cells, yardstick: .gorilla, into: &buffer)
          },
          Measured.of(columns, rows: 8_192) { cells, _, buffer in
            ColumnChunk.encode(cells, yardstick: .zstd, into: &buffer)
          },
        ]
      let text = cells.map {
        "\(fixed($0.bits, 2, 5)) · \(fixed($0.encode, 0, 4)) · \(fixed($0.decode, 0, 4))"
      }
      print("| \(kind.rawValue) | " + text.joined(separator: " | ") + " |")
    }
  }

  static let strengths: [(ChunkStrength, Int)] = [(.head, 60), (.young, 1_024), (.cold, 8_192)]
}
