import Engine
import Model
import Query
import TestSupport
import Testing

/// Random rows, late ones among them, random cuts, restarts and readers: what was told of a window
/// last is what a range answers in the end.
struct FeedModelTests {
  /// With open windows they grow row by row; without, each is folded when it closes.
  @Test(arguments: 1...8, ["closed,restated", "open,closed,restated"])
  func whatIsToldLastIsWhatARangeAnswers(seed: UInt64, events: String) async throws {
    var random = SeededRandom(seed: seed)
    let harness = try EngineHarness()
    let query = "measurement=m&events=\(events)"
    var reader = try FeedReader(harness, query)
    var told: [String: [String]] = [:]
    func collect() {
      for event in reader.events {
        let words = event.text.split(separator: " ")
        told["\(words[1]) \(words[2])", default: []].append(event.text)
      }
    }
    var time = 0
    for _ in 0..<80 {
      var text = ""
      for _ in 0..<Int.random(in: 1..<40, using: &random) {
        let name = ["a", "b", "c"][Int.random(in: 0..<3, using: &random)]
        let lateness =
          switch Int.random(in: 0..<20, using: &random) {
          case 0: Int.random(in: 0..<600, using: &random)
          case 1..<6: Int.random(in: 0..<20, using: &random)
          default: 0
          }
        let fields = ["f=%", "f=%,g=%i", "g=%i"][Int.random(in: 0..<3, using: &random)]
        let value = Int.random(in: 0..<100, using: &random)
        let row = fields.split(separator: "%", omittingEmptySubsequences: false)
          .joined(separator: "\(value)")
        text += "m,h=\(name) \(row) \(1_795_373_340 + time - lateness)\n"
        time += Int.random(in: 0..<3, using: &random)
      }
      _ = try harness.send(text)
      if Int.random(in: 0..<6, using: &random) == 0 { try await harness.engine.flush() }
      if Int.random(in: 0..<12, using: &random) == 0 {
        collect()
        let id = reader.id
        reader.subscription.cancel()
        if Bool.random(using: &random) { try harness.restart() }
        reader = try FeedReader(harness, query, from: id)
      }
      let behind = time - Int(harness.clock.now() / 1_000_000_000 - 1_795_373_340)
      try await reader.wait(seconds: max(1, behind))
    }
    try await reader.wait(seconds: 130)
    collect()
    let answer = try await harness.engine.range(
      EngineHarness.items(
        "measurement=m&start=1795370000&end=1795380000&step=60s&agg=count,sum"
      ),
      tenant: "default"
    )
    let expected = FeedReader.texts(answer)
    #expect(expected.count > 20)
    for (window, text) in expected {
      let last = told[window]?.last?.split(separator: " ", maxSplits: 1)[1]
      #expect(last.map(String.init) == text, "seed \(seed), \(told[window] ?? [])")
    }
    // A reader that has to begin anew is told so, and of no window.
    let strangers = told.filter { expected[$0.key] == nil && !$0.value[0].hasPrefix("reset ") }
    #expect(strangers.isEmpty, "seed \(seed)")
  }
}

extension FeedReader {
  /// The windows of an answer, by series and minute, as events tell them.
  static func texts(_ answer: RangeAnswer) -> [String: String] {
    var result: [String: String] = [:]
    guard let grid = answer.grid else { return result }
    for series in answer.series {
      guard case .buckets(let present, let columns) = series.content else { continue }
      let name = series.tags.map { String(decoding: $0.value, as: UTF8.self) }
        .joined(separator: ",")
      let field = String(decoding: series.field, as: UTF8.self)
      for bucket in 0..<grid.count where present.contains(bucket) {
        let key = "\(name) \((grid.first + Int64(bucket)) % 1_000_000)"
        var text = result[key] ?? key
        for (aggregate, values) in columns {
          text += " \(field).\(aggregate.rawValue)=\(number(values, bucket))"
        }
        result[key] = text
      }
    }
    return result
  }
}
