import Engine
import Model
import Query
import TestSupport
import Testing

/// A reader of the change feed of an engine that the test steps itself.
final class FeedReader {
  /// An event in a form that tests compare: `closed a 3 count=60`, say.
  struct Event: Hashable, CustomStringConvertible {
    var text: String
    var id: String
    var description: String { text }
  }

  private let harness: EngineHarness
  let subscription: FeedSubscription
  private(set) var events: [Event] = []
  /// Where a reader that has seen all of `events` stands.
  private(set) var id = ""

  init(
    _ harness: EngineHarness,
    _ query: String = "measurement=m",
    from: String? = nil,
    tenant: String = "default"
  ) throws {
    self.harness = harness
    var request = try StreamRequest.parse(items: EngineHarness.items(query))
    request.from = from
    subscription = try harness.engine.subscribe(to: request, tenant: tenant, form: .windows)
  }

  /// Lets time pass, a second at a time, and takes what is announced.
  ///
  /// - Returns: what came, in order.
  @discardableResult
  func wait(seconds: Int = 1) async throws -> [String] {
    let before = events.count
    for _ in 0..<seconds {
      harness.clock.advance(seconds: 1)
      for _ in 0..<4 { try harness.engine.step() }
      while let some = await subscription.poll(), !some.isEmpty {
        for delivery in some { take(delivery) }
      }
    }
    return events[before...].map(\.text)
  }

  private func take(_ delivery: FeedDelivery) {
    switch delivery {
    case .change(let change, let position):
      id = position.text
      guard case .windows(let answer) = change.content, let first = answer.series.first else {
        Issue.record("a change without windows")
        return
      }
      var text = "\(change.kind.rawValue) "
      text += first.tags.map { String(decoding: $0.value, as: UTF8.self) }.joined(separator: ",")
      text += " \(change.minute % 1_000_000)"
      for series in answer.series {
        guard case .buckets(_, let columns) = series.content else { continue }
        let field = String(decoding: series.field, as: UTF8.self)
        for (aggregate, values) in columns where [.count, .sum].contains(aggregate) {
          text += " \(field).\(aggregate.rawValue)=\(Self.number(values))"
        }
      }
      events.append(Event(text: text, id: position.text))
    case .reset(let reason, let position):
      id = position.text
      events.append(Event(text: "reset \(reason)", id: position.text))
    case .progress(let position): id = position.text
    }
  }

  static func number(_ values: AnswerValues, _ index: Int = 0) -> String {
    switch values {
    case .float(let cells): "\(Double(bitPattern: cells[index]))"
    case .unsigned(let cells), .boolean(let cells): "\(cells[index])"
    case .integer(let cells): "\(Int64(bitPattern: cells[index]))"
    case .sum(let sums, _): "\(sums[index])"
    case .string: "text"
    }
  }
}

/// Lines of `series`, one a second, from and to seconds relative to the harness' start.
func lines(_ series: String, _ seconds: Range<Int>, value: Int = 1) -> String {
  seconds.map { "\(series) f=\(value) \(1_795_373_340 + $0)\n" }.joined()
}

func lines(_ seconds: Range<Int>, value: Int = 1) -> String {
  lines("m,h=a", seconds, value: value)
}
