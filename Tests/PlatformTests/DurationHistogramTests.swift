import Platform
import TestSupport
import Testing

struct DurationHistogramTests {
  @Test func aDurationFallsIntoTheFirstBucketThatHoldsIt() {
    let histogram = DurationHistogram()
    for nanoseconds: UInt64 in [0, 100_000, 100_001, 1_000_000, 60_000_000_000, 1 << 40] {
      histogram.record(nanoseconds: nanoseconds)
    }
    let counts = histogram.counts
    #expect(counts.buckets.count == DurationHistogram.bounds.count + 1)
    #expect(counts.buckets[0] == 2)
    #expect(counts.buckets[1] == 1)
    #expect(counts.buckets[3] == 1)
    #expect(counts.buckets[17] == 1)
    #expect(counts.buckets[18] == 1)
    #expect(counts.total == 6)
    #expect(counts.sumNanoseconds == 60_001_200_001 + 1 << 40)
  }

  @Test func boundsAscend() {
    let bounds = DurationHistogram.bounds
    #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
  }

  @Test func countsAddUp() {
    let histogram = DurationHistogram()
    histogram.record(nanoseconds: 5)
    var sum = DurationHistogram.Counts()
    sum += histogram.counts
    sum += histogram.counts
    #expect(sum.buckets[0] == 2)
    #expect(sum.sumNanoseconds == 10)
  }

  @Test func severalThreadsLoseNothing() throws {
    let histogram = DurationHistogram()
    let threads = try (0..<4).map { number in
      try WorkerThread(name: "record-\(number)") {
        for nanoseconds in 0..<10_000 { histogram.record(nanoseconds: UInt64(nanoseconds)) }
      }
    }
    for thread in threads { thread.join() }
    #expect(histogram.counts.total == 40_000)
    #expect(histogram.counts.sumNanoseconds == 4 * 49_995_000)
  }
}
