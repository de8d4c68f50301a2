/// How many machines a plan takes when each has a part of the servers: Varve runs on one machine,
/// so that each of them is a directory of its own.
package struct PlanNodes: Hashable, Sendable {
  /// What one machine has.
  package struct Machine: Hashable, Sendable {
    package var processors = 8
    package var diskByteCount = 0x1p42
    package var writtenPerSecond = 200e6

    package init() {}
  }

  /// What a machine has too little of first.
  package enum Bound: String, Sendable {
    case processors
    case disk
    case diskWrites = "disk writes"
  }

  package let count: Double
  package let bound: Bound

  /// Half of the processors is left for queries and cuts (docs/operations.md, "Sizing").
  package init(_ plan: StoragePlan, _ machine: Machine) {
    let needs: [(Double, Bound)] = [
      (plan.processors / (Double(machine.processors) / 2), .processors),
      (plan.plannedByteCount / machine.diskByteCount, .disk),
      (plan.writtenPerSecond / machine.writtenPerSecond, .diskWrites),
    ]
    let most = needs.max { $0.0 < $1.0 } ?? (0, .processors)
    count = max(1, most.0.rounded(.up))
    bound = most.1
  }
}
