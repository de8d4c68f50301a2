internal import Synchronization

/// The bytes of one query, counted over all threads that work for it.
final class QueryBudget: Sendable {
  let byteCountMax: Int
  private let memory: QueryMemory?
  private let held = Atomic<Int>(0)

  init(_ options: QueryOptions) {
    byteCountMax = options.byteCountMax
    memory = options.memory
  }

  var bytesLeft: Int { max(0, byteCountMax - held.load(ordering: .relaxed)) }

  /// - Returns: whether the bytes are within the budget; they are counted either way.
  func take(_ count: Int) -> Bool {
    let value = held.add(count, ordering: .relaxed).newValue
    memory?.update(value)
    return value <= byteCountMax
  }

  func giveBack(_ count: Int) {
    let value = held.subtract(count, ordering: .relaxed).newValue
    memory?.update(value)
    assert(value >= 0)
  }
}
