import Engine
import Testing

/// Goal: what waits to be merged stays below its limit, whoever sends how much; who sends little,
/// or a lot for some minutes, notices nothing; rows never stop.
@Suite struct DebtControlTests {
  /// Rows that come, are cut and are merged, a second a step. Rates in bytes of blocks a second.
  struct Model {
    static let linesPerBlockByte = 30.0
    /// Rows stay in memory for so long before they are cut.
    static let openSeconds = 25
    /// Blocks are merged so many bytes at a time, and do not count before.
    static let stepByteCount = 200e6

    var control: DebtControl
    var waiting = 0.0
    var incomplete = 0.0
    var merged = 0.0
    var cut = 0.0
    var received = 0.0
    var second = 0
    var open: [Double] = []
    var waitingMax = 0.0

    init(limit: Int = 4 << 30, threadCountMax: Int = 1) {
      control = DebtControl(
        limit: limit,
        partitionCount: 8,
        processorPercent: 50,
        threadCountMax: threadCountMax
      )
    }

    /// - Returns: what was taken, in bytes of blocks a second.
    @discardableResult
    mutating func run(
      seconds: Int,
      demand: Double,
      merging: Double,
      steps: Double = stepByteCount
    ) -> Double {
      let before = received
      for _ in 0..<seconds {
        let wanted = demand * Self.linesPerBlockByte
        let lines = min(wanted, control.decision.bytesPerSecond ?? .infinity)
        received += lines
        open.append(lines / Self.linesPerBlockByte)
        if open.count > Self.openSeconds {
          let done = open.removeFirst()
          cut += done
          incomplete += done
        }
        if incomplete >= steps {
          waiting += incomplete
          incomplete = 0
        }
        let work = min(waiting, merging)
        waiting -= work
        merged += work
        waitingMax = max(waitingMax, waiting)
        second += 1
        control.note(look)
      }
      return (received - before) / Self.linesPerBlockByte / Double(seconds)
    }

    var look: DebtControl.Look {
      DebtControl.Look(
        monotonic: UInt64(second) * 1_000_000_000,
        waitingByteCount: Int(waiting),
        mergeCount: Int(waiting / Self.stepByteCount),
        mergedByteCount: UInt64(merged),
        cutByteCount: UInt64(cut),
        receivedByteCount: UInt64(received)
      )
    }
  }

  @Test(arguments: [(9e6, 4e6), (20e6, 2e6), (9e6, 8.5e6), (50e6, 10e6)])
  func whatWaitsStaysBelowItsLimitAndRowsAreTakenAsFastAsTheyAreMerged(
    demand: Double,
    merging: Double
  ) {
    var model = Model()
    model.run(seconds: 3_600, demand: demand, merging: merging)
    let last = model.run(seconds: 3_600, demand: demand, merging: merging)
    #expect(model.waitingMax <= 4_294_967_296)
    #expect(last > 0.9 * merging && last < 1.1 * merging, "\(last)")
    // Merging catches up once the load is over.
    model.run(seconds: 3_600, demand: 0, merging: merging)
    #expect(model.waiting < 300e6)
    #expect(model.control.decision.bytesPerSecond == nil)
    #expect(model.control.decision.slowedRatio == 0)
  }

  @Test func aBurstOfMinutesIsNotSlowed() {
    var model = Model()
    for _ in 0..<200 {
      model.run(seconds: 1, demand: 9e6, merging: 3e6)
      #expect(model.control.decision.bytesPerSecond == nil)
    }
    #expect(model.waiting > 500e6)
  }

  @Test func beginningToSlowIsSmooth() {
    var model = Model()
    var before = 1.0
    for _ in 0..<2_000 {
      model.run(seconds: 1, demand: 9e6, merging: 4e6, steps: 1)
      let taken = 1 - model.control.decision.slowedRatio
      #expect(abs(taken - before) < 0.05)
      before = taken
    }
    #expect(before < 0.55)
  }

