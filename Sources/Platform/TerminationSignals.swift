internal import Glibc

/// SIGTERM and SIGINT as a call on an ordinary thread, where everything is allowed.
public enum TerminationSignals {
  /// Keeps a peer that hangs up from killing the process: writes to it fail with `EPIPE` instead.
  /// Early in `main`.
  public static func ignoreBrokenPipe() { signal(SIGPIPE, SIG_IGN) }

  /// Blocks both signals in the calling thread, and so in all that it starts, and hands each one
  /// that arrives to `body` on a thread of its own, for as long as the process lives.
  ///
  /// To be called once, early in `main`, before any other thread runs.
  ///
  /// - Parameter body: gets the signal's name, `SIGTERM` or `SIGINT`; called again for each further
  ///   signal, so that a second one may end a stop that hangs.
  public static func handle(_ body: @escaping @Sendable (String) -> Void) throws(SystemError) {
    var signals = Self.signals()
    let code = unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    precondition(code == 0, "the set and the way are fixed")
    _ = try WorkerThread(name: "signals") {
      var signals = Self.signals()
      while true {
        var number: Int32 = 0
        guard unsafe sigwait(&signals, &number) == 0 else { continue }
        body(number == SIGTERM ? "SIGTERM" : "SIGINT")
      }
    }
  }

  private static func signals() -> sigset_t {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe sigaddset(&signals, SIGINT)
    return signals
  }
}
