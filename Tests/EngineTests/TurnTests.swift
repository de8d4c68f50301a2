import Engine
import LineProtocol
import Model
import Testing

/// Goal: whoever sends lines that are refused has its turn like all others, and loses nothing.
@Suite struct TurnTests {
  private func take(
    _ bytes: [UInt8],
    from start: Int,
    _ harness: EngineHarness,
    turn: UInt64
  ) -> Int {
    unsafe bytes[start...].withUnsafeBytes {
      unsafe harness.receiver.receive($0, on: harness.connection, turnNanoseconds: turn)
    }
  }

  @Test func refusedLinesEndATurnAndGoOnInTheNext() throws {
    let harness = try EngineHarness()
    let bytes = Array(String(repeating: "nonsense\n", count: 1_050).utf8)
    var position = 0
    var turns = 0
    while position < bytes.count {
      let taken = take(bytes, from: position, harness, turn: 0)
      try #require(taken > 0)
      position += taken
      turns += 1
      #expect(harness.connection.isTurnOver == (position < bytes.count))
    }
    #expect((10...12).contains(turns))
    #expect(try harness.send("m f=1\n#ack a\n").hasPrefix("OK a 1 1050\n"))
  }

  @Test func goodLinesAndPatientOwnersAreNotInterrupted() throws {
    let harness = try EngineHarness()
    let good = Array((0..<5_000).map { "m,h=a f=\($0) \($0 + 1)\n" }.joined().utf8)
    #expect(take(good, from: 0, harness, turn: 0) == good.count)
    #expect(!harness.connection.isTurnOver)
    let bad = Array(String(repeating: "nonsense\n", count: 1_050).utf8)
    #expect(take(bad, from: 0, harness, turn: .max) == bad.count)
    #expect(!harness.connection.isTurnOver)
  }

  @Test func refusedLinesOfABodyEndItsTurnToo() throws {
    let harness = try EngineHarness()
    let receiver = harness.receiver
    let body = receiver.openBody(sender: "test", tenant: .default, precision: .auto)
    let bytes = Array((String(repeating: "nonsense\n", count: 1_050) + "m f=1\n").utf8)
    var position = 0
    var turns = 0
    while position < bytes.count {
      let taken = unsafe bytes[position...].withUnsafeBytes {
        unsafe receiver.receive($0, on: body, turnNanoseconds: 0)
      }
      try #require(taken > 0)
      position += taken
      turns += 1
    }
    #expect((10...12).contains(turns))
    #expect(body.counts.linesRejected == 1_050)
    let good = Array((0..<5_000).map { "m,h=a f=\($0) \($0 + 1)\n" }.joined().utf8)
    let taken = unsafe good.withUnsafeBytes {
      unsafe receiver.receive($0, on: body, turnNanoseconds: 0)
    }
    #expect(taken == good.count)
    #expect(body.counts.linesAccepted == 5_001)
  }
}