  @Test func whoSendsLessThanIsMergedIsNotSlowedHoweverMuchWaits() {
    var model = Model()
    model.waiting = 20e9
    let taken = model.run(seconds: 1_000, demand: 1e6, merging: 4e6)
    #expect(taken == 1e6)
    #expect(model.control.decision.slowedRatio == 0)
    #expect(model.waiting > 4_294_967_296)
  }

  @Test func aTenthIsTakenWhenHardlyAnythingIsMerged() {
    var model = Model(limit: 1 << 30)
    model.run(seconds: 600, demand: 9e6, merging: 1)
    let taken = model.run(seconds: 600, demand: 9e6, merging: 1)
    #expect(taken > 0.89e6 && taken < 0.91e6, "\(taken)")
    #expect(model.control.decision.slowedRatio > 0.89)
    #expect(model.control.decision.slowedRatio <= 1 - DebtControl.shareMin + 1e-9)
  }

  @Test func nobodyIsSlowedBeforeMergingWasSeenAtWork() {
    var model = Model()
    model.waiting = 20e9
    model.run(seconds: 4, demand: 9e6, merging: 1e6)
    #expect(model.control.decision.bytesPerSecond == nil)
    model.run(seconds: 60, demand: 9e6, merging: 1e6)
    #expect(model.control.decision.slowedRatio > 0.5)
  }

  @Test func mergingTakesMoreOfTheProcessorsTheMoreWaits() {
    var model = Model(threadCountMax: 4)
    func decision(_ waiting: Int) -> DebtControl.Decision {
      model.waiting = Double(waiting)
      model.run(seconds: 1, demand: 0, merging: 0)
      return model.control.decision
    }
    #expect(decision(0).processorPercent == 50)
    #expect(decision(0).threadCount == 1)
    #expect(decision(256 << 20).processorPercent == 75)
    #expect(decision(512 << 20).processorPercent == 100)
    #expect(decision(512 << 20).threadCount == 2)
    #expect(decision(1 << 30).threadCount == 3)
    #expect(decision(2 << 30).threadCount == 4)
    #expect(decision(8 << 30).threadCount == 4)
  }

  @Test func rowsThatComeAsFastAsTheyMayAreSlowedThoughNobodyKnewTheirRate() {
    var control = Model().control
    var (second, received) = (UInt64(0), 0.0)
    // Rows that are cut as soon as they come, while too much waits.
    func run(seconds: Int, demand: Double) -> [Bool] {
      (0..<seconds).map { _ in
        second += 1
        received += min(demand, control.decision.bytesPerSecond ?? .infinity)
        control.note(
          DebtControl.Look(
            monotonic: second * 1_000_000_000,
            waitingByteCount: 4 << 30,
            mergeCount: 8,
            mergedByteCount: second * 4_000_000,
            cutByteCount: UInt64(received / Model.linesPerBlockByte),
            receivedByteCount: UInt64(received)
          )
        )
        return control.decision.isSlowing
      }
    }
    #expect(run(seconds: 60, demand: 30_000) == Array(repeating: false, count: 60))
    #expect(control.decision.bytesPerSecond != nil)
    #expect(run(seconds: 100, demand: 1e9) == Array(repeating: true, count: 100))
    #expect(run(seconds: 1, demand: 30_000) == [false])
  }

  @Test func nothingIsHeldBackBeforeAnythingCame() {
    var control = Model().control
    for second in 1...60 {
      control.note(
        DebtControl.Look(
          monotonic: UInt64(second) * 1_000_000_000,
          waitingByteCount: 4 << 30,
          mergeCount: 8,
          mergedByteCount: UInt64(second) << 20,
          cutByteCount: UInt64(second) << 20,
          receivedByteCount: 0
        )
      )
    }
    #expect(control.decision.bytesPerSecond == nil)
  }
}
