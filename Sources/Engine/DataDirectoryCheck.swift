internal import Blocks
internal import Catalog
internal import Cold
public import Model
public import Platform
internal import Queue
internal import Ring

/// Walks a data directory and checks every checksum in it. Read-only, without the lock, so that it
/// may run beside a live server.
public struct DataDirectoryCheck: Sendable {
  public struct Result: Sendable {
    /// Damages and notes, in the order in which they were met.
    public var findings: [Damage] = []
    public var fileCount = 0
    public var byteCount = 0
  }

  /// How often a part that changed while it was read is read again.
  private static let attemptsMax = 5
  private static let pauseNanoseconds: UInt64 = 100_000_000

  private let disk: any Disk
  private let directory: DataDirectory

  public init(disk: any Disk, path: String) {
    self.disk = disk
    directory = DataDirectory(path)
  }

  /// Checks everything.
  ///
  /// - Parameter progress: told what is checked next, a few words.
  /// - Complexity: reads and decodes the whole directory once, damaged parts twice.
  public func run(progress: (String) -> Void = { _ in }) -> Result {
    var result = Result()
    progress("identity")
    guard let partitionCount = checkIdentity(&result) else { return result }
    progress("catalog")
    result.findings += settled { checkCatalog(partitionCount) }
    progress("queue")
    let log = LogReader(disk: disk, directory: directory.queue, partitionCount: partitionCount)
    result.findings += settled { log.check() }
    for index in 0..<partitionCount {
      progress("partition \(index) of \(partitionCount)")
      result.findings += settled { checkPartition(index) }
    }
    progress("cold store")
    result.findings += settled { checkColdFiles() }
    progress("dead letters")
    let letters = DeadLetterLog(disk: disk, directory: directory.deadLetters)
    result.findings += settled { letters.check() }
    progress("quarantine")
    noteQuarantine(&result)
    count(partitionCount, &result)
    return result
  }

  /// What `check` finds for good. A live server moves the ground under a check, so what it finds is
  /// looked at again until it is found twice.
  private func settled(_ check: () -> [Damage]) -> [Damage] {
    var findings = check()
    for _ in 1..<Self.attemptsMax where findings.contains(where: { $0.severity != .note }) {
      // A file of a live server may be half made for as long as a sync takes.
      _ = Signal().wait(timeoutNanoseconds: Self.pauseNanoseconds)
      let again = check()
      if again == findings { break }
      findings = again
    }
    return findings
  }

  // MARK: Parts

  /// - Returns: the number of partitions, from the identity or from the folders when it is damaged;
  ///   `nil` when this is no data directory that can be read.
  private func checkIdentity(_ result: inout Result) -> Int? {
    do throws(SystemError) {
      let folders = try disk.list(directory.path + "/partitions").filter { $0.count == 2 }.count
      guard try disk.byteCount(of: directory.identity) != nil else {
        let severity: Damage.Severity = folders > 0 ? .damage : .unreadable
        guard (try? disk.space(at: directory.path)) != nil else {
          result.findings.append(finding(severity, directory.path, "there is no such directory"))
          return nil
        }
        let what = folders > 0 ? "file is missing" : "this is no data directory: no file VARVE"
        result.findings.append(finding(severity, directory.identity, what))
        return folders > 0 ? folders : nil
      }
      let bytes = try disk.read(directory.identity, byteCountMax: 4_096)
      switch DataDirectory.decodeIdentity(bytes) {
      case .success(let count): return count
      case .failure(let fault):
        let isForeign = if case .version = fault { true } else { folders == 0 }
        result.findings.append(
          finding(
            isForeign ? .unreadable : .damage,
            directory.identity,
            fault.text,
            byteCount: bytes.count
          )
        )
        return isForeign ? nil : folders
      }
    } catch {
      result.findings.append(finding(.unreadable, error.path, "\(error)"))
      return nil
    }
  }

  private func checkCatalog(_ partitionCount: Int) -> [Damage] {
    do throws(SystemError) {
      return try Catalog.check(
        disk: disk,
        directory: directory.catalog,
        partitionCount: partitionCount
      )
    } catch {
      return [finding(.unreadable, error.path, "\(error)")]
    }
  }

  /// A partition's manifest and blocks, and the part of its ring that the manifest commits.
  private func checkPartition(_ index: Int) -> [Damage] {
    let partition = PartitionID(UInt16(index))
    let store = ManifestStore(
      disk: disk,
      directory: directory.partition(index),
      partition: partition
    )
    let manifest = (try? store.load())?.manifest
    let cold = ColdTier.remembered(of: directory, disk: disk)
    var findings = store.check(cold: cold.source)
    if let manifest {
      findings += RingCheck.check(
        disk: disk,
        directory: directory.ring(index),
        partition: partition,
        committed: manifest.ringProgress,
        cut: manifest.cut
      )
    }
    return findings
  }

  /// What the directory remembers of its cold store.
  private func checkColdFiles() -> [Damage] {
    var findings: [Damage] = []
    let files: [(path: String, isSound: ([UInt8]) -> Bool)] = [
      (directory.coldStore, { ColdLocation.decode($0) != nil }),
      (directory.coldRemovals, { ColdRemovals.decode($0) != nil }),
    ]
    for (path, isSound) in files {
      do throws(SystemError) {
        guard let byteCount = try disk.byteCount(of: path) else { continue }
        let bytes = try disk.read(path, byteCountMax: ColdRemovals.byteCountMax)
        guard !isSound(bytes) else { continue }
        findings.append(finding(.damage, path, "file is damaged", byteCount: byteCount))
      } catch {
        findings.append(finding(.unreadable, error.path, "\(error)"))
      }
    }
    return findings
  }

  /// What earlier starts have set aside is no news, but an operator wants to know that it is there.
  private func noteQuarantine(_ result: inout Result) {
    for name in (try? disk.list(directory.quarantine)) ?? [] {
      let path = Path.join(directory.quarantine, name)
      let byteCount = (try? disk.byteCount(of: path)) ?? nil
      result.findings.append(
        finding(.note, path, "was set aside as damaged", byteCount: byteCount ?? 0)
      )
    }
  }

  private func finding(
    _ severity: Damage.Severity,
    _ path: String,
    _ what: String,
    byteCount: Int = 0
  ) -> Damage {
    Damage(severity: severity, path: path, offset: 0, byteCount: byteCount, what: what)
  }

  /// Adds up the files that were checked.
  private func count(_ partitionCount: Int, _ result: inout Result) {
    var folders = [directory.catalog, directory.queue, directory.deadLetters]
    var files = [directory.identity, directory.coldStore, directory.coldRemovals]
    for index in 0..<partitionCount {
      folders += [directory.blocks(index), directory.ring(index), directory.rollups(index)]
      files.append(Path.join(directory.partition(index), "manifest"))
    }
    for folder in folders {
      files += ((try? disk.list(folder)) ?? []).map { Path.join(folder, $0) }
    }
    for file in files {
      guard let byteCount = try? disk.byteCount(of: file) else { continue }
      result.fileCount += 1
      result.byteCount += byteCount
    }
  }
}
