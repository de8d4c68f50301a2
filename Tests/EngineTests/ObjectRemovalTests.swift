import Cold
import Engine
import Platform
import Synchronization
import TestSupport
import Testing

/// Goal: an object that a cold store does not want to remove is asked for again, within bounds.
@Suite struct ObjectRemovalTests {
  private let disk = FaultyDisk(seed: 1)
  private let store: MoodyStore
  private let second: UInt64 = 1_000_000_000

  init() { store = MoodyStore(disk) }

  private func put(_ keys: [String]) throws {
    try disk.replace("/object", with: [1, 2, 3])
    for key in keys { try store.put(key, try disk.open("/object")) }
  }

  @Test func whatFailsIsTriedAgainAndIsGoneThen() throws {
    let keys = (0..<250).map { "object-\($0)" }
    try put(keys)
    var removal = ObjectRemoval()
    store.set(isDown: true)
    let before = store.requests.load(ordering: .relaxed)
    for key in keys { removal.remove(key, from: store, monotonic: second) }
    #expect(removal.left == keys)
    // The store is not asked for each of them while it is away.
    #expect(store.requests.load(ordering: .relaxed) - before == 1)
    removal.retry(in: store, monotonic: 2 * second)
    #expect(store.requests.load(ordering: .relaxed) - before == 1)
    removal.retry(in: store, monotonic: 70 * second)
    #expect(store.requests.load(ordering: .relaxed) - before == 2)
    #expect(removal.left.count == 250)
    store.set(isDown: false)
    removal.retry(in: store, monotonic: 140 * second)
    #expect(removal.left.count == 150)
    removal.retry(in: store, monotonic: 141 * second)
    removal.retry(in: store, monotonic: 142 * second)
    #expect(removal.left.isEmpty)
    #expect(try store.list("").isEmpty)
  }

  @Test func theListIsBounded() {
    var removal = ObjectRemoval()
    store.set(isDown: true)
    for number in 0..<ObjectRemoval.countMax + 5 {
      removal.remove("object-\(number)", from: store, monotonic: second)
    }
    #expect(removal.left.count == ObjectRemoval.countMax)
    #expect(removal.left.first == "object-5")
  }

  @Test func anObjectIsRemovedAtOnceWhereNothingFails() throws {
    try put(["a", "b"])
    var removal = ObjectRemoval()
    removal.remove("a", from: store, monotonic: second)
    #expect(removal.left.isEmpty)
    #expect(try store.list("").map(\.key) == ["b"])
  }
}
