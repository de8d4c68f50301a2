internal import Engine
internal import LineProtocol
internal import Model
internal import NIOCore

/// Turns JSON points into lines, item by item as the bytes come: objects one after another, in
/// arrays, or both. Belongs to the request's task.
///
/// Each item becomes one line of one field, or one refusal in a line's place, and line feeds
/// inside of strings are not counted, so that a verdict's line, from 1, is its item. Holds at most
/// one item that has not come whole.
///
/// Cost: a plain item (``PlainPoint``) about 150 ns, any other some microseconds.
final class PointTranslator {
  /// Where in the bytes between and inside of items the scan is.
  private enum Place {
    case between
    /// Inside an object, or an array that stands where an object should.
    case container(depth: Int)
    /// Inside a string of a container, or one that stands where an object should.
    case string(depth: Int, isEscaped: Bool)
    /// Inside of something else that stands where an object should.
    case scalar
  }

  private static let textByteCountMax = LineVerdict.textByteCountMax

  private let precision: LinePrecision
  private let itemByteCountMax: Int
  private var lines: PointLines

  /// Bytes that are not translated, from the beginning of an item on.
  private var pending: [UInt8] = []
  private var scanned = 0
  private var itemStart = 0
  private var place = Place.between
  private var isInArray = false

  private var pieces: [BodyPiece] = []
  private(set) var itemCount = 0

  /// - Parameters:
  ///   - precision: the unit of timestamps.
  ///   - itemByteCountMax: bytes of an item, and of the line that it becomes.
  ///   - typeOf: the type of a field, if it is known. Asked once a field.
  init(
    precision: LinePrecision,
    itemByteCountMax: Int,
    typeOf: @escaping ([UInt8], [UInt8]) -> ColumnType?
  ) {
    self.precision = precision
    self.itemByteCountMax = itemByteCountMax
    lines = PointLines(
      precision: precision,
      lineByteCountMax: itemByteCountMax,
      types: FieldTypes(typeOf: typeOf)
    )
  }

  /// Translates the next bytes of the body.
  func read(_ bytes: ByteBuffer) throws(BodyFault) -> [BodyPiece] {
    pending += bytes.readableBytesView
    while scanned < pending.count {
      let byte = pending[scanned]
      switch place {
      case .between:
        readPlain()
        guard scanned < pending.count else { continue }
        scanBetween(pending[scanned])
      case .scalar:
        switch byte {
        case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "{"):
          endItem()
          continue
        default: break
        }
      case .container(let depth):
        switch byte {
        case UInt8(ascii: "\""): place = .string(depth: depth, isEscaped: false)
        case UInt8(ascii: "{"), UInt8(ascii: "["): place = .container(depth: depth + 1)
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          place = .container(depth: depth - 1)
          if depth == 1 {
            scanned += 1
            endItem()
            continue
          }
        default: break
        }
      case .string(let depth, let isEscaped):
        if isEscaped {
          place = .string(depth: depth, isEscaped: false)
        } else if byte == UInt8(ascii: "\\") {
          place = .string(depth: depth, isEscaped: true)
        } else if byte == UInt8(ascii: "\"") {
          place = .container(depth: depth)
          if depth == 0 {
            scanned += 1
            endItem()
            continue
          }
        }
      }
      scanned += 1
    }
    try compact()
    return takePieces()
  }

  /// The end of the body.
  func finish() -> [BodyPiece] {
    switch place {
    case .between, .scalar:
      if case .scalar = place { endItem() }
      if isInArray { refuse([UInt8(ascii: "[")], column: 2, "expected ']' at the end of the body") }
    case .container, .string:
      // One fault, whatever array it lies in.
      let text = pending[itemStart...]
      refuse(text, column: text.count + 1, "the body ends inside of this item")
    }
    pending = []
    scanned = 0
    place = .between
    isInArray = false
    return takePieces()
  }

  // MARK: Items

  /// Translates plain items, up to the first byte that takes more.
  private func readPlain() {
    let pending = pending
    let (count, end) = lines.appendPlain(pending.span, from: scanned)
    itemCount += count
    scanned = end
  }

  private func scanBetween(_ byte: UInt8) {
    switch byte {
    case 0x20, 0x09, 0x0a, 0x0d, UInt8(ascii: ","): return
    case UInt8(ascii: "[") where !isInArray: isInArray = true
    case UInt8(ascii: "]") where isInArray: isInArray = false
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      itemStart = scanned
      place = .container(depth: 1)
    case UInt8(ascii: "\""):
      itemStart = scanned
      place = .string(depth: 0, isEscaped: false)
    default:
      itemStart = scanned
      place = .scalar
    }
  }

  private func endItem() {
    let range = itemStart..<scanned
    place = .between
    do throws(JSONReader.Fault) {
      var json = JSONReader(pending, range)
      let point = try Point.read(&json, precision: precision)
      let lineFeedCount = try lines.append(point, start: range.lowerBound)
      if lineFeedCount > 0 {
        flushLines()
        pieces.append(.uncounted(lineFeedCount))
      }
      itemCount += 1
    } catch {
      refuse(pending[range], column: error.offset - range.lowerBound + 1, error.message)
    }
  }

  private func refuse(_ text: ArraySlice<UInt8>, column: Int, _ message: String) {
    flushLines()
    pieces.append(
      .refused(
        RefusedItem(
          text: Array(text.prefix(Self.textByteCountMax)),
          column: column,
          message: message
        )
      )
    )
    itemCount += 1
  }

  /// Forgets what is translated; an item that has not come whole stays.
  private func compact() throws(BodyFault) {
    var done = scanned
    if case .between = place {} else { done = itemStart }
    pending.removeFirst(done)
    scanned -= done
    itemStart = 0
    guard pending.count <= itemByteCountMax else {
      throw .tooLarge("item \(itemCount) is longer than \(itemByteCountMax) bytes")
    }
  }

  private func flushLines() {
    if let buffer = lines.take() { pieces.append(.lines(buffer)) }
  }

  private func takePieces() -> [BodyPiece] {
    flushLines()
    defer { pieces = [] }
    return pieces
  }
}
