internal import Glibc
internal import Synchronization

/// SIGTERM and SIGINT as a call on an ordinary thread, where everything is allowed.
public enum TerminationSignals {
  /// Keeps a peer that hangs up from killing the process: writes to it fail with `EPIPE` instead.
  public static func ignoreBrokenPipe() { signal(SIGPIPE, SIG_IGN) }

  /// Hands each of the two signals that arrives to `body`, on a thread of its own, for as long as
  /// the process lives. A later call takes over from an earlier one.
  ///
  /// - Parameter body: gets the signal's name, `SIGTERM` or `SIGINT`; called again for each further
  ///   signal, so that a second one may end a stop that hangs.
  public static func handle(_ body: @escaping @Sendable (String) -> Void) throws(SystemError) {
    var ends: [Int32] = [0, 0]
    try SystemCall.run("pipe", "signals") { unsafe pipe(&ends) }
    let (reading, writing) = (ends[0], ends[1])
    _ = try WorkerThread(name: "signals") {
      var number: UInt8 = 0
      while true {
        let count = unsafe read(reading, &number, 1)
        if count == 1 { body(Int32(number) == SIGTERM ? "SIGTERM" : "SIGINT") }
        if count == 0 { return }
      }
    }
    pipeForSignals.store(writing, ordering: .releasing)
    for number in [SIGTERM, SIGINT] { signal(number, passOn) }
  }

  /// The signal handler: one write, which is allowed in it.
  private static let passOn: @convention(c) (Int32) -> Void = { number in
    let code = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = unsafe write(pipeForSignals.load(ordering: .acquiring), &byte, 1)
    errno = code
  }
}

/// The writing end of the pipe to the thread; process-wide, as signals are.
private let pipeForSignals = Atomic<Int32>(-1)
