package import Engine
internal import Platform
package import Server

/// Everything that `varve serve` can be told, as the table of ``Setting``s reads and writes it.
package struct ServeConfiguration: Sendable {
  package var engine: EngineConfiguration
  package var server = ServerConfiguration()
  package var logLevel = LogLevel.info
  package var logFormat = LogFormat.text

  package init(engine: EngineConfiguration) { self.engine = engine }

  /// Defaults that fit a machine.
  package init(fitting machine: MachineFacts) {
    engine = EngineConfiguration.scaled(
      dataDirectory: "",
      machineMemory: machine.memoryByteCount,
      disk: machine.diskByteCount,
      cores: machine.coreCount
    )
    server.answerByteCountMax = engine.queryByteCountMax
    server.lineLoopCount = max(1, min(64, machine.coreCount))
    server.writeLoopCount = server.lineLoopCount
    server.lineConnectionCountMax = max(
      1,
      min(server.lineConnectionCountMax, machine.openFileCountMax / 2)
    )
  }
}

/// What defaults are scaled by.
package struct MachineFacts: Hashable, Sendable {
  package var memoryByteCount: Int
  /// Size of the file system that the data directory lies on.
  package var diskByteCount: Int
  package var coreCount: Int
  /// Descriptors that the process may have open.
  package var openFileCountMax: Int

  package init(memoryByteCount: Int, diskByteCount: Int, coreCount: Int, openFileCountMax: Int) {
    self.memoryByteCount = memoryByteCount
    self.diskByteCount = diskByteCount
    self.coreCount = coreCount
    self.openFileCountMax = openFileCountMax
  }

  /// The machine that documentation is written for: nothing on it is scarce.
  package static let large = MachineFacts(
    memoryByteCount: 1 << 40,
    diskByteCount: 1 << 50,
    coreCount: 2,
    openFileCountMax: 1 << 20
  )

  /// This machine.
  ///
  /// - Parameter data: the data directory; where it is not there yet, its nearest parent counts.
  static func current(data: String?) -> MachineFacts {
    let machine = MachineResources.current()
    return MachineFacts(
      memoryByteCount: machine.memoryByteCount,
      diskByteCount: diskByteCount(data ?? "."),
      coreCount: machine.coreCount,
      openFileCountMax: ProcessLimits.raiseOpenFileCount()
    )
  }

  private static func diskByteCount(_ path: String) -> Int {
    let disk = RealDisk()
    var path = path
    while true {
      if let space = try? disk.space(at: path) { return space.total }
      guard let slash = path.lastIndex(of: "/") else {
        return (try? disk.space(at: "."))?.total ?? 1 << 40
      }
      path = slash == path.startIndex ? "/" : String(path[..<slash])
      if path == "/" { return (try? disk.space(at: "/"))?.total ?? 1 << 40 }
    }
  }
}
