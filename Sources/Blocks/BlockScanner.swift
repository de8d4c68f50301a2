internal import Bytes
internal import Codecs
internal import Model
internal import Platform

/// What a pass over a block's bytes found, without its trailer's word.
struct BlockScan {
  var header: BlockIdentity?
  var footer: BlockFooter?
  /// Sound groups; ascending by series, in file order within one.
  var entries: [ChunkGroupEntry] = []
  var definitions: Range<Int>?
  var damages: [Damage] = []
  var pointCount: UInt64 = 0

  func summary(_ identity: BlockIdentity, byteCount: Int) -> BlockSummary {
    BlockSummary(
      identity: identity,
      byteCount: byteCount,
      groupCount: entries.count,
      rowCount: entries.reduce(0) { $0 + UInt64($1.rowCount) },
      pointCount: pointCount,
      firstTimestamp: entries.map(\.firstTimestamp).min() ?? 0,
      lastTimestamp: entries.map(\.lastTimestamp).max() ?? 0
    )
  }
}

/// Walks a block from its start: each group and section says how long it is, and where one does
/// not, the next magic with a sound header is looked for. What lies between is reported.
struct BlockScanner {
  /// Bytes searched for a magic at a time.
  static let windowByteCount = 1 << 20
  /// How far an unreadable place is stepped over.
  static let unreadableByteCount = 4_096

  private let file: any ReadableFile
  private let path: String
  private var result = BlockScan()
  private var offset = 0

  private init(_ file: any ReadableFile, _ path: String) {
    self.file = file
    self.path = path
  }

  /// Reads the whole file once. A part that the disk does not give is damage like any other.
  static func scan(_ file: any ReadableFile, path: String) -> BlockScan {
    var scanner = BlockScanner(file, path)
    scanner.walk()
    return scanner.result
  }

  private mutating func walk() {
    do throws(BlockError) {
      let bytes = try file.bytes(at: 0, BlockIdentity.byteCount)
      result.header = try BlockIdentity(bytes.span)
    } catch {
      report(0, BlockIdentity.byteCount, error.text)
    }
    offset = BlockIdentity.byteCount
    while offset < file.byteCount {
      guard let byteCount = take() else {
        resume()
        continue
      }
      offset += byteCount
    }
    // Written in this order; a stable sort costs nothing then.
    result.entries.sort { ($0.series, $0.offset) < ($1.series, $1.offset) }
    for index in result.entries.indices { result.entries[index].ordinal = index }
  }

  /// Takes what begins at `offset` and returns its length; `nil` when nothing sound begins there.
  private mutating func take() -> Int? {
    let rest = file.byteCount - offset
    guard let start = try? file.bytes(at: offset, min(rest, ChunkGroupHead.fixedByteCount)) else {
      return nil
    }
    if let head = try? ChunkGroupHead(start.span), head.byteCount <= rest {
      takeGroup(head)
      return head.byteCount
    }
    if let section = try? SectionHeader(start.span, part: .summary),
      section.payloadByteCount <= rest - SectionHeader.byteCount
    {
      let byteCount = SectionHeader.byteCount + section.payloadByteCount
      takeSection(section, offset..<offset + byteCount)
      return byteCount
    }
    let isTrailer =
      rest == BlockTrailer.byteCount
      && (try? BlockTrailer(start.span, fileByteCount: file.byteCount)) != nil
    return isTrailer ? rest : nil
  }

  private mutating func takeGroup(_ head: ChunkGroupHead) {
    do throws(BlockError) {
      let bytes = try file.bytes(at: offset, head.byteCount)
      let group = try ChunkGroup(bytes)
      let timestamps = try group.timestamps()
      result.entries.append(
        ChunkGroupEntry(
          ordinal: result.entries.count,
          series: head.series,
          fieldSet: head.fieldSet,
          firstTimestamp: timestamps[0],
          lastTimestamp: timestamps[timestamps.count - 1],
          offset: offset,
          byteCount: head.byteCount,
          rowCount: head.rowCount,
          isLate: head.isLate
        )
      )
      result.pointCount += UInt64(head.rowCount) * UInt64(head.columnCount)
    } catch {
      report(
        offset,
        head.byteCount,
        error.text,
        "series \(head.series.rawValue), \(head.rowCount) rows"
      )
    }
  }

  private mutating func takeSection(_ section: SectionHeader, _ range: Range<Int>) {
    switch section.kind {
    case .index: break
    case .definitions: result.definitions = range
    case .summary:
      do throws(BlockError) {
        let payload = try file.readSection(.summary, in: range)
        result.footer = try BlockFooter(payload.span, fileByteCount: file.byteCount)
      } catch {
        report(range.lowerBound, range.count, error.text)
      }
    }
  }

  /// Moves on to the next place where something sound begins, and reports what was passed over.
  private mutating func resume() {
    let start = offset
    offset = file.byteCount
    var window = start + 1
    search: while window < file.byteCount {
      let count = min(Self.windowByteCount, file.byteCount - window)
      guard let bytes = try? file.bytes(at: window, count) else {
        window += Self.unreadableByteCount
        continue
      }
      for index in bytes.indices where Self.mayBegin(bytes, at: index) {
        if isSoundStart(window + index) {
          offset = window + index
          break search
        }
      }
      // A magic may lie across the border of two windows.
      window += count < Self.windowByteCount ? count : count - 3
    }
    report(start, offset - start, "nothing readable here")
  }

  private static func mayBegin(_ bytes: [UInt8], at index: Int) -> Bool {
    guard bytes[index] == 0x56, index + 4 <= bytes.count, bytes[index + 1] == 0x52,
      bytes[index + 2] == 0x56
    else { return false }
    return bytes[index + 3] == 0x47 || bytes[index + 3] == 0x53 || bytes[index + 3] == 0x54
  }

  private func isSoundStart(_ offset: Int) -> Bool {
    let rest = file.byteCount - offset
    guard let bytes = try? file.bytes(at: offset, min(rest, ChunkGroupHead.fixedByteCount)) else {
      return false
    }
    return (try? ChunkGroupHead(bytes.span)) != nil
      || (try? SectionHeader(bytes.span, part: .summary)) != nil
      || (try? BlockTrailer(bytes.span, fileByteCount: file.byteCount)) != nil
  }

  private mutating func report(
    _ offset: Int,
    _ byteCount: Int,
    _ what: String,
    _ range: String = ""
  ) {
    result.damages.append(
      Damage(
        severity: .damage,
        path: path,
        offset: offset,
        byteCount: byteCount,
        what: what,
        range: range
      )
    )
  }
}
