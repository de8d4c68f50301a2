public import Platform
internal import Synchronization

/// A disk in memory that keeps the promises of ``Disk`` and not one more.
///
/// - ``crash(_:)`` undoes what was not synced: appends are lost or torn at any byte, stores into
///   mapped regions are dropped or torn at 512-byte sectors, creations, renames and removals of
///   names without a sync of their folder are lost. Folders are durable at once.
/// - Faults can be ordered: see ``fail(_:after:times:code:)``, ``limitFreeSpace(to:)`` and
///   ``powerOff(afterOperations:)``.
///
/// All chance comes from the seed, so a single-threaded run replays exactly. Usable from several
/// threads. Handles from before a crash fail every call with `EIO`.
public final class FaultyDisk: Sendable {
  /// What a call does, for ``fail(_:after:times:code:)``.
  public enum Operation: Hashable, Sendable {
    /// Opening a file for reading.
    case open
    /// Reading bytes of a file.
    case read
    /// An append, a truncation, the allocation of an extent.
    case write
    /// The sync of a file, a region or a folder.
    case sync
    /// A creation, rename or removal.
    case name
  }

  /// How a machine goes down.
  public enum Crash: Sendable {
    /// Power fails: of what was not synced, the seed decides what stays.
    case power
    /// Power fails and nothing that was not synced stays.
    case powerLosingAll
    /// The process is killed: what was written is in the kernel's hands and stays.
    case kill
  }

  let state: Mutex<FaultyState>

  /// An empty disk, or one that holds `files` (path to bytes) durably.
  public init(seed: UInt64 = 1, files: [String: [UInt8]] = [:]) {
    var initial = FaultyState(random: SeededRandom(seed: seed))
    initial.install(files)
    state = Mutex(initial)
  }

  // MARK: Crashes

  /// Takes the machine down and up again: undoes what the crash undoes, ends every ordered fault
  /// but a limit of space, drops all locks.
  public func crash(_ kind: Crash = .power) { state.withLock { $0.crash(kind) } }

  /// Lets `count` more changing operations (all but reads) succeed; the next one and every call
  /// after it fail until ``crash(_:)``. With 0 the power is off at once.
  public func powerOff(afterOperations count: Int) { state.withLock { $0.operationsLeft = count } }

  /// Whether the power went off.
  public var isOff: Bool { state.withLock { $0.isOff } }

  /// Changing operations so far. A run without faults tells how many crash points there are.
  public var operationCount: Int { state.withLock { $0.operationCount } }

  // MARK: Faults

  /// Lets `skipped` operations of a kind succeed and the following `times` fail with `code`. A
  /// failed append leaves any prefix behind; a failed sync loses what it should have stored, also
  /// for later syncs.
  public func fail(
    _ operation: Operation,
    after skipped: Int = 0,
    times: Int = 1,
    code: Int32 = SystemError.Code.inputOutput
  ) {
    state.withLock {
      $0.faults[operation] = FaultyState.Fault(skipped: skipped, times: times, code: code)
    }
  }

  /// Whether a fault of this kind still waits for its first operation to fail.
  public func isWaiting(toFail operation: Operation) -> Bool {
    state.withLock { ($0.faults[operation]?.skipped ?? 0) > 0 }
  }

  /// From now on only `byteCount` more bytes fit (`ENOSPC` beyond them); what is removed or
  /// truncated gives space back. `nil` ends the limit.
  public func limitFreeSpace(to byteCount: Int?) {
    state.withLock { state in
      state.capacity = byteCount.map { state.usedByteCount + $0 }
    }
  }

  // MARK: Looking and damaging

  /// All files as a program sees them now: path to bytes.
  public var files: [String: [UInt8]] {
    state.withLock { state in
      state.names.live.mapValues { state.nodes[$0]?.content ?? [] }
    }
  }

  /// All files as the disk holds them: the state after ``Crash/powerLosingAll``.
  public var durableFiles: [String: [UInt8]] {
    state.withLock { state in
      state.names.durable.mapValues { state.nodes[$0]?.durable ?? [] }
    }
  }

  /// A new disk with the files of this one, all of them durable: one start for many experiments.
  public func copy(seed: UInt64) -> FaultyDisk { FaultyDisk(seed: seed, files: files) }

  /// Changes the bytes of `path` behind everybody's back, durably. Not for a mapped file that is
  /// in use: its regions keep what they had. Traps when there is no such file.
  public func damage(_ path: String, _ body: (inout [UInt8]) -> Void) {
    state.withLock { state in
      guard let id = state.names.live[FaultyState.normal(path)], let node = state.nodes[id] else {
        preconditionFailure("no file \(path)")
      }
      var content = node.content
      body(&content)
      state.nodes[id]?.overwrite(content)
    }
  }

  /// Turns over one bit of a file.
  public func flip(bit: Int, of path: String) { damage(path) { $0 = $0.flipping(bit: bit) } }
}
