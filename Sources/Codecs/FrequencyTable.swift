internal import Bytes

/// How often each token comes, in parts of 2,048 (docs/format/chunk.md, "frequencies").
///
///     | tokens − 1: u9 | filler: u9 | frequency of each token but the filler |
///     frequency := | bits u4 | the bits behind the first, two of them at most |
///                | 0 u4 | further absent tokens u4 |
///
/// A frequency keeps three significant bits, which costs next to nothing in size and half the
/// table. What all of them leave of 2,048 is the filler's, the most frequent token.
struct FrequencyTable {
  static let scaleBitCount = 11
  static let scale = 1 << scaleBitCount
  static let bitCountMax = 18 + TokenCode.tokenCountMax * 8

  private(set) var frequencies: [UInt32]
  private let filler: Int

  /// - Parameter counts: of each token, the last one not 0; at most 296.
  init(counts: [UInt32], total: Int) {
    var frequencies = [UInt32](repeating: 0, count: counts.count)
    var filler = 0
    for token in counts.indices where counts[token] > counts[filler] { filler = token }
    var sum: UInt32 = 0
    for token in counts.indices where counts[token] > 0 && token != filler {
      let exact = Double(counts[token]) * Double(Self.scale) / Double(total)
      frequencies[token] = Self.rounded(max(1, UInt32(exact + 0.5)))
      sum += frequencies[token]
    }
    // Many rare tokens, each of them rounded up to 1.
    while sum >= UInt32(Self.scale) {
      var largest = filler == 0 ? 1 : 0
      for token in counts.indices
      where token != filler && frequencies[token] > frequencies[largest] {
        largest = token
      }
      let smaller = Self.roundedDown(frequencies[largest] - 1)
      sum -= frequencies[largest] - smaller
      frequencies[largest] = smaller
    }
    frequencies[filler] = UInt32(Self.scale) - sum
    self.frequencies = frequencies
    self.filler = filler
  }

  private static func roundedDown(_ value: UInt32) -> UInt32 {
    let dropped = UInt32(max(0, 29 - value.leadingZeroBitCount))
    return (value >> dropped) << dropped
  }

  private static func rounded(_ value: UInt32) -> UInt32 {
    let dropped = UInt32(max(0, 29 - value.leadingZeroBitCount))
    return roundedDown(value + ((1 << dropped) >> 1))
  }

  func write(into bits: inout BitWriter) {
    bits.write(UInt64(frequencies.count - 1), 9)
    bits.write(UInt64(filler), 9)
    var token = 0
    while token < frequencies.count {
      let frequency = frequencies[token]
      if token == filler {
        token += 1
      } else if frequency == 0 {
        var end = token + 1
        while end < frequencies.count, end != filler, frequencies[end] == 0, end - token < 16 {
          end += 1
        }
        bits.write(UInt64(end - token - 1) << 4, 8)
        token = end
      } else {
        let length = 32 - frequency.leadingZeroBitCount
        let kept = min(2, length - 1)
        bits.write(UInt64(length), 4)
        bits.write(UInt64(frequency >> UInt32(length - 1 - kept)) & (1 << UInt64(kept) - 1), kept)
        token += 1
      }
    }
  }

  /// Reads a table.
  ///
  /// - Throws: `.malformed(.frequency)` unless the frequencies fill 2,048 exactly.
  init(_ bits: inout BitReader) throws(ChunkError) {
    let count = Int(bits.read(9)) + 1
    filler = Int(bits.read(9))
    guard count <= TokenCode.tokenCountMax, filler < count else { throw .malformed(.frequency) }
    frequencies = Array(repeating: 0, count: count)
    var sum: UInt32 = 0
    var token = 0
    while token < count {
      if token == filler {
        token += 1
        continue
      }
      let length = Int(bits.read(4))
      if length == 0 {
        token += Int(bits.read(4)) + 1
        // A run of absent tokens ends before the filler.
        guard token <= count else { throw .malformed(.frequency) }
      } else {
        let kept = min(2, length - 1)
        let top = UInt32(1 << kept) | UInt32(bits.read(kept))
        frequencies[token] = top << UInt32(length - 1 - kept)
        sum += frequencies[token]
        guard sum < UInt32(Self.scale) else { throw .malformed(.frequency) }
        token += 1
      }
    }
    guard !bits.isOverrun else { throw .truncated }
    frequencies[filler] = UInt32(Self.scale) - sum
  }
}
