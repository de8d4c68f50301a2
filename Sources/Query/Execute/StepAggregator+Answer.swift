internal import Model

extension StepAggregator {
  /// The buckets of the first slot; `nil` when all are empty.
  consuming func finish() -> RangeAnswer.Content? { finishAll()[0] }

  /// The buckets of each slot as columns, in the order of the wanted aggregates; `nil` for a slot
  /// whose buckets are all empty. All slots share a few arrays.
  consuming func finishAll() -> [RangeAnswer.Content?] {
    let count = grid.count
    var present = BucketSet(count: count * slotCount)
    var used: [Int] = []
    used.reserveCapacity(slotCount)
    for slot in 0..<slotCount {
      var isUsed = false
      for bucket in slot * count..<(slot + 1) * count where counts[bucket] > 0 {
        present.insert(bucket)
        isUsed = true
      }
      if isUsed { used.append(slot) }
    }
    var contents = [RangeAnswer.Content?](repeating: nil, count: slotCount)
    guard !used.isEmpty else { return contents }
    let columns = aggregates.map { ($0, column($0, used)) }
    for (place, slot) in used.enumerated() {
      let range = place * count..<(place + 1) * count
      contents[slot] = .buckets(
        present: present.part(slot * count..<(slot + 1) * count),
        columns: columns.map { (aggregate: $0.0, values: $0.1.values(range, type, strings)) }
      )
    }
    return contents
  }

  /// The values of one aggregate in all used slots, side by side.
  private enum Column {
    /// Counts, and booleans as numbers.
    case unsigned([Cell])
    case float([Cell])
    case own([Cell])
    case sum([Int128])

    func values(_ range: Range<Int>, _ type: ColumnType, _ strings: StringArena) -> AnswerValues {
      switch self {
      case .unsigned(let cells): .unsigned(SharedColumn(cells, range))
      case .float(let cells): .float(SharedColumn(cells, range))
      case .own(let cells): AnswerValues(SharedColumn(cells, range), type, strings)
      case .sum(let sums): .sum(SharedColumn(sums, range), isSigned: type != .unsigned)
      }
    }
  }

  private func column(_ aggregate: Aggregate, _ used: [Int]) -> Column {
    switch aggregate {
    case .count: .unsigned(kept(counts, used))
    case .sum: type == .float ? .float(floatSums(used)) : .sum(kept(wideSums, used))
    case .avg: .float(averages(used))
    case .min: shown(kept(minima, used))
    case .max: shown(kept(maxima, used))
    case .first: shown(kept(firsts, used))
    case .last: shown(kept(lasts, used))
    }
  }

  /// Cells of the column's own type; booleans are the numbers 0 and 1.
  private func shown(_ cells: [Cell]) -> Column {
    type == .boolean ? .unsigned(cells) : .own(cells)
  }

  private func kept<Value>(_ values: [Value], _ used: [Int]) -> [Value] {
    guard used.count < slotCount else { return values }
    var result: [Value] = []
    result.reserveCapacity(used.count * grid.count)
    for slot in used {
      result.append(contentsOf: values[slot * grid.count..<(slot + 1) * grid.count])
    }
    return result
  }

  private func floatSums(_ used: [Int]) -> [Cell] {
    let (sums, compensations) = (kept(sums, used), kept(compensations, used))
    return sums.indices.map {
      SegmentFold.value(sum: sums[$0], compensation: compensations[$0]).bitPattern
    }
  }

  private func averages(_ used: [Int]) -> [Cell] {
    let counts = kept(counts, used)
    guard type == .float else {
      let sums = kept(wideSums, used)
      return counts.indices.map { bucket in
        guard counts[bucket] > 0 else { return 0 }
        return (SegmentFold.value(sum: sums[bucket]) / Double(counts[bucket])).bitPattern
      }
    }
    let (sums, compensations) = (kept(sums, used), kept(compensations, used))
    return counts.indices.map { bucket in
      guard counts[bucket] > 0 else { return 0 }
      let sum = SegmentFold.value(sum: sums[bucket], compensation: compensations[bucket])
      return (sum / Double(counts[bucket])).bitPattern
    }
  }
}
