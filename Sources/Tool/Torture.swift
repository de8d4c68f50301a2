internal import ArgumentParser
internal import Platform

/// Proves on this machine that nothing acknowledged is lost.
struct Torture: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Kill a server again and again and prove that nothing acknowledged is lost.",
    discussion: """
      Starts a server of its own under load over TCP with acknowledgements, kills it with SIGKILL \
      at random moments and at named points (in the middle of a cut, of a manifest's switch, of a \
      start), deletes some of the rows meanwhile, starts it again, reads everything back and \
      compares it with what was acknowledged: every point, every minute's window, \
      the ledger. Exit status 1 when anything is wrong.
      """
  )

  @Option(help: "A directory that is new or empty. (default: a temporary one, removed at the end)")
  var data: String?

  @Option(help: "How often the server is killed.")
  var cycles = 20

  @Option(help: "Decides moments, points and rows. (default: another one each time)")
  var seed: UInt64?

  func validate() throws { try Check.range(cycles, 1...1_000_000, option: "cycles") }

  func run() throws {
    let seed = seed ?? .random(in: 0...999_999)
    let scratch = data == nil ? try ScratchDirectory("varve-torture") : nil
    let path = data ?? Path.join(scratch?.path ?? "", "data")
    let names: [String]
    do throws(SystemError) {
      names = try RealDisk().list(path)
    } catch {
      throw Failure("cannot use \(path): \(error)")
    }
    guard names.isEmpty else {
      throw Failure("\(path) is not empty; torture needs a directory of its own")
    }
    let log = "\(path).log"
    StandardOutput.write("seed        \(seed)\ndata        \(path)\n")
    let run = TortureRun(data: path, log: log, seed: seed)
    let isTerminal = StandardOutput.isTerminal
    try run.run(cycles: cycles) { run in
      if isTerminal { StandardOutput.writeError("\r\u{1b}[K" + TortureText.progress(run, cycles)) }
    }
    if isTerminal { StandardOutput.writeError("\r\u{1b}[K") }
    StandardOutput.write(TortureText.report(run))
    guard run.faults.isClean else {
      throw Failure("\(path) and \(log) are left for a look; --seed \(seed) makes the same rows")
    }
    scratch?.remove()
  }
}

/// What `varve torture` prints.
enum TortureText {
  static func progress(_ run: TortureRun, _ cycles: Int) -> String {
    "cycle \(run.figures.cycles) of \(cycles): \(Quantity.grouped(run.figures.acknowledgedRows)) "
      + "rows acknowledged, \(Quantity.decimals(run.figures.seconds, 0)) s"
  }

  static func report(_ run: TortureRun) -> String {
    let figures = run.figures
    let faults = run.faults
    let points = figures.killsByPoint.sorted { $0.key < $1.key }
    let struck = points.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    let killCount = points.reduce(0) { $0 + $1.value }
    let (starting, running) = (figures.startPeakByteCount >> 20, figures.peakByteCount >> 20)
    var text =
      line("cycles", "\(figures.cycles) in \(Quantity.decimals(figures.seconds, 1)) s")
      + line(
        "starts",
        "\(figures.starts); killed at a named point \(killCount) times, while starting "
          + "\(figures.killsWhileStarting) times"
      )
    if killCount > 0 { text += line("points", struck) }
    text += line("memory", "at most \(starting) MiB once started, \(running) MiB before a kill")
    text +=
      line("acknowledged", "\(Quantity.grouped(figures.acknowledgedRows)) rows")
      + line(
        "deleted",
        "\(Quantity.grouped(figures.deletedRows)) others, by "
          + "\(Quantity.grouped(figures.deletes)) deletes; sent again they count above"
      )
      + line(
        "stored",
        "\(Quantity.grouped(figures.storedRows)) rows, "
          + "\(Quantity.grouped(figures.storedPoints)) points"
      )
      + line("missing", "\(faults.missing)")
      + line("invented", "\(faults.invented)")
      + line("duplicated", "\(faults.duplicated)")
      + line("windows wrong", "\(faults.windowsWrong)")
      + line("ledger off by", "\(faults.ledgerOff)")
      + line("other faults", "\(faults.other)")
    for example in faults.examples { text += line("", example) }
    return text
  }

  private static func line(_ name: String, _ value: String) -> String {
    name + String(repeating: " ", count: max(1, 15 - name.count)) + value + "\n"
  }
}
