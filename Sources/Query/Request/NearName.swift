/// Finds the name that somebody meant who wrote another one.
package enum NearName {
  /// The candidate that is the fewest typing slips away, or `nil` when none is near.
  ///
  /// Dots, hyphens and underscores count as the same; a name without its group is near too, when
  /// just one candidate ends in it, and so is a shortened one (`warn`) when just one begins with
  /// it. The first of equals wins. O(candidates × length²).
  package static func suggestion(for name: String, among candidates: [String]) -> String? {
    let wanted = plain(name)
    guard !wanted.isEmpty, wanted.count <= 100 else { return nil }
    let limit = max(1, wanted.count / 3)
    var best: (distance: Int, name: String)?
    for candidate in candidates {
      let distance = distance(wanted, plain(candidate))
      if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    if let best { return best.name }
    let endings = candidates.filter { plain($0).count > wanted.count && hasEnding($0, wanted) }
    if endings.count == 1 { return endings[0] }
    let beginnings = candidates.filter { plain($0).starts(with: wanted) }
    return wanted.count >= shortenedCountMin && beginnings.count == 1 ? beginnings[0] : nil
  }

  /// Fewer letters than these are no shortened name.
  private static let shortenedCountMin = 3

  private static func hasEnding(_ candidate: String, _ wanted: [UInt8]) -> Bool {
    plain(candidate).suffix(wanted.count + 1).elementsEqual([separator] + wanted)
  }

  private static let separator = UInt8(ascii: "-")

  private static func plain(_ name: String) -> [UInt8] {
    name.lowercased().utf8.map {
      $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") ? separator : $0
    }
  }

  /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
  package static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var before: [Int] = []
    var above = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let isSame = left[row] == right[column]
        var least = min(above[column + 1] + 1, current[column] + 1)
        least = min(least, above[column] + (isSame ? 0 : 1))
        let isSwap =
          row > 0 && column > 0 && left[row] == right[column - 1] && left[row - 1] == right[column]
        if isSwap { least = min(least, before[column - 1] + 1) }
        current.append(least)
      }
      (before, above) = (above, current)
    }
    return above[right.count]
  }
}
