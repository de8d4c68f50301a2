internal import Codecs
internal import Model
public import Platform

extension ManifestStore {
  /// Makes the manifest anew from what the blocks say of themselves.
  ///
  /// The last cut whose blocks are all there, or that was merged, is taken as the last committed
  /// one: blocks are durable before the manifest is renamed, and each says how many its cut has.
  /// What lies behind it was never committed and is still in the log. A gap before it is a loss and
  /// is reported with its offsets.
  ///
  /// Blocks of cuts of which retention removed some tenants' are reported as lost too: without a
  /// manifest nobody can tell.
  ///
  /// - Complexity: opens every block.
  public func rebuild() throws(SystemError) -> LoadedManifest {
    try rebuild(after: nil)
  }

  /// A partition without a manifest: new when it has no blocks either.
  func rebuildUnlessNew() throws(SystemError) -> LoadedManifest {
    let hasBlocks = try disk.list(blocksDirectory).contains { name in
      BlockIdentity.parse(fileName: name) != nil || BlockIdentity.blockName(ofStub: name) != nil
    }
    let rollups = try disk.list(rollupsDirectory)
    let hasRollups = rollups.contains { $0.hasSuffix(RollupIdentity.suffix) }
    if hasBlocks || hasRollups { return try rebuild(after: .tooShort(byteCount: 0)) }
    var loaded = LoadedManifest(Manifest(partition: partition))
    try findLeftovers(&loaded)
    return loaded
  }

  func rebuild(after error: BlockError?) throws(SystemError) -> LoadedManifest {
    var survey = BlockSurvey()
    let names = try disk.list(blocksDirectory)
    for name in names {
      let blockName = BlockIdentity.blockName(ofStub: name)
      guard let parsed = BlockIdentity.parse(fileName: blockName ?? name) else { continue }
      // A block that was not removed yet is nearer than its copy.
      if let blockName, names.contains(blockName) { continue }
      let path = Path.join(blocksDirectory, name)
      do throws(BlockError) {
        let reader =
          blockName == nil
          ? try BlockReader.open(disk: disk, path: path)
          : try BlockReader.open(disk: disk, stub: path)
        let identity = reader.summary.identity
        guard identity.partition == partition, identity.a == parsed.a, identity.b == parsed.b,
          identity.tenant == parsed.tenant
        else { throw BlockError.mismatch(.header) }
        survey.damages += reader.damages
        survey.blocks.append(SurveyedBlock(summary: reader.summary, ledger: reader.ledger))
      } catch {
        if error.isRefusal, case .system(let refusal) = error { throw refusal }
        survey.damages.append(
          Damage(
            severity: .unreadable,
            path: path,
            offset: 0,
            byteCount: try disk.byteCount(of: path) ?? 0,
            what: error.text,
            range: "offsets \(parsed.a.rawValue) ..< \(parsed.b.rawValue) of partition "
              + "\(partition.rawValue), tenant \(parsed.tenant.rawValue)"
          )
        )
      }
    }
    var manifest = survey.manifest(partition, path: path)
    manifest.rollups = try rebuiltRollups(manifest.blocks)
    var loaded = LoadedManifest(manifest, damages: survey.damages, wasRebuilt: true)
    if let error {
      let byteCount = try disk.byteCount(of: path)
      loaded.damages.append(
        Damage(
          severity: .damage,
          path: path,
          offset: 0,
          byteCount: byteCount ?? 0,
          what: (byteCount == nil ? "manifest is missing" : error.text)
            + "; it was rebuilt from \(loaded.manifest.blocks.count) blocks"
        )
      )
    }
    try findLeftovers(&loaded)
    return loaded
  }
}

/// A block and the totals of its cut.
private struct SurveyedBlock {
  var summary: BlockSummary
  var ledger: [LedgerEntry]?

  var identity: BlockIdentity { summary.identity }
}

/// All blocks of a partition that could be opened, and what they add up to.
private struct BlockSurvey {
  var blocks: [SurveyedBlock] = []
  var damages: [Damage] = []

