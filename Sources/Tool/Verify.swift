internal import ArgumentParser

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check every checksum of a data directory."
  )
  @Option(help: "The data directory.") var data: String
  func run() throws {}
}
