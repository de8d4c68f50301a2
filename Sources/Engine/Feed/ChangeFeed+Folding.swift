internal import Catalog
internal import Model
internal import Query
internal import Synchronization

extension ChangeFeed {
  /// What is announced in one piece; larger news come in several.
  private static let pieceCount = 256

  func fold(_ news: News) {
    var isTold: Set<ObjectIdentifier> = []
    let partitions = news.pairs.sorted { $0.key < $1.key }
    for (place, (partition, pairs)) in partitions.enumerated() {
      let series = Set(pairs.map { SeriesID($0.pair.series) }).sorted()
      guard
        let view = sources.view(of: partition, series: series, isStopping: stopping)
      else { return }
      for start in stride(from: 0, to: pairs.count, by: Self.pieceCount) {
        let end = min(start + Self.pieceCount, pairs.count)
        let isLast = place == partitions.count - 1 && end == pairs.count
        let changes = changes(of: pairs[start..<end], in: partition, view, news)
        for (number, some) in changes {
          for reader in news.topics[number]?.readers ?? [] {
            let wanted = some.filter { reader.request.events.contains($0.kind) }
            guard !wanted.isEmpty else { continue }
            let after = isLast ? news.position : news.before
            reader.deliver(wanted, before: news.before, after: after)
            if isLast {
              isTold.remove(ObjectIdentifier(reader))
            } else {
              isTold.insert(ObjectIdentifier(reader))
            }
          }
        }
      }
    }
    // Whoever has got its news in an earlier piece is told that they are all.
    guard !isTold.isEmpty else { return }
    for (_, readers) in news.topics.values {
      for reader in readers where isTold.contains(ObjectIdentifier(reader)) {
        reader.progress(news.position)
      }
    }
  }

  func stopping() -> Bool { isStopping.load(ordering: .relaxed) }

  /// The changes of some windows, by topic.
  private func changes(
    of pairs: ArraySlice<(pair: FeedPair, topics: [Int])>,
    in partition: PartitionID,
    _ view: StoreView,
    _ news: News
  ) -> [Int: [FeedChange]] {
    folding.withLock { folding in
      var result: [Int: [FeedChange]] = [:]
      for (pair, numbers) in pairs {
        let keys = numbers.compactMap { news.topics[$0]?.key }
        let changes = folding.folder.changes(pair, for: keys, in: partition, of: view)
        for (number, change) in zip(numbers, changes) {
          guard let change, folding.memory.isNews(change, pair, topic: number) else { continue }
          result[number, default: []].append(change)
        }
      }
      return result
    }
  }

  /// Changes of windows for one reader, in the order of `pairs`.
  func changes(of pairs: [FeedPair], for reader: FeedSubscription) -> [FeedChange]? {
    var folder = FeedFolder(sources)
    let key = FeedTopic.Key(reader)
    var members: [PartitionID: Set<SeriesID>] = [:]
    for pair in pairs {
      guard let partition = sources.catalog.partition(of: SeriesID(pair.series)) else { continue }
      members[partition, default: []].insert(SeriesID(pair.series))
    }
    var views: [PartitionID: StoreView] = [:]
    for (partition, series) in members {
      guard
        let view = sources.view(of: partition, series: series.sorted(), isStopping: stopping)
      else { return nil }
      views[partition] = view
    }
    var result: [FeedChange] = []
    for pair in pairs {
      guard let partition = sources.catalog.partition(of: SeriesID(pair.series)),
        let view = views[partition],
        let change = folder.changes(pair, for: [key], in: partition, of: view)[0]
      else { continue }
      result.append(change)
    }
    return result
  }
}
