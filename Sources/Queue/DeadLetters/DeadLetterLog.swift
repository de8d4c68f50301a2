internal import Bytes
public import Model
public import Platform
internal import Synchronization

/// Refused lines, kept to be read back: a few files, the oldest of which makes room.
///
/// Best effort by design: letters are not synced, and when they cannot be written they are counted
/// and dropped, for the sender has had its answer. Safe from any thread.
public final class DeadLetterLog: Sendable {
  /// Bounds of the log.
  public struct Options: Sendable {
    public var fileByteCountMax = 8 << 20
    /// Files in all, at least 1.
    public var fileCountMax = 2

    public init() {}
  }

  /// How the log has fared since it was opened.
  public struct Statistics: Sendable, Equatable {
    public var letters: UInt64 = 0
    public var dropped: UInt64 = 0
    /// Why the last letter that was dropped was.
    public var failure: SystemError?
  }

  private struct State {
    var file: (any AppendFile)?
    /// Sequences of the files that are there, oldest first; empty until somebody looked.
    var sequences: [UInt64] = []
    var statistics = Statistics()
  }

  private let disk: any Disk
  private let directory: String
  private let clock: any Clock
  private let options: Options
  private let state = Mutex(State())

  /// Touches no disk: the files are opened with the first letter.
  public init(
    disk: any Disk,
    directory: String,
    clock: any Clock = RealClock(),
    options: Options = Options()
  ) {
    precondition(options.fileCountMax >= 1)
    self.disk = disk
    self.directory = directory
    self.clock = clock
    self.options = options
  }

  public var statistics: Statistics { state.withLock { $0.statistics } }

  // MARK: Writing

  public func append(_ letter: DeadLetter) { append([letter]) }

  /// Appends letters with one write.
  ///
  /// Cost: a system call, under a lock; some microseconds.
  public func append(_ letters: [DeadLetter]) {
    guard !letters.isEmpty else { return }
    var writer = ByteWriter(reserving: 256 * letters.count)
    for letter in letters { DeadLetterFile.encode(letter, into: &writer) }
    let bytes = writer.bytes
    state.withLock { state in
      do throws(SystemError) {
        try file(&state, for: bytes.count).append(bytes)
        state.statistics.letters += UInt64(letters.count)
      } catch {
        state.statistics.dropped += UInt64(letters.count)
        state.statistics.failure = error
        // Whatever of it is in the file is excused when the file is opened again.
        state.file?.close()
        state.file = nil
      }
    }
  }

  /// The open file with room for so many bytes; makes a new one, and removes the oldest, when it is
  /// full.
  private func file(
    _ state: inout State,
    for byteCount: Int
  ) throws(SystemError) -> any AppendFile {
    if state.sequences.isEmpty { try list(&state) }
    let file = try openNewest(&state)
    if let file {
      let isEmpty = file.byteCount <= DeadLetterFile.headerByteCount
      if isEmpty || file.byteCount + byteCount <= options.fileByteCountMax { return file }
      file.close()
      state.file = nil
    }
    let sequence = (state.sequences.last ?? 0) + 1
    let next = try disk.append(to: path(of: sequence))
    state.sequences.append(sequence)
    state.file = next
    try next.append(DeadLetterFile.header(sequence: sequence, created: clock.now()))
    while state.sequences.count > options.fileCountMax {
      do throws(SystemError) { try disk.remove(path(of: state.sequences[0])) } catch
        where error.isMissing
      {}
      state.sequences.removeFirst()
    }
    return next
  }

  private func list(_ state: inout State) throws(SystemError) {
    try disk.createDirectory(directory)
    state.sequences = try sequences()
  }

  /// The newest file: the open one, or the one that an error or an earlier run left.
  private func openNewest(_ state: inout State) throws(SystemError) -> (any AppendFile)? {
    if let file = state.file { return file }
    guard let newest = state.sequences.last else { return nil }
    let file = try disk.append(to: path(of: newest))
    if file.byteCount < DeadLetterFile.headerByteCount {
      // It never got as far as a letter.
      try file.truncate(to: 0)
      try file.append(DeadLetterFile.header(sequence: newest, created: clock.now()))
    } else if file.byteCount > DeadLetterFile.headerByteCount {
      try file.append(DeadLetterFile.resumption)
    }
    state.file = file
    return file
  }

  private func path(of sequence: UInt64) -> String {
    Path.join(directory, DeadLetterFile.name(of: sequence))
  }

  // MARK: Reading

  /// The newest letters, newest first.
  ///
  /// - Parameters:
  ///   - countMax: at most so many.
  ///   - tenant: only of this tenant, if any.
  ///
  /// Cost: reads the files from the newest on, each whole; up to ``Options/fileByteCountMax`` bytes
  /// in memory at once.
  public func newest(
    countMax: Int,
    tenant: TenantID? = nil
  ) throws(SystemError) -> [DeadLetter] {
    var result: [DeadLetter] = []
    for sequence in try sequences().reversed() where result.count < countMax {
      guard let bytes = try read(sequence) else { continue }
      var letters: [DeadLetter] = []
      _ = DeadLetterFile.read(bytes) { letter in
        if tenant == nil || letter.tenant == tenant { letters.append(letter) }
      }
      result.append(contentsOf: letters.suffix(countMax - result.count).reversed())
    }
    return result
  }

  /// Reads everything and tells what is wrong; never fails.
  public func check() -> [Damage] {
    var damages: [Damage] = []
    do throws(SystemError) {
      for sequence in try sequences() { damages += try check(sequence) }
    } catch {
      damages.append(
        Damage(severity: .unreadable, path: error.path, offset: 0, byteCount: 0, what: "\(error)")
      )
    }
    return damages
  }

  private func check(_ sequence: UInt64) throws(SystemError) -> [Damage] {
    guard let bytes = try read(sequence) else { return [] }
    return DeadLetterFile.read(bytes) { _ in }.map { stretch in
      // Letters are not synced: what is missing at the end, or was never written, is no damage.
      let range = stretch.range
      var look = TornLook(start: range.lowerBound)
      for byte in bytes[range] { look.see(byte) }
      let isCrash = stretch.isExcused || range.upperBound == bytes.count || look.isTorn
      return Damage(
        severity: isCrash ? .note : .damage,
        path: path(of: sequence),
        offset: range.lowerBound,
        byteCount: range.count,
        what: isCrash ? "torn by a crash" : "no sound dead letter"
      )
    }
  }

  private func sequences() throws(SystemError) -> [UInt64] {
    try disk.list(directory).compactMap { DeadLetterFile.sequence(of: $0) }.sorted()
  }

  /// `nil` when the file made room meanwhile.
  private func read(_ sequence: UInt64) throws(SystemError) -> [UInt8]? {
    do throws(SystemError) {
      let file = try disk.open(path(of: sequence))
      // Somebody else's file of that name must not fill the memory.
      return try file.read(at: 0, count: min(file.byteCount, 4 * options.fileByteCountMax))
    } catch {
      if error.isMissing { return nil }
      throw error
    }
  }
}
