import Testing
import Tool

struct LoadAnswerTests {
  @Test func anAcknowledgementIsRead() {
    #expect(answer("OK 17 250 3") == .ok(id: 17, accepted: 250, rejected: 3))
  }

  @Test func aFailureKeepsItsText() {
    #expect(answer("FAIL 9 no space left") == .failed(id: 9, text: "FAIL 9 no space left"))
    #expect(answer("FAIL - bad word") == .failed(id: nil, text: "FAIL - bad word"))
  }

  @Test func aRefusedLineIsKept() {
    #expect(answer("ERR 3 8 a value is missing") == .refused(text: "ERR 3 8 a value is missing"))
  }

  @Test(arguments: ["", "OKAY 1 2 3", "HTTP/1.1 400 Bad Request"])
  func anythingElseIsKeptToo(text: String) {
    #expect(answer(text) == .other(text: text))
  }

  @Test func aMangledAcknowledgementIsNoAcknowledgement() {
    #expect(answer("OK 1 2") == .failed(id: 1, text: "OK 1 2"))
  }

  private func answer(_ text: String) -> LoadAnswer { LoadAnswer(Array(text.utf8)) }
}

struct LatencyHistogramTests {
  @Test func anEmptyOneHasNoLatency() {
    #expect(LatencyHistogram().percentile(0.99) == 0)
  }

  @Test func percentilesAreWithinThreePercent() {
    var histogram = LatencyHistogram()
    for value in 1...100_000 { histogram.record(UInt64(value) * 1_000) }
    for fraction in [0.01, 0.5, 0.9, 0.99, 1] {
      let exact = fraction * 100_000_000
      let found = Double(histogram.percentile(fraction))
      #expect(found >= exact * 0.999 && found <= exact * 1.04, "\(fraction): \(found)")
    }
    #expect(histogram.maximum == 100_000_000)
    #expect(histogram.total == 100_000)
  }

  @Test func theLargestLatencyHasABucket() {
    var histogram = LatencyHistogram()
    histogram.record(.max)
    histogram.record(0)
    #expect(histogram.percentile(1) == .max)
    #expect(histogram.percentile(0.5) == 0)
  }

  @Test func twoMergeIntoTheSum() {
    var (left, right) = (LatencyHistogram(), LatencyHistogram())
    left.record(10)
    right.record(20)
    right.record(30)
    left.merge(right)
    #expect(left.total == 3)
    #expect(left.percentile(0.5) == 20)
    #expect(left.maximum == 30)
  }
}
