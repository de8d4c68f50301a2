internal import Engine
internal import Platform

/// A data directory for one run, gone when it ends.
struct ScratchDirectory: Sendable {
  let path: String
  private let disk = RealDisk()

  /// - Parameter name: what its name begins with.
  init(_ name: String = "varve-demo") throws {
    let base = ProcessEnvironment.value(of: "TMPDIR") ?? "/tmp"
    path = Path.join(base, "\(name)-\(UInt64.random(in: .min ... .max))")
    do throws(SystemError) { try disk.createDirectory(path) } catch {
      throw Failure("cannot make a temporary directory: \(error)")
    }
  }

  func engineConfiguration() throws -> EngineConfiguration {
    let machine = MachineResources.current()
    do throws(SystemError) {
      return EngineConfiguration.scaled(
        dataDirectory: path,
        machineMemory: machine.memoryByteCount,
        disk: try disk.space(at: path).total,
        cores: machine.coreCount
      )
    } catch {
      throw Failure("\(error)")
    }
  }

  /// Removes what is in it.
  func renew() throws {
    remove()
    do throws(SystemError) { try disk.createDirectory(path) } catch { throw Failure("\(error)") }
  }

  /// Best effort: what cannot be removed stays behind. A server that still runs may make files
  /// meanwhile, hence a few attempts.
  func remove() {
    for _ in 0..<8 {
      Self.removeTree(path, disk)
      if (try? disk.list(path))?.isEmpty ?? true { return }
    }
  }

  static func removeTree(_ path: String, _ disk: RealDisk) {
    for name in (try? disk.list(path)) ?? [] { removeTree(Path.join(path, name), disk) }
    try? disk.remove(path)
  }
}
