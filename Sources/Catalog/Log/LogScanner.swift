internal import Bytes
internal import Model
internal import Platform

/// Walks the sound records of one copy of the log, in the order of the file, and notes all else.
///
/// Behind a bad spot it looks for the next magic that begins a sound record, so a bad byte costs
/// its record. Reads in pieces: memory is one piece, or one record where that is larger.
struct LogScanner {
  private static let pieceByteCount = 1 << 20
  /// What a disk writes whole or not at all.
  private static let sectorByteCount = 512

  let path: String
  private let file: (any ReadableFile)?
  /// Bytes of the file when the walk began; what a live server adds later is not looked at.
  let byteCount: Int
  private var window: [UInt8] = []
  private var windowOffset = 0
  private var position = 0
  private var lastSequence: UInt64 = 0

  /// The record that the walk stands at, and where it begins; `nil` at the end.
  private(set) var record: LogRecord?
  private(set) var recordOffset = 0
  /// The end of the last sound record.
  private(set) var soundEnd = 0
  /// Bad spots with a sound record behind them, or that nobody could read.
  private(set) var damages: [Damage] = []
  /// Bytes behind the last sound record.
  private(set) var tail: Damage?
  /// Why the file could not be read to its end.
  private(set) var readError: SystemError?

  /// - Parameter file: `nil` for a copy that is not there.
  init(path: String, file: (any ReadableFile)?) {
    self.path = path
    self.file = file
    byteCount = file?.byteCount ?? 0
  }

  /// The bytes of ``record``.
  var recordBytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      let start = recordOffset - windowOffset
      return window.span.extracting(start..<start + (record?.byteCount ?? 0))
    }
  }

  /// Moves to the next sound record.
  mutating func advance() {
    var badStart: Int?
    var badWhat = ""
    record = nil
    while position < byteCount {
      switch look(at: position) {
      case .sound(let found) where found.sequence > lastSequence:
        if let badStart { note(badStart, position - badStart, badWhat) }
        lastSequence = found.sequence
        record = found
        recordOffset = position
        position += found.byteCount
        soundEnd = position
        return
      case .sound(let found):
        if let start = badStart { note(start, position - start, badWhat) }
        badStart = nil
        note(position, found.byteCount, "record \(found.sequence) stands after \(lastSequence)")
        position += found.byteCount
      case .bad(let fault):
        if badStart == nil {
          badStart = position
          badWhat = Self.text(fault)
        }
        position = nextMagic(after: position)
      case .needs:
        // Only a failed read leaves a need open; `look` has reported it.
        position = byteCount
        return
      }
    }
    guard let badStart else { return }
    let isZero = badWhat == Self.text(.zeros)
    tail = Damage(
      severity: .note,
      path: path,
      offset: badStart,
      byteCount: byteCount - badStart,
      what: isZero ? "torn tail of zeros" : "torn tail: \(badWhat)"
    )
  }

  /// Whether the bytes from `offset` to the end are those of `other` from `start` on, but that in
  /// some sectors only zeros follow from a place on: what a power failure leaves of a file whose
  /// length had become durable and whose bytes had not.
  func isUnwritten(_ offset: Int, of other: LogScanner, from start: Int) -> Bool {
    guard let file, let otherFile = other.file else { return false }
    var position = offset
    while position < byteCount {
      let end = min((position / Self.sectorByteCount + 1) * Self.sectorByteCount, byteCount)
      guard let bytes = try? file.read(at: position, count: end - position),
        let whole = try? otherFile.read(at: start + position - offset, count: end - position),
        bytes.count == end - position, whole.count == bytes.count
      else { return false }
      let same = zip(bytes, whole).prefix { $0 == $1 }.count
      guard bytes[same...].allSatisfy({ $0 == 0 }) else { return false }
      position = end
    }
    return true
  }

  private mutating func note(_ offset: Int, _ byteCount: Int, _ what: String) {
    damages.append(
      Damage(severity: .damage, path: path, offset: offset, byteCount: byteCount, what: what)
    )
  }

  private static func text(_ fault: LogRecord.Fault) -> String {
    switch fault {
    case .magic: "no record begins here"
    case .length: "a record longer than the file"
    case .checksum: "checksum mismatch"
    case .zeros: "zeros"
    }
  }

  /// Judges the bytes at `offset`, reading more of the file as needed.
  private mutating func look(at offset: Int) -> LogRecord.Outcome {
    var wanted = LogRecord.headByteCount
    while true {
      guard load(offset, min(wanted, byteCount - offset)) else { return .needs(wanted) }
      let bytes = window.span.extracting((offset - windowOffset)..<window.count)
      switch LogRecord.read(bytes, available: byteCount - offset) {
      case .needs(let count): wanted = count
      case .bad(.magic) where bytes[0] == 0: return .bad(.zeros)
      case let outcome: return outcome
      }
    }
  }

  /// The next place behind `offset` at which the magic stands, or the end of the file.
  private mutating func nextMagic(after offset: Int) -> Int {
    var candidate = offset + 1
    let first = UInt8(truncatingIfNeeded: LogRecord.magic)
    while candidate < byteCount {
      guard load(candidate, 1) else { return byteCount }
      let bytes = window.span
      var index = candidate - windowOffset
      while index < bytes.count, bytes[index] != first { index &+= 1 }
      if index < bytes.count { return windowOffset + index }
      candidate = windowOffset + bytes.count
    }
    return byteCount
  }

  /// Has `count` bytes at `offset` in the window; `false` when they cannot be read.
  private mutating func load(_ offset: Int, _ count: Int) -> Bool {
    if offset >= windowOffset, offset + count <= windowOffset + window.count { return true }
    guard let file else { return false }
    do throws(SystemError) {
      let wanted = min(max(count, Self.pieceByteCount), byteCount - offset)
      window = try file.read(at: offset, count: wanted)
      windowOffset = offset
      if window.count >= count { return true }
      unreadable(
        offset,
        SystemError(code: SystemError.Code.inputOutput, operation: "read", path: path)
      )
    } catch {
      unreadable(offset, error)
    }
    return false
  }

  private mutating func unreadable(_ offset: Int, _ error: SystemError) {
    readError = error
    damages.append(
      Damage(
        severity: .unreadable,
        path: path,
        offset: offset,
        byteCount: byteCount - offset,
        what: "\(error.operation) failed with error \(error.code)"
      )
    )
  }
}
