// Runs a fixed workload through an engine on this one thread, for Benchmarks/counts to count what
// it executes: `Counts wide|ten|single DIRECTORY`. Prints points and rows.
//
// No asynchronous main: valgrind does not survive the end of the first thread.

import Engine
import Glibc
import Logging
import Platform
import TestSupport

struct Shape {
  var servers: Int
  var fields: Int
  var rows: Int

  init?(_ name: String?) {
    switch name {
    case "wide": self = Shape(servers: 5, fields: 2_000, rows: 12)
    case "ten": self = Shape(servers: 200, fields: 10, rows: 60)
    case "single": self = Shape(servers: 4_000, fields: 1, rows: 20)
    default: return nil
    }
  }

  private init(servers: Int, fields: Int, rows: Int) {
    (self.servers, self.fields, self.rows) = (servers, fields, rows)
  }

  var pointCount: Int { servers * fields * rows }
}

/// Rows as agents send them: counters, and gauges of two decimals that walk.
struct Fleet {
  private let shape: Shape
  private var random = SeededRandom(seed: 1)
  private var values: [Int]

  init(_ shape: Shape) {
    self.shape = shape
    values = Array(repeating: 0, count: shape.servers * shape.fields)
    for index in values.indices { values[index] = Int(random.next() % 10_000) }
  }

  /// The lines of one second of all servers.
  mutating func lines(second: Int) -> [UInt8] {
    var text = ""
    for server in 0..<shape.servers {
      text += "node,server=s\(server),region=r\(server % 7) "
      for field in 0..<shape.fields {
        let index = server * shape.fields + field
        if field > 0 { text += "," }
        if field % 3 == 0 {
          values[index] += Int(random.next() % 50)
          text += "f\(field)=\(values[index])i"
        } else {
          values[index] = max(0, values[index] + Int(random.next() % 81) - 40)
          let cents = values[index] % 100
          text += "f\(field)=\(values[index] / 100).\(cents < 10 ? "0" : "")\(cents)"
        }
      }
      text += " \(1_795_373_340 + second)\n"
    }
    return Array(text.utf8)
  }
}

func fail(_ text: String) -> Never {
  print(text)
  exit(1)
}

func run(_ shape: Shape, _ directory: String) throws {
  let clock = ManualClock(now: 1_795_373_340_000_000_000)
  let disk = RealDisk()
  var configuration = EngineConfiguration(dataDirectory: directory)
  configuration.partitionCount = 2
  configuration.workerCount = 1
  configuration.compaction.mode = .none
  let engine = try Engine(
    configuration,
    disk: disk,
    clock: clock,
    logger: Logger(label: "counts") { _ in SwiftLogNoOpLogHandler() },
    threading: .manual
  )
  _ = try engine.start()
  let receiver = try engine.makeReceiver(onSettled: {})
  let connection = receiver.open(sender: "counts")
  var fleet = Fleet(shape)
  for second in 0..<shape.rows {
    let bytes = fleet.lines(second: second)
    var from = 0
    while from < bytes.count {
      let piece = Array(bytes[from..<min(bytes.count, from + 64 << 10)])
      guard receiver.receive(piece, from: 0, on: connection) == piece.count else {
        fail("a piece was not taken whole")
      }
      from += piece.count
      receiver.endOfRound()
      try step(engine, receiver, clock)
    }
  }
  for _ in 0..<200 { try step(engine, receiver, clock) }
  clock.advance(seconds: 3_600)
  for _ in 0..<400 { try step(engine, receiver, clock) }
  print("points \(shape.pointCount) rows \(shape.servers * shape.rows)")
}

func step(_ engine: Engine, _ receiver: Receiver, _ clock: ManualClock) throws {
  clock.advance(nanoseconds: 3_000_000)
  receiver.tick()
  try engine.step()
  receiver.settle()
}

guard CommandLine.arguments.count == 3, let shape = Shape(CommandLine.arguments[1]) else {
  fail("usage: Counts wide|ten|single DIRECTORY")
}
do {
  try run(shape, CommandLine.arguments[2])
} catch {
  fail("\(error)")
}
