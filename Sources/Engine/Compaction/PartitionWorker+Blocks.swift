internal import Blocks
internal import Model
internal import Platform

/// What threads that merge and move blocks ask of a worker.
extension PartitionWorker {
  private static let replyNanoseconds: Int64 = 30_000_000_000

  /// The blocks of a partition as they are; `nil` when the worker does not answer.
  func blockList(of partition: PartitionID, _ parts: EngineParts) -> BlockList? {
    let reply = Promise<BlockList?>()
    mailbox.send(.blocks(partition: partition, reply: reply))
    return answer(reply, parts) ?? nil
  }

  /// Puts blocks in the place of others; `nil` when nobody knows whether it comes to be.
  func replaceBlocks(
    of partition: PartitionID,
    _ replacement: BlockReplacement,
    _ parts: EngineParts
  ) -> BlockSwap? {
    let reply = Promise<BlockSwap?>()
    mailbox.send(.replaceBlocks(partition: partition, replacement, reply: reply))
    return answer(reply, parts) ?? nil
  }

  /// Puts rollups in the place of others; `nil` when nobody knows whether it comes to be.
  func replaceRollups(
    of partition: PartitionID,
    _ replacement: RollupReplacement,
    _ parts: EngineParts
  ) -> BlockSwap? {
    let reply = Promise<BlockSwap?>()
    mailbox.send(.replaceRollups(partition: partition, replacement, reply: reply))
    return answer(reply, parts) ?? nil
  }

  /// Takes blocks away for good; `nil` when nobody knows whether it comes to be.
  func removeBlocks(
    of partition: PartitionID,
    _ removal: BlockRemoval,
    _ parts: EngineParts
  ) -> BlockSwap? {
    let reply = Promise<BlockSwap?>()
    mailbox.send(.removeBlocks(partition: partition, removal, reply: reply))
    return answer(reply, parts) ?? nil
  }

  private func answer<Value>(_ reply: Promise<Value>, _ parts: EngineParts) -> Value? {
    guard parts.threading == .manual else {
      return reply.wait(timeoutNanoseconds: Self.replyNanoseconds)
    }
    _ = step(monotonic: parts.clock.monotonic())
    return reply.wait(timeoutNanoseconds: 0)
  }
}
