internal import Bytes
internal import Model
public import Platform

extension ManifestStore {
  /// Where the partition's rollups are.
  public var rollupsDirectory: String { Path.join(directory, "rollups") }

  public func path(of rollup: RollupFile) -> String {
    Path.join(rollupsDirectory, rollup.fileName)
  }

  /// Files of rollups that the manifest does not name: what a crash left of making or removing
  /// some.
  public func rollupLeftovers(of state: RollupState) throws(SystemError) -> [String] {
    let named = Set(state.files.map(\.fileName))
    return try disk.list(rollupsDirectory).filter {
      !named.contains($0) && $0.contains(RollupIdentity.suffix)
    }.map { Path.join(rollupsDirectory, $0) }
  }

  /// What rollup files say of themselves, when the manifest is lost: of each span the newest one.
  ///
  /// Days of which blocks have rows count as changed, so that they are folded again. As nobody
  /// knows which rows had gone by then, those are doubtful: their windows answer, and none of them
  /// is replaced by less.
  ///
  /// - Complexity: opens every file.
  func rebuiltRollups(_ blocks: [BlockSummary]) throws(SystemError) -> RollupState {
    var state = RollupState()
    for name in try disk.list(rollupsDirectory).sorted()
    where name.hasSuffix(RollupIdentity.suffix) {
      let path = Path.join(rollupsDirectory, name)
      guard let reader = try? RollupReader.open(disk: disk, path: path),
        reader.identity.partition == partition, reader.identity.fileName == name
      else { continue }
      let file = reader.file
      let identity = file.identity
      state.revision = max(state.revision, identity.revision)
      let rival = state.files.filter {
        $0.identity.unit == identity.unit && $0.identity.tenant == identity.tenant
          && $0.identity.span == identity.span
      }
      if let rival = rival.first, rival.identity.revision > identity.revision { continue }
      state.replaceFiles(rival, with: [file])
      let until = max(identity.until, state.coverage[identity.unit]?.until ?? 0)
      let from = min(identity.days.lowerBound, state.coverage[identity.unit]?.from ?? .max)
      state.coverage[identity.unit] = RollupState.Coverage(from: min(from, until), until: until)
    }
    let times = blocks.filter { $0.rowCount > 0 }.map { ($0.firstTimestamp, $0.lastTimestamp) }
    state.note(times, cut: 0)
    return state
  }

  /// Checks every rollup that the manifest names.
  func checkRollups(of manifest: Manifest) -> [Damage] {
    var damages: [Damage] = []
    for file in manifest.rollups.files {
      let path = path(of: file)
      do throws(BlockError) {
        let reader = try RollupReader.open(disk: disk, path: path)
        guard reader.identity == file.identity else { throw .mismatch(.header) }
        damages += reader.check()
      } catch {
        damages.append(
          Damage(
            severity: .unreadable,
            path: path,
            offset: 0,
            byteCount: file.byteCount,
            what: error.text,
            range: file.lossRange
          )
        )
      }
    }
    return damages
  }
}

extension RollupFile {
  /// All that is lost with it.
  public var lossRange: String {
    "windows of \(identity.unit.name), \(windowCount) of tenant \(identity.tenant.rawValue), days "
      + "\(identity.days.lowerBound) ..< \(identity.days.upperBound)"
  }
}
