import TestSupport
import Testing

/// Goal: through crashes, lost unsynced writes and torn pages nothing acknowledged is missing,
/// nothing is invented, windows agree with raw rows and the ledger balances. Method: the whole
/// pipeline on a faulty disk from one seed, against dictionaries.
@Suite struct PipelineSimulationTests {
  @Test(arguments: UInt64(1)...24)
  func nothingAcknowledgedIsLostOverSeveralLives(seed: UInt64) async {
    let simulation = PipelineSimulation(seed: seed)
    await simulation.run(lives: 6, stepsPerLife: 60)
    #expect(simulation.faults == [], "seed \(seed)")
    #expect(simulation.lives >= 7 || !simulation.faults.isEmpty)
    #expect(simulation.checks > 0)
  }
}
