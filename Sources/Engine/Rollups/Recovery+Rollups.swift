internal import Blocks
internal import Logging
internal import Model
internal import Platform

extension Recovery {
  /// Opens the rollups that a manifest names, and removes files that it does not.
  ///
  /// One that is damaged is set aside, or stays for what can be read of it; its days count as
  /// changed, so that they are folded again as far as their raw rows are there.
  mutating func openRollups(
    _ manifests: ManifestStore,
    _ manifest: inout Manifest
  ) throws(EngineError) -> [RollupReader] {
    var readers: [RollupReader] = []
    var lost: [RollupFile] = []
    var torn: [RollupFile] = []
    for file in manifest.rollups.files {
      let path = manifests.path(of: file)
      do throws(BlockError) {
        let reader = try RollupReader.open(blockFiles, path: path)
        guard reader.identity == file.identity else { throw .mismatch(.header) }
        report.damages += reader.damages
        readers.append(reader)
        if !reader.damages.isEmpty { torn.append(file) }
      } catch {
        if case .system(let failure) = error, failure.isOutOfResources { throw .system(failure) }
        setAside(path, error.text, file.lossRange)
        lost.append(file)
      }
    }
    manifest.rollups.lose(lost)
    for file in torn { manifest.rollups.doubt(file) }
    let leftovers = try wrap { () throws(SystemError) in
      try manifests.rollupLeftovers(of: manifest.rollups)
    }
    for path in leftovers { try? disk.remove(path) }
    return readers
  }

  /// Says so when there are rollups of which none are made any more.
  func tellOfFormerRollups(_ partitions: [OpenedPartition]) {
    for unit in retention.formerUnits {
      let files = partitions.flatMap(\.manifest.rollups.files).filter { $0.identity.unit == unit }
      parts.logger.log(
        .rollupsKept,
        .warning,
        "windows of \(unit.name) are made no more; what is there stays and answers",
        [
          "files": .stringConvertible(files.count),
          "bytes": .stringConvertible(files.reduce(0) { $0 + $1.byteCount }),
        ]
      )
    }
  }
}
