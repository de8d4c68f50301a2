internal import Platform

/// The names of a ``FaultyDisk``: what programs see, what the disk holds, and the changes between.
///
/// A change is one creation, removal or rename and survives a crash whole or not at all. Changes
/// that share a name keep their order: none survives without those before it.
struct FaultyNames: Sendable {
  private struct Change: Sendable {
    /// What each touched name stands for afterwards.
    var effects: [(name: String, node: Int?)]
  }

  private(set) var live: [String: Int] = [:]
  private(set) var durable: [String: Int] = [:]
  private var pending: [Change] = []

  init() {}

  /// Names that are on the disk already.
  init(durable names: [String: Int]) {
    live = names
    durable = names
  }

  /// Every node that a name stands for, or may stand for after a crash.
  var nodes: Set<Int> {
    let changed = pending.lazy.flatMap(\.effects).compactMap(\.node)
    return Set(live.values).union(durable.values).union(changed)
  }

  func mentions(_ node: Int) -> Bool {
    live.values.contains(node) || durable.values.contains(node)
      || pending.lazy.flatMap(\.effects).contains { $0.node == node }
  }

  mutating func set(_ name: String, _ node: Int?) { change([(name, node)]) }

  mutating func rename(_ from: String, to target: String, node: Int) {
    if from != target { change([(from, nil), (target, node)]) }
  }

  private mutating func change(_ effects: [(name: String, node: Int?)]) {
    for effect in effects { live[effect.name] = effect.node }
    pending.append(Change(effects: effects))
  }

  /// Makes the names of one folder durable, and what must come before them.
  mutating func sync(_ directory: String) {
    let isChosen = withPredecessors { change in
      change.effects.contains { Path.directory(of: $0.name) == directory }
    }
    for (change, chosen) in zip(pending, isChosen) where chosen { apply(change) }
    pending = zip(pending, isChosen).filter { !$0.1 }.map(\.0)
  }

  /// What the disk holds after a power failure: a beginning of the journal, or, on a file system
  /// without one, any changes.
  func crashed(_ random: inout SeededRandom) -> [String: Int] {
    var result = self
    let isChosen: [Bool]
    if random.oneIn(2) {
      let count = Int.random(in: 0...pending.count, using: &random)
      isChosen = pending.indices.map { $0 < count }
    } else {
      isChosen = withPredecessors { _ in random.oneIn(2) }
    }
    for (change, chosen) in zip(pending, isChosen) where chosen { result.apply(change) }
    return result.durable
  }

  private mutating func apply(_ change: Change) {
    for effect in change.effects { durable[effect.name] = effect.node }
  }

  /// For each pending change whether it is wanted or comes before a wanted one of the same name.
  private func withPredecessors(_ isWanted: (Change) -> Bool) -> [Bool] {
    var names: Set<String> = []
    var result = [Bool](repeating: false, count: pending.count)
    for index in pending.indices.reversed() {
      let touched = pending[index].effects.map(\.name)
      guard isWanted(pending[index]) || touched.contains(where: names.contains) else { continue }
      result[index] = true
      names.formUnion(touched)
    }
    return result
  }
}
