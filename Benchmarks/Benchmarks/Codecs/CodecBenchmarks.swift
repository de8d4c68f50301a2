import Benchmark
import Bytes
import Codecs
import ColumnData
import Model

/// Encode and decode of each data class at each strength; `bits` is the size, which never wobbles.
let benchmarks: @Sendable () -> Void = {
  let bits = BenchmarkMetric.custom("bits a value × 100", polarity: .prefersSmaller)
  Benchmark.defaultConfiguration = .init(
    metrics: [.cpuTotal, .throughput, bits],
    maxDuration: .milliseconds(300)
  )
  for kind in ColumnClass.allCases {
    for (strength, rows) in [(ChunkStrength.head, 60), (.young, 1_024), (.cold, 8_192)] {
      let cells = kind.cells(rows, seed: 1)
      Benchmark("encode \(kind.rawValue) \(strength)") { benchmark in
        var encoder = ColumnEncoder(strength: strength)
        var hint = ColumnHint()
        var buffer = OutputBuffer(reserving: 1 << 20)
        for _ in benchmark.scaledIterations {
          buffer.removeAll()
          encoder.encode(
            cells.span,
            type: .float,
            strings: StringArena(),
            hint: &hint,
            into: &buffer
          )
        }
        benchmark.measurement(bits, buffer.count * 800 / rows)
      }
      Benchmark("decode \(kind.rawValue) \(strength)") { benchmark in
        var buffer = OutputBuffer(reserving: 1 << 20)
        ColumnChunk.encode(
          cells.span,
          type: .float,
          strings: StringArena(),
          strength: strength,
          into: &buffer
        )
        let chunk = buffer.array()
        var strings = StringArena()
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
          blackHole(
            try ColumnChunk.decode(chunk.span, type: .float, count: rows, strings: &strings)
          )
        }
        benchmark.measurement(bits, chunk.count * 800 / rows)
      }
    }
  }
}
