internal import Model

/// Groups of a wide query, dealt out to pieces that are worked on apart.
///
/// A group is never split, so that its series are folded in order. Where every group lies in one
/// partition, so does every piece; elsewhere neighbours stay together.
struct GroupShards: Sendable {
  /// Fewer series are not worth another thread.
  private static let membersPerShardMin = 64
  private static let shardCountMax = 16

  private let shards: [[Int]]
  private let first: Int
  /// By group, from `first` on.
  private let places: [(shard: Int32, slot: Int32)]

  var count: Int { shards.count }

  init(_ groups: Range<Int>, of selection: Selection, isSplit: Bool) {
    let memberCount = groups.reduce(0) { $0 + selection.groups[$1].members.count }
    let count = min(Self.shardCountMax, memberCount / Self.membersPerShardMin, groups.count)
    guard isSplit, count > 1 else {
      self.init(groups.lowerBound, [Array(groups)])
      return
    }
    if groups.allSatisfy({ selection.groups[$0].members.count == 1 }) {
      var shards: [[Int]] = []
      for group in groups {
        let member = selection.members[selection.groups[group].members.lowerBound]
        let index = Int(member.partition.rawValue)
        while shards.count <= index { shards.append([]) }
        shards[index].append(group)
      }
      self.init(groups.lowerBound, shards.filter { !$0.isEmpty })
      return
    }
    // Pieces of about as many series.
    var shards: [[Int]] = []
    var seen = 0
    for group in groups {
      if seen >= shards.count * memberCount / count { shards.append([]) }
      shards[shards.count - 1].append(group)
      seen += selection.groups[group].members.count
    }
    self.init(groups.lowerBound, shards)
  }

  private init(_ first: Int, _ shards: [[Int]]) {
    self.first = first
    self.shards = shards
    let count = shards.reduce(0) { $0 + $1.count }
    var places = [(shard: Int32, slot: Int32)](repeating: (0, 0), count: count)
    for (shard, groups) in shards.enumerated() {
      for (slot, group) in groups.enumerated() {
        places[group - first] = (Int32(shard), Int32(slot))
      }
    }
    self.places = places
  }

  func groups(of shard: Int) -> [Int] { shards[shard] }

  /// Which piece a group is in, and its place there.
  func place(of group: Int) -> (shard: Int, slot: Int) {
    let place = places[group - first]
    return (Int(place.shard), Int(place.slot))
  }
}

extension Selection {
  /// The series of some groups in ascending order, each with its group's place in `groups`.
  func members(of groups: [Int]) -> [(member: Member, slot: Int)] {
    var result: [(member: Member, slot: Int)] = []
    result.reserveCapacity(groups.count)
    for (slot, group) in groups.enumerated() {
      for index in self.groups[group].members { result.append((members[index], slot)) }
    }
    result.sort { $0.member.series < $1.member.series }
    return result
  }
}