  /// The blocks of one writing of one cut: a cut that was not committed may have been written again
  /// after a restart, with other offsets.
  private struct Writing {
    var blocks: [SurveyedBlock]
    var identity: BlockIdentity { blocks[0].identity }
    var missingCount: Int { Int(identity.count) - blocks.count }
  }

  mutating func manifest(_ partition: PartitionID, path: String) -> Manifest {
    let cuts = writings()
    // Only committed cuts are merged. Of a merged one some blocks may be missing: retention removes
    // them.
    guard
      let last = cuts.lastIndex(where: { $0.missingCount == 0 || $0.identity.strength != .head })
    else {
      return Manifest(partition: partition)
    }
    var manifest = Manifest(partition: partition)
    for cut in cuts[...last] {
      reportGaps(before: cut, manifest, path)
      manifest.cut = cut.identity.cut
      manifest.epoch = max(manifest.epoch, cut.identity.epoch)
      manifest.nextOffset = cut.identity.b
      manifest.blocks += cut.blocks.map(\.summary)
      // Written one after another, each with the counts so far: the last one knows them all.
      if let ledger = cut.blocks.reversed().lazy.compactMap(\.ledger).first {
        manifest.ledger = ledger
      } else {
        report(path, "the ledger's totals of cut \(cut.identity.cut) are lost")
      }
    }
    return manifest
  }

  /// One writing of each cut, in order: a whole one if there is one, then the newest.
  private func writings() -> [Writing] {
    var best: [UInt64: Writing] = [:]
    let groups = Dictionary(grouping: blocks) { block in
      BlockIdentity(
        partition: block.identity.partition,
        tenant: TenantID(0),
        epoch: block.identity.epoch,
        a: block.identity.a,
        b: block.identity.b,
        cut: block.identity.cut,
        index: 0,
        count: block.identity.count,
        strength: block.identity.strength,
        revision: block.identity.revision
      )
    }
    for blocks in groups.values {
      let writing = Writing(blocks: blocks.sorted { $0.identity.tenant < $1.identity.tenant })
      let cut = writing.identity.cut
      if let other = best[cut], Self.isBetter(other, writing) { continue }
      best[cut] = writing
    }
    return Self.outermost(Array(best.values)).sorted { $0.identity.cut < $1.identity.cut }
  }

  /// Without the cuts that were merged into another one that is whole: a compaction that a crash
  /// cut short before it removed its inputs.
  private static func outermost(_ writings: [Writing]) -> [Writing] {
    let merged = writings.filter {
      $0.missingCount == 0 && $0.identity.strength != .head
    }
    return writings.filter { inner in
      !merged.contains { outer in
        outer.identity.cut != inner.identity.cut && outer.identity.a <= inner.identity.a
          && outer.identity.b >= inner.identity.b
      }
    }
  }

  private static func isBetter(_ left: Writing, _ right: Writing) -> Bool {
    let leftIsWhole = left.missingCount == 0
    guard leftIsWhole == (right.missingCount == 0) else { return leftIsWhole }
    // The result of a compaction covers the cut and those before it.
    let (leftStrength, rightStrength) = (left.identity.strength, right.identity.strength)
    if leftStrength != rightStrength { return leftStrength.rawValue > rightStrength.rawValue }
    let (leftRevision, rightRevision) = (left.identity.revision, right.identity.revision)
    if leftRevision != rightRevision { return leftRevision > rightRevision }
    return left.identity.epoch > right.identity.epoch
  }

  private mutating func reportGaps(before cut: Writing, _ manifest: Manifest, _ path: String) {
    let identity = cut.identity
    let end = manifest.nextOffset.rawValue
    if identity.a.rawValue > end {
      report(path, "no block holds offsets \(end) ..< \(identity.a.rawValue)")
    }
    if cut.missingCount > 0 {
      let held = "offsets \(identity.a.rawValue) ..< \(identity.b.rawValue)"
      report(path, "\(cut.missingCount) of \(identity.count) blocks that hold \(held) are lost")
    }
  }

  private mutating func report(_ path: String, _ what: String) {
    damages.append(
      Damage(severity: .damage, path: path, offset: 0, byteCount: 0, what: what)
    )
  }
}
