/// Inflates one deflate stream (RFC 1951) piece by piece, into an ``InflateWindow``.
///
/// Decoding goes symbol by symbol and stops where the input ends or the window is full; a header or
/// symbol that is not there to its end is begun again when more has come.
struct Inflater {
  enum Outcome {
    case needsInput
    /// The window has no room for another symbol.
    case isFull
    case done
  }

  private enum State {
    case header
    case stored(byteCount: Int)
    case compressed
    case done
  }

  private var state = State.header
  private var isLastBlock = false
  private var lengths = HuffmanTable()
  private var distances = HuffmanTable()
  private var codeLengths = HuffmanTable()

  /// Begins another stream.
  mutating func reset() {
    state = .header
    isLastBlock = false
  }

  /// Goes on as far as it can.
  ///
  /// - Parameter memberStart: where in the window this stream's output begins, at least 0: no match
  ///   reaches farther back.
  mutating func run(
    _ input: inout InflateInput,
    _ window: inout InflateWindow,
    memberStart: Int
  ) throws(GzipFault) -> Outcome {
    while true {
      switch state {
      case .header:
        let mark = input.mark
        guard try readHeader(&input) else {
          input.goBack(to: mark)
          return .needsInput
        }
      case .stored(let byteCount):
        guard byteCount > 0 else {
          endBlock()
          continue
        }
        guard window.hasRoom else { return .isFull }
        let count = min(byteCount, window.room, input.bytes.count - input.position)
        guard count > 0 else { return .needsInput }
        window.append(input.bytes.span.extracting(input.position..<input.position + count))
        _ = input.skip(count)
        state = .stored(byteCount: byteCount - count)
      case .compressed:
        try runFast(&input, &window, memberStart: memberStart)
        guard case .compressed = state else { continue }
        guard window.hasRoom else { return .isFull }
        let mark = input.mark
        guard try readSymbol(&input, &window, memberStart: memberStart) else {
          input.goBack(to: mark)
          return .needsInput
        }
      case .done: return .done
      }
    }
  }

  private mutating func endBlock() { state = isLastBlock ? .done : .header }

  // MARK: Headers

  /// - Returns: `false` when the input ends inside of the header.
  private mutating func readHeader(_ input: inout InflateInput) throws(GzipFault) -> Bool {
    guard let isLast = input.readBits(1), let kind = input.readBits(2) else { return false }
    switch kind {
    case 0:
      input.alignToByte()
      guard let count = input.readInteger16(), let inverse = input.readInteger16() else {
        return false
      }
      guard count == ~inverse & 0xffff else { throw .corrupt("a stored block's length") }
      state = .stored(byteCount: count)
    case 1:
      _ = lengths.build(
        DeflateSymbols.fixedLengths[...],
        meanings: DeflateSymbols.lengths,
        mayBeSingle: false
      )
      _ = distances.build(
        DeflateSymbols.fixedDistances[...],
        meanings: DeflateSymbols.distances,
        mayBeSingle: false
      )
      state = .compressed
    case 2:
      guard try readCodes(&input) else { return false }
      state = .compressed
    default: throw .corrupt("a block of no known kind")
    }
    isLastBlock = isLast == 1
    return true
  }

  /// Reads the two codes of a dynamic block.
  private mutating func readCodes(_ input: inout InflateInput) throws(GzipFault) -> Bool {
    guard let lengthBits = input.readBits(5), let distanceBits = input.readBits(5),
      let codeBits = input.readBits(4)
    else { return false }
    let lengthCount = lengthBits + 257
    let distanceCount = distanceBits + 1
    guard lengthCount <= 286, distanceCount <= 30 else { throw .corrupt("too many symbols") }
    var codes = [UInt8](repeating: 0, count: 19)
    for index in 0..<codeBits + 4 {
      guard let length = input.readBits(3) else { return false }
      codes[DeflateSymbols.codeLengthOrder[index]] = UInt8(length)
    }
    guard
      codeLengths.build(codes[...], meanings: DeflateSymbols.codeLengths, mayBeSingle: false),
      codes.contains(where: { $0 > 0 })
    else { throw .corrupt("the code of code lengths") }

    var all: [UInt8] = []
    all.reserveCapacity(lengthCount + distanceCount)
    while all.count < lengthCount + distanceCount {
      guard let entry = input.readSymbol(codeLengths) else { return false }
      guard entry >> 8 & 3 != HuffmanTable.Kind.invalid else { throw .corrupt("a code length") }
      let symbol = UInt8(entry >> 16)
      if symbol < 16 {
        all.append(symbol)
        continue
      }
      let (bitCount, least) = symbol == 16 ? (2, 3) : symbol == 17 ? (3, 3) : (7, 11)
      guard let more = input.readBits(bitCount) else { return false }
      guard symbol != 16 || !all.isEmpty else { throw .corrupt("a repeated code length") }
      let repeated = symbol == 16 ? all[all.count - 1] : 0
      guard all.count + least + more <= lengthCount + distanceCount else {
        throw .corrupt("a repeated code length")
      }
      all.append(contentsOf: repeatElement(repeated, count: least + more))
    }
    guard all[256] > 0 else { throw .corrupt("a block without an end") }
    guard
      lengths.build(
        all[..<lengthCount],
        meanings: DeflateSymbols.lengths,
        mayBeSingle: true
      )
    else { throw .corrupt("the code of literals and lengths") }
    guard
      distances.build(
        all[lengthCount...],
        meanings: DeflateSymbols.distances,
        mayBeSingle: true
      )
    else { throw .corrupt("the code of distances") }
    return true
  }

  // MARK: Symbols

