import Engine
import Model
import Platform
import Query
import TestSupport

/// A small data directory that has a file of every kind, and the way to ask it for all it holds.
struct DamageSample {
  static let hourStart: Int64 = 1_795_374_000
  /// When the process was killed, in seconds: the first hour is frozen by then.
  static let now = hourStart + 3_600 + 1_500
  static let tenants = ["default", "other"]

  /// Path to bytes.
  let files: [String: [UInt8]]
  let points: Set<String>
  let windows: [String]
  let received: UInt64

  static func configure(_ configuration: inout EngineConfiguration) {
    configuration.partitionCount = 1
    configuration.ringExtentByteCount = 4_096
  }

  static func harness(on disk: FaultyDisk) throws -> EngineHarness {
    try EngineHarness(on: disk, now: now * Nanoseconds.perSecond, configure: configure)
  }

  /// Rows of two tenants in blocks, a frozen hour, a patch over it, a slot, rows that only the log
  /// has, and dead letters.
  static func make() async throws -> DamageSample {
    let harness = try EngineHarness(
      now: (hourStart + 1_200) * Nanoseconds.perSecond,
      configure: configure
    )
    func rows(_ range: Range<Int64>) -> String {
      range.map { row in
        "m,h=a f=\(row).25,i=\(row)i,s=\"s\(row % 3)\" \(hourStart + row * 37)\n"
          + "m,h=b f=-\(row),b=\(row % 2 == 0) \(hourStart + row * 37)\n"
      }.joined()
    }
    func other(_ second: Int64) -> String {
      "#tenant other\nn,k=v u=\(second)u,f=\(second).5 \(hourStart + second)\n#tenant default\n"
    }
    _ = try harness.send(rows(0..<12) + other(3) + other(70) + "#ack a\n")
    try await harness.engine.flush()
    // The hour is over, and no row has come since: it is frozen.
    harness.clock.advance(seconds: 3_600)
    try harness.settle()
    _ = try harness.send(rows(110..<118) + "m,h=a f=-7.25,n=3i \(hourStart + 65)\n" + other(4_100))
    _ = try harness.send("#ack b\n")
    try await harness.engine.flush()
    _ = try harness.send(rows(118..<121) + "bad line\n#ack c\n")
    _ = try harness.send(rows(121..<123) + other(4_500) + "#ack d\n")
    let points = try await points(harness).found
    let windows = try await windows(harness)
    let received = await received(harness)
    try harness.kill()
    return DamageSample(
      files: harness.disk.files,
      points: points,
      windows: windows,
      received: received
    )
  }

  /// Every point of both tenants with its value, and whether an answer warned.
  static func points(
    _ harness: EngineHarness
  ) async throws -> (found: Set<String>, warnings: [String]) {
    var found: Set<String> = []
    var warnings: [String] = []
    for (tenant, measurement) in zip(tenants, ["m", "n"]) {
      let items = EngineHarness.items(
        "measurement=\(measurement)&field=*&start=\(hourStart - 600)&end=\(hourStart + 9_000)"
      )
      let answer = try await harness.engine.range(items, tenant: tenant)
      warnings += answer.warnings
      for series in answer.series {
        guard case .points(let timestamps, let values) = series.content else { continue }
        let tags = series.tags.map { "\(String(decoding: $0.value, as: UTF8.self))" }.joined()
        let field = String(decoding: series.field, as: UTF8.self)
        for (index, timestamp) in timestamps.enumerated() {
          let key = "\(tenant) \(tags) \(field) \(timestamp) \(text(values, index))"
          if !found.insert(key).inserted { warnings.append("twice: \(key)") }
        }
      }
    }
    return (found, warnings)
  }

  static func text(_ values: AnswerValues, _ index: Int) -> String {
    switch values {
    case .float(let cells), .integer(let cells), .unsigned(let cells), .boolean(let cells):
      "\(cells[index])"
    case .string(let cells, let arena):
      String(decoding: arena.slice(cells[index]) ?? [], as: UTF8.self)
    case .sum(let sums, _): "\(sums[index])"
    }
  }

  /// What minute windows say, a text a tenant.
  static func windows(_ harness: EngineHarness) async throws -> [String] {
    var result: [String] = []
    for (tenant, measurement) in zip(tenants, ["m", "n"]) {
      let items = EngineHarness.items(
        "measurement=\(measurement)&field=*&start=\(hourStart - 600)&end=\(hourStart + 9_000)"
          + "&step=60s&agg=count,sum,min,max,first,last"
      )
      let answer = try await harness.engine.range(items, tenant: tenant)
      result.append(String(decoding: answer.dataJSON(), as: UTF8.self))
    }
    return result
  }

  static func received(_ harness: EngineHarness) async -> UInt64 {
    await harness.engine.ledger().reduce(0) { $0 + $1.entry.received }
  }
}

/// One thing that a disk may do to a file.
enum FileFault: CustomStringConvertible {
  case flip(bit: Int)
  case cut(byteCount: Int)
  /// Zeros from a byte on, as after a power failure.
  case zeros(from: Int)
  case remove

  func apply(_ bytes: [UInt8]) -> [UInt8]? {
    switch self {
    case .flip(let bit): bytes.flipping(bit: bit)
    case .cut(let byteCount): Array(bytes[..<byteCount])
    case .zeros(let start):
      Array(bytes[..<start]) + Array(repeating: 0, count: bytes.count - start)
    case .remove: nil
    }
  }

  var description: String {
    switch self {
    case .flip(let bit): "bit \(bit % 8) of byte \(bit / 8)"
    case .cut(let byteCount): "cut to \(byteCount)"
    case .zeros(let start): "zeros from \(start)"
    case .remove: "removed"
    }
  }

  /// Every fault that a file of so many bytes can have.
  static func all(of byteCount: Int) -> [FileFault] {
    (0..<byteCount * 8).map { .flip(bit: $0) } + (0..<byteCount).map { .cut(byteCount: $0) }
      + stride(from: 0, to: byteCount, by: 64).map { .zeros(from: $0) } + [.remove]
  }

  /// Some of them.
  static func some(_ count: Int, of byteCount: Int, _ random: inout SeededRandom) -> [FileFault] {
    guard byteCount > 0 else { return [.remove] }
    return (0..<count).map { _ -> FileFault in
      switch random.next() % 5 {
      case 0, 1, 2: .flip(bit: Int.random(in: 0..<byteCount * 8, using: &random))
      case 3: .cut(byteCount: Int.random(in: 0..<byteCount, using: &random))
      default: .zeros(from: Int.random(in: 0..<byteCount, using: &random))
      }
    } + [.remove]
  }
}
