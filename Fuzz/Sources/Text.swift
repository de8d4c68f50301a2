import Bytes
import Engine
import LineProtocol
import Model
import NIOCore

@testable import Query

/// Line protocol: the parser against the plain one of its tests, whole and cut into pieces.
func fuzzLines(_ bytes: [UInt8]) {
  guard bytes.count > 2 else { return }
  let document = Array(bytes[2...])
  let limit = bytes[0] & 1 == 0 ? Limits.lineByteCountDefault : 1_024
  let options = LineParserOptions(lineByteCountMax: limit, hashSeed: 7)
  let cuts =
    bytes[1] == 0
    ? [] : Array(stride(from: Int(bytes[1]), to: document.count, by: max(1, Int(bytes[0] >> 1))))
  let endsLine = bytes[0] & 2 != 0
  let found = Harness.parse(document, cuts: cuts, endsLine: endsLine, options: options)
  let expected = ReferenceParser.parse(document, endsLine: endsLine, lineByteCountMax: limit)
  guard found != expected else { return }
  for (row, other) in zip(found.storedRows, expected.storedRows) where row != other {
    finding("row \(row), expected \(other)")
  }
  for (verdict, other) in zip(found.verdicts, expected.verdicts) where verdict != other {
    finding("verdict \(verdict), expected \(other)")
  }
  for (event, other) in zip(found.events, expected.events) where event != other {
    finding("event \(event), expected \(other)")
  }
  finding(
    "\(found.storedRows.count) rows, \(found.verdicts.count) verdicts, \(found.accepted) accepted, "
      + "\(found.rejected) rejected; expected \(expected.storedRows.count), "
      + "\(expected.verdicts.count), \(expected.accepted), \(expected.rejected)"
  )
}

/// JSON points: the lines that they become must be lines of ours, however the bytes are cut.
func fuzzPoints(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let document = Array(bytes[1...])
  let whole = points(document, pieceByteCount: .max)
  let cut = points(document, pieceByteCount: max(1, Int(first)))
  if whole != cut { finding("\(whole) in one piece, \(cut) in pieces of \(first)") }
}

private func points(_ document: [UInt8], pieceByteCount: Int) -> [String] {
  let types: [ColumnType?] = [nil] + ColumnType.allCases
  let translator = PointTranslator(precision: .auto, itemByteCountMax: 1 << 16) { _, name in
    types[name.count % types.count]
  }
  var result: [String] = []
  var harness = Harness()
  var (feedCount, uncounted, refusedCount) = (0, 0, 0)
  func take(_ pieces: [BodyPiece]) {
    for piece in pieces {
      switch piece {
      case .lines(let lines):
        feedCount += lines.readableBytesView.count { $0 == UInt8(ascii: "\n") }
        harness.send(lines.readableBytesView)
      case .uncounted(let count): uncounted += Int(count)
      case .refused(let item):
        refusedCount += 1
        result.append("\(item.text) \(item.column) \(item.message)")
      }
    }
  }
  var start = 0
  do {
    while start < document.count {
      let end = min(document.count, start + min(pieceByteCount, document.count))
      take(try translator.read(ByteBuffer(bytes: Array(document[start..<end]))))
      start = end
    }
    take(translator.finish())
  } catch {
    // Where an item is found to be too long depends on the pieces.
    return []
  }
  harness.finish(endsLine: true)
  // Lines are told by their numbers.
  if feedCount - uncounted != translator.itemCount - refusedCount {
    finding("\(feedCount) lines, \(uncounted) inside of strings, of \(translator.itemCount) items")
  }
  // An item is a line, whatever its strings hold.
  let outcome = harness.outcome
  if Int(outcome.accepted + outcome.rejected) != translator.itemCount - refusedCount {
    finding(
      "\(outcome.accepted) accepted, \(outcome.rejected) rejected, of "
        + "\(translator.itemCount - refusedCount) items"
    )
  }
  return result + harness.outcome.storedRows.map { "\($0)" }
    + harness.outcome.verdicts.map(\.description)
}

/// The items of a query string, and what range queries and streams make of them.
func fuzzParameters(_ bytes: [UInt8]) {
  guard let items = try? QueryItems.parse(String(decoding: bytes, as: UTF8.self)) else { return }
  let request = try? RangeRequest.parse(items: items, now: 1_795_373_340_000_000_000)
  if let request, request.range.start > request.range.end { finding("a range that ends early") }
  if let grid = request?.grid, grid.count > 1_000_000 { finding("\(grid.count) buckets") }
  _ = try? StreamRequest.parse(items: items)
}

/// gzip bodies, in pieces, with the room that a caller gives.
func fuzzGzip(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let body = Array(bytes[1...])
  let whole = inflated(body, pieceByteCount: max(1, body.count))
  let cut = inflated(body, pieceByteCount: max(1, Int(first)))
  if whole != cut { finding("\(whole?.count ?? -1) bytes whole, \(cut?.count ?? -1) in pieces") }
}

private func inflated(_ bytes: [UInt8], pieceByteCount: Int) -> [UInt8]? {
  var decoder = GzipDecoder()
  var result: [UInt8] = []
  var offset = 0
  do {
    while true {
      while try decoder.run() {
        decoder.takeOutput { piece in
          if result.count < 1 << 20 {
            for index in piece.indices { result.append(piece[index]) }
          }
        }
      }
      if offset == bytes.count { break }
      let piece = Array(bytes[offset..<min(bytes.count, offset + pieceByteCount)])
      decoder.append(piece.span)
      offset += piece.count
      if offset == bytes.count { decoder.finishInput() }
    }
  } catch {
    return nil
  }
  return result
}
