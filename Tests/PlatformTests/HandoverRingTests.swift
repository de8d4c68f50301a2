import Platform
import Synchronization
import TestSupport
import Testing

@Suite struct HandoverRingTests {
  @Test func aFullRingRefusesAndAnEmptyOneGivesNothing() {
    let ring = HandoverRing<Int>(capacity: 3)
    #expect(ring.capacity == 4)
    #expect(ring.pop() == nil)
    #expect(ring.isEmpty)
    for value in 0..<4 { #expect(ring.push(value)) }
    #expect(!ring.push(4))
    #expect(ring.count == 4)
    #expect(ring.pop() == 0)
    #expect(ring.push(4))
    #expect(!ring.push(5))
    for value in 1...4 { #expect(ring.pop() == value) }
    #expect(ring.pop() == nil)
    #expect(ring.count == 0)
  }

  @Test func aRingOfOneWorks() {
    let ring = HandoverRing<String>(capacity: 1)
    for round in 0..<10 {
      #expect(ring.push("\(round)"))
      #expect(!ring.push("no"))
      #expect(ring.pop() == "\(round)")
    }
  }

  @Test(arguments: UInt64(1)...20)
  func behavesLikeAnArray(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let ring = HandoverRing<UInt64>(capacity: Int.random(in: 1...40, using: &random))
    var model: [UInt64] = []
    var isEqual = true
    for _ in 0..<2_000 {
      if random.oneIn(2) {
        let value = random.next()
        let fits = model.count < ring.capacity
        isEqual = isEqual && ring.push(value) == fits
        if fits { model.append(value) }
      } else {
        isEqual = isEqual && ring.pop() == (model.isEmpty ? nil : model.removeFirst())
      }
      isEqual = isEqual && ring.count == model.count
    }
    #expect(isEqual)
  }

  @Test(.timeLimit(.minutes(1)), arguments: [1, 2, 64, 4_096])
  func everythingArrivesOnceAndInOrder(capacity: Int) throws {
    let ring = HandoverRing<[Int]>(capacity: capacity)
    let (filled, emptied) = (Signal(), Signal())
    let total = capacity < 64 ? 20_000 : 200_000
    let producer = try WorkerThread(name: "producer") {
      for value in 0..<total {
        while !ring.push([value, -value]) { emptied.wait(timeoutNanoseconds: 1_000_000) }
        filled.set()
      }
    }
    var next = 0
    var isInOrder = true
    while next < total {
      guard let element = ring.pop() else {
        filled.wait(timeoutNanoseconds: 1_000_000)
        continue
      }
      isInOrder = isInOrder && element == [next, -next]
      next += 1
      emptied.set()
    }
    producer.join()
    #expect(isInOrder)
    #expect(ring.isEmpty)
  }

  @Test func whatIsLeftInTheRingIsReleased() {
    final class Witness: Sendable {
      let released: Mutex<Int>
      let parent: Witness?
      init(parent: Witness?) {
        released = Mutex(0)
        self.parent = parent
      }
      deinit { parent?.released.withLock { $0 += 1 } }
    }
    let parent = Witness(parent: nil)
    do {
      let ring = HandoverRing<Witness>(capacity: 8)
      for _ in 0..<5 { #expect(ring.push(Witness(parent: parent))) }
      _ = ring.pop()
      #expect(parent.released.withLock { $0 } == 1)
    }
    #expect(parent.released.withLock { $0 } == 5)
  }
}
