/// Comma-separated names with backslash escapes, as `field` and `group_by` carry them.
enum ParameterList {
  /// One element of a list.
  struct Element: Hashable {
    var name: [UInt8]
    /// Whether it is a bare `*`; an escaped one is a name.
    var isStar: Bool
  }

  /// Splits at commas. `\,` stands for a comma, `\\` for a backslash, `\*` for a star; any other
  /// backslash stands for itself.
  static func split(_ text: String) -> [Element] {
    var elements: [Element] = []
    var name: [UInt8] = []
    var isEscaped = false
    var hadEscape = false
    func element() -> Element {
      Element(name: name, isStar: !hadEscape && name == [UInt8(ascii: "*")])
    }
    for byte in text.utf8 {
      if isEscaped {
        isEscaped = false
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "\\"), UInt8(ascii: "*"): hadEscape = true
        default: name.append(UInt8(ascii: "\\"))
        }
        name.append(byte)
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: ",") {
        elements.append(element())
        name = []
        hadEscape = false
      } else {
        name.append(byte)
      }
    }
    if isEscaped { name.append(UInt8(ascii: "\\")) }
    elements.append(element())
    return elements
  }
}

/// Finds the word that somebody most likely meant.
enum NearMiss {
  /// The first of `words` nearest to `text`, when at most a third of its letters differ.
  static func suggestion(for text: String, among words: [String]) -> String? {
    var best: (word: String, distance: Int)?
    for word in words {
      let distance = distance(Array(text.lowercased().utf8.prefix(64)), Array(word.utf8))
      if distance < best?.distance ?? Int.max { best = (word, distance) }
    }
    guard let best, best.distance <= max(1, best.word.utf8.count / 3) else { return nil }
    return best.word
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that make one of the other.
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...right.count)
    for row in 0..<left.count {
      var current = [row + 1]
      for column in 0..<right.count {
        let isSame = left[row] == right[column]
        var cost = min(
          previous[column] + (isSame ? 0 : 1),
          min(previous[column + 1], current[column]) + 1
        )
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          cost = min(cost, beforePrevious[column - 1] + 1)
        }
        current.append(cost)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[right.count]
  }
}