  /// Reads one literal, match or end with every check.
  ///
  /// - Returns: `false` when the input ends inside of it.
  private mutating func readSymbol(
    _ input: inout InflateInput,
    _ window: inout InflateWindow,
    memberStart: Int
  ) throws(GzipFault) -> Bool {
    guard let entry = input.readSymbol(lengths) else { return false }
    switch entry >> 8 & 3 {
    case HuffmanTable.Kind.literal: window.append(UInt8(truncatingIfNeeded: entry >> 16))
    case HuffmanTable.Kind.end: endBlock()
    case HuffmanTable.Kind.copy:
      guard let lengthBits = input.readBits(Int(entry >> 4 & 15)),
        let distanceEntry = input.readSymbol(distances)
      else { return false }
      guard distanceEntry >> 8 & 3 == HuffmanTable.Kind.copy else { throw .corrupt("a distance") }
      guard let distanceBits = input.readBits(Int(distanceEntry >> 4 & 15)) else { return false }
      let distance = Int(distanceEntry >> 16) + distanceBits
      guard distance <= window.end - memberStart else {
        throw .corrupt("a distance beyond the beginning")
      }
      window.copy(length: Int(entry >> 16) + lengthBits, distance: distance)
    default: throw .corrupt("a symbol")
    }
    return true
  }

  /// Reads symbols as long as eight bytes of input and the longest match's room are there. Leaves
  /// the rest to the careful way.
  private mutating func runFast(
    _ input: inout InflateInput,
    _ window: inout InflateWindow,
    memberStart: Int
  ) throws(GzipFault) {
    guard input.bytes.count - input.position >= 8, window.hasRoom else { return }
    var cursor = FastCursor(
      position: input.position,
      bits: input.bits,
      bitCount: input.bitCount,
      end: window.end
    )
    let outcome = cursor.run(
      input.bytes.span,
      window,
      lengths: lengths,
      distances: distances,
      memberStart: memberStart
    )
    input.set(position: cursor.position, bits: cursor.bits, bitCount: cursor.bitCount)
    window.advance(to: cursor.end)
    switch outcome {
    case .paused: return
    case .endOfBlock: endBlock()
    case .fault(let what): throw .corrupt(what)
    }
  }
}

/// Where the fast loop is, in registers while it runs.
private struct FastCursor {
  enum Outcome {
    case paused
    case endOfBlock
    case fault(String)
  }

  var position: Int
  var bits: UInt64
  var bitCount: Int
  var end: Int

  /// With eight bytes of input and room for a match, the only checks left are those of the data.
  mutating func run(
    _ input: Span<UInt8>,
    _ window: borrowing InflateWindow,
    lengths: HuffmanTable,
    distances: HuffmanTable,
    memberStart: Int
  ) -> Outcome {
    let lengthEntries = lengths.entries.span
    let distanceEntries = distances.entries.span
    let mask = UInt64(lengthEntries.count - 1)
    let source = unsafe input.bytes
    let sourceEnd = input.count - 8
    let target = unsafe window.base
    let targetEnd = window.capacity - InflateWindow.matchByteCountMax
    var (position, bits, bitCount, end) = (position, bits, bitCount, end)
    var outcome = Outcome.paused
    loop: while position <= sourceEnd, end <= targetEnd {
      // Now 56 bits at least: a match takes 15 + 5 + 15 + 13.
      bits |=
        unsafe source.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
        << UInt64(bitCount)
      position += (63 - bitCount) >> 3
      bitCount |= 56
      // The mask keeps the index within the table.
      var entry = unsafe lengthEntries[unchecked: Int(bits & mask)]
      if entry & 15 == 0 {
        guard let found = lengths.findLong(bits, count: bitCount) else { break }
        entry = found
      }
      bits >>= UInt64(entry & 15)
      bitCount -= Int(entry & 15)
      switch entry >> 8 & 3 {
      case HuffmanTable.Kind.literal:
        unsafe target[end] = UInt8(truncatingIfNeeded: entry >> 16)
        end += 1
        // Another literal often follows, and there are bits enough for one.
        let next = unsafe lengthEntries[unchecked: Int(bits & mask)]
        if next & 15 != 0, next >> 8 & 3 == HuffmanTable.Kind.literal {
          bits >>= UInt64(next & 15)
          bitCount -= Int(next & 15)
          unsafe target[end] = UInt8(truncatingIfNeeded: next >> 16)
          end += 1
        }
      case HuffmanTable.Kind.copy:
        let extra = UInt64(entry >> 4 & 15)
        let length = Int(entry >> 16) + Int(bits & ((1 << extra) - 1))
        bits >>= extra
        bitCount -= Int(extra)
        var far = unsafe distanceEntries[unchecked: Int(bits & mask)]
        if far & 15 == 0 {
          guard let found = distances.findLong(bits, count: bitCount) else {
            outcome = .fault("a distance")
            break loop
          }
          far = found
        }
        bits >>= UInt64(far & 15)
        bitCount -= Int(far & 15)
        let farExtra = UInt64(far >> 4 & 15)
        let distance = Int(far >> 16) + Int(bits & ((1 << farExtra) - 1))
        bits >>= farExtra
        bitCount -= Int(farExtra)
        guard far >> 8 & 3 == HuffmanTable.Kind.copy, distance <= end - memberStart else {
          outcome = .fault("a distance")
          break loop
        }
        unsafe InflateWindow.copy(target + end, length: length, distance: distance)
        end += length
      case HuffmanTable.Kind.end:
        outcome = .endOfBlock
        break loop
      default:
        outcome = .fault("a symbol")
        break loop
      }
    }
    (self.position, self.bits, self.bitCount, self.end) = (position, bits, bitCount, end)
    return outcome
  }
}
